"""Secret keys that do not fit the log's are refused: wrong, new and missing ones never pass silently."""

import logging
from collections.abc import Sequence

from api.settings import KEY_FILE, Settings, WrongSetting, split_list
from store.credentials.key_fingerprints import KnownKeys, fingerprint

log = logging.getLogger("oncelink")

COST = (
    "Without it the single-use links, guests' pages and calendar addresses that it made answer 404, calendars that it "
    "sealed cannot be read, and neither its checkpoints nor repeated erasures and API keys are recognised."
)


def check_keys(settings: Settings, known: KnownKeys) -> None:
    """Lets only keys pass with which all that was made in this log opens; makes none. Raises WrongSetting."""
    held = [fingerprint(key) for key in settings.found_keys]
    keys = known.all()
    if missing := [key.fingerprint for key in keys if key.retired_at is None and key.fingerprint not in held]:
        raise WrongSetting(sentence_on(settings, missing))
    if not (keys or held) and known.has_codes():
        raise WrongSetting(
            f"ONCELINK_SECRET_KEYS: a key made codes in this log, and none is set{where_looked(settings)}. {COST} "
            "Set it; if it is lost, set a new one, and issue anew what it made."
        )


def record_keys(settings: Settings, known: KnownKeys) -> None:
    """Checks the keys of a process that makes codes, and notes the first one; makes it for an empty log.

    A log from before there were fingerprints gets those of all keys that are set. Raises WrongSetting.
    """
    with known.turn():
        check_keys(settings, known)
        unknown = not known.all() and known.has_codes()
        made_codes = settings.keys if unknown else settings.keys[:1]
        if new := known.record([fingerprint(key) for key in made_codes]):
            log.info("The log has noted the fingerprint of its secret key: %s. Later starts need it.", ", ".join(new))


def warn_of_new_key(settings: Settings, known: KnownKeys) -> None:
    """Checks the keys of a process that makes no codes, and says when the first is new. Raises WrongSetting."""
    check_keys(settings, known)
    active = [key.fingerprint for key in known.all() if key.retired_at is None]
    if active and (first := fingerprint(settings.found_keys[0])) not in active:
        log.warning("The first secret key, %s, has made no codes in this log yet: `oncelink serve` begins.", first)


def sentence_on(settings: Settings, missing: Sequence[str]) -> str:
    """That keys are missing, what that breaks, and what to do."""
    which = f"the key {missing[0]}" if len(missing) == 1 else f"the keys {', '.join(missing)}"
    return (
        f"ONCELINK_SECRET_KEYS: {which} made codes in this log, and {'is' if len(missing) == 1 else 'are'} "
        f"not set{where_looked(settings)}. {COST} Set it, after the key that is to make codes; "
        f"if it is lost, `oncelink keys retire {missing[0]}` says what that costs, and gives it up."
    )


def where_looked(settings: Settings) -> str:
    """Where else than in the setting a key was looked for."""
    return "" if split_list(settings.secret_keys) else f", nor is it in {settings.data_dir.absolute() / KEY_FILE}"
