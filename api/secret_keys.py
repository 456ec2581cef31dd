"""Secret keys that do not fit the log's are refused: wrong, new and missing ones never pass silently."""

import logging
from collections.abc import Sequence

from api.settings import KEY_FILE, Settings, WrongSetting, split_list
from store.credentials.key_fingerprints import RecordedKeys, compute_fingerprint

log = logging.getLogger("oncelink")

COST = (
    "Without it the single-use links, guests' pages and calendar addresses that it made answer 404, calendars that it "
    "sealed cannot be read, and neither its checkpoints nor repeated erasures and API keys are recognised."
)


def check_keys(settings: Settings, recorded_keys: RecordedKeys) -> None:
    """Require the keys that open everything made in this log; generates none. Raises WrongSetting."""
    fingerprints = [compute_fingerprint(key) for key in settings.existing_keys]
    keys = recorded_keys.list_keys()
    if missing := [key.fingerprint for key in keys if key.retired_at is None and key.fingerprint not in fingerprints]:
        raise WrongSetting(describe_missing_keys(settings, missing))
    if not (keys or fingerprints) and recorded_keys.has_codes():
        raise WrongSetting(
            f"ONCELINK_SECRET_KEYS: a key made codes in this log, and none is set{describe_searched_file(settings)}. "
            f"{COST} Set it; if it is lost, set a new one, and issue anew what it made."
        )


def record_keys(settings: Settings, recorded_keys: RecordedKeys) -> None:
    """Check the keys of a process that makes codes, and record the first one; generates it for an empty log.

    A log from before there were fingerprints gets those of all keys that are set. Raises WrongSetting.
    """
    with recorded_keys.hold_lock():
        check_keys(settings, recorded_keys)
        unknown = not recorded_keys.list_keys() and recorded_keys.has_codes()
        made_codes = settings.keys if unknown else settings.keys[:1]
        if new := recorded_keys.record_keys([compute_fingerprint(key) for key in made_codes]):
            log.info("The log has noted the fingerprint of its secret key: %s. Later starts need it.", ", ".join(new))


def warn_of_new_key(settings: Settings, recorded_keys: RecordedKeys) -> None:
    """Check the keys of a process that makes no codes, and warn when the first is new. Raises WrongSetting."""
    check_keys(settings, recorded_keys)
    active = [key.fingerprint for key in recorded_keys.list_keys() if key.retired_at is None]
    if active and (first := compute_fingerprint(settings.existing_keys[0])) not in active:
        log.warning("The first secret key, %s, has made no codes in this log yet: `oncelink serve` begins.", first)


def describe_missing_keys(settings: Settings, missing: Sequence[str]) -> str:
    """Describe which keys are missing, what that breaks, and what to do."""
    which = f"the key {missing[0]}" if len(missing) == 1 else f"the keys {', '.join(missing)}"
    return (
        f"ONCELINK_SECRET_KEYS: {which} made codes in this log, and {'is' if len(missing) == 1 else 'are'} "
        f"not set{describe_searched_file(settings)}. {COST} Set it, after the key that is to make codes; "
        f"if it is lost, `oncelink keys retire {missing[0]}` says what that costs, and gives it up."
    )


def describe_searched_file(settings: Settings) -> str:
    """Describe the file that was searched for a key, unless the setting has one."""
    return "" if split_list(settings.secret_keys) else f", nor is it in {settings.data_dir.absolute() / KEY_FILE}"
