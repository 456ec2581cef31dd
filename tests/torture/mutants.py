"""Seeded bugs: each is switched on in a copy of the tree, and the torture there must catch it."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED_PATHS = (
    "domain",
    "store",
    "projections",
    "replay",
    "integrations",
    "api",
    "web",
    "tests",
    "benchmarks",
    "pyproject.toml",
)
CAUGHT = 1


class NotSeeded(Exception):
    """A bug's text is no longer in the tree."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Replaces one text by another in every file of a pattern that contains it; at least one must."""

    files: str
    old: str
    new: str

    def apply_patch(self, tree: Path) -> None:
        """Change the files. Raises NotSeeded."""
        paths = [path for path in sorted(tree.glob(self.files)) if self.old in path.read_text()]
        if not paths:
            raise NotSeeded(f"no file {self.files} has: {self.old!r}")
        for path in paths:
            path.write_text(path.read_text().replace(self.old, self.new))


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug: its patches, the problem that the torture reports for it, and the faults that expose it."""

    patches: tuple[Patch, ...]
    caught_by: str
    faults: tuple[str, ...] = ("appends cut", "replies cut")
    focus: tuple[str, ...] = ()


MIGRATIONS = "store/migrations/*.sql"
SCHEDULING = "domain/commands/scheduling.py"
MUTANTS: dict[str, Mutant] = {
    "check-then-insert": Mutant(
        (
            Patch(
                MIGRATIONS,
                "    IF FOUND THEN\n        RAISE EXCEPTION USING ERRCODE = 'OL001'",
                "    IF false THEN\n        RAISE EXCEPTION USING ERRCODE = 'OL001'",
            ),
            Patch(MIGRATIONS, "    UNIQUE (stream_id, version)\n", "    CHECK (true)\n"),
            Patch(MIGRATIONS, "CREATE UNIQUE INDEX one_booking_per_token", "CREATE INDEX one_booking_per_token"),
            Patch(MIGRATIONS, "    PRIMARY KEY (booking_id, host_id),\n", ""),
        ),
        r"was booked \d times|no order explains",
    ),
    "conflict-is-link-used": Mutant(
        (
            Patch(
                "store/recorder.py", "            raise StaleRead from error", "            raise LinkUsed from error"
            ),
            Patch(
                "store/recorder.py",
                "    LinkUnconfirmed,\n",
                "    LinkUnconfirmed,\n    LinkUsed,\n",
            ),
            Patch(
                "domain/commands/command_application.py",
                "                if fresh and not outcome_unknown:",
                "                if True:",
            ),
        ),
        "no order explains|told that somebody else won",
    ),
    "no-key": Mutant(
        (
            Patch(
                SCHEDULING,
                "        if not is_same_request and (request.key is None or",
                "        if not is_same_request and (True or",
            ),
        ),
        "no order explains|told that somebody else won",
        focus=("issue", "book", "repeat"),
    ),
    "key-without-digest": Mutant(
        (
            Patch(
                SCHEDULING,
                "        if compute_digest(request.body, details.salt) != booked_event.request_digest:",
                "        if False:",
            ),
        ),
        "no order explains",
        focus=("issue", "book", "repeat"),
    ),
    "get-books": Mutant(
        (
            Patch(
                "api/v1/guest_booking.py",
                "    offer = load_open_offer(services, target, context)\n    return Offer(",
                "    offer = load_open_offer(services, target, context)\n"
                "    if target.token_id:\n"
                "        today = context.now.date()\n"
                "        interval = build_days_interval(today, today + timedelta(days=3), 'UTC')\n"
                "        free = services.scheduling.list_slots(offer, interval, context.now)[0].start\n"
                "        scanner = {'name': 'Scanner', 'email': 's@scanner.example', 'time_zone': 'UTC'}\n"
                "        request = BookingRequest(free, {'guest': scanner, 'notes': None})\n"
                "        services.scheduling.book_meeting(context, target, request)\n"
                "    return Offer(",
            ),
        ),
        "no order explains",
    ),
    "link-version-not-checked": Mutant(
        (
            Patch(
                SCHEDULING,
                "reads=(offer.link, offer.meeting_type, *offer.hosts, *choice.reads),\n            reservation",
                "reservation",
            ),
        ),
        "no order explains",
        focus=("issue", "book", "edit"),
    ),
    "replacement-given-twice": Mutant(
        (
            Patch("domain/replacement.py", "import UUID, uuid5", "import UUID, uuid4"),
            Patch("domain/replacement.py", 'return uuid5(booking_id, "replacement")', "return uuid4()"),
        ),
        "no order explains",
        focus=("issue", "book", "cancel", "replace"),
    ),
    "used-link-bookable-after-replacement": Mutant(
        (
            Patch(
                SCHEDULING,
                "            if token.booked_event is not None:\n                return self.replay_booking(",
                "            replacement_id = uuid5(token.id, 'replacement')\n"
                "            if token.booked_event is not None and not self.load_aggregates([replacement_id]):\n"
                "                return self.replay_booking(",
            ),
            Patch(SCHEDULING, "import UUID, uuid4", "import UUID, uuid4, uuid5"),
            Patch(
                "domain/token.py",
                "        if self.booked_event is not None:\n            raise refusals.LinkUsed",
                "        if self.booked_event is not None and not self.cancelled:\n            raise refusals.LinkUsed",
            ),
            Patch(MIGRATIONS, "CREATE UNIQUE INDEX one_booking_per_token", "CREATE INDEX one_booking_per_token"),
        ),
        r"was booked \d times|no order explains",
        focus=("issue", "book", "cancel", "replace"),
    ),
    "reminder-after-cancellation": Mutant(
        (
            Patch(
                "domain/notifications/rules.py",
                '"MeetingCancelled": NotificationRule("cancelled")',
                '"MeetingCancelled": NotificationRule("cancelled", replaces=False)',
            ),
        ),
        "no order explains",
        focus=("issue", "book", "cancel", "see_reminders"),
    ),
    "follower-without-fence": Mutant(
        (
            Patch(
                "projections/following/follower.py",
                "SELECT {schema}.settle() AS settled\n",
                "SELECT (SELECT max(position) FROM {schema}.events) AS settled\n",
            ),
        ),
        "is not what a replay gives",
        ("an append stalls",),
    ),
    "position-before-rows": Mutant(
        (
            Patch(
                "projections/following/batch_projector.py",
                "            with nullcontext() if has_poison else self.connection.pipeline():"
                "  # a savepoint has to know what failed\n"
                "                for model in self.models:\n"
                "                    self.fold_batch(model, batch, has_poison)\n"
                '                self.execute(ADVANCE_POSITION, {"position": batch.until})\n',
                '            self.execute(ADVANCE_POSITION, {"position": batch.until})\n'
                "        with self.connection.transaction():\n"
                "            for model in self.models:\n"
                "                self.fold_batch(model, batch, has_poison)\n",
            ),
        ),
        "is not what a replay gives",
        ("pg_terminate_backend", "kill -9 of a backend"),
    ),
    "no-exclude": Mutant(
        (
            Patch(
                MIGRATIONS,
                "    PRIMARY KEY (booking_id, host_id),\n    EXCLUDE USING gist (host_id WITH =, during WITH &&)\n",
                "    PRIMARY KEY (booking_id, host_id)\n",
            ),
            Patch(MIGRATIONS, "ON CONFLICT ON CONSTRAINT reservations_host_id_during_excl", "ON CONFLICT"),
            Patch(
                MIGRATIONS,
                "            UNION ALL SELECT '.host.' || (h ->> 0), (h ->> 1)::boolean "
                "FROM jsonb_array_elements(p_hosts) h\n",
                "",
            ),
        ),
        "the calendar|no order explains",
    ),
    "old-reservation-stays": Mutant(
        (
            Patch(
                MIGRATIONS,
                "        DELETE FROM {schema}.reservations\n        WHERE booking_id IN",
                "        UPDATE {schema}.reservations SET booking_id = gen_random_uuid()\n        WHERE booking_id IN",
            ),
        ),
        "no order explains|the calendar",
    ),
    "commit-without-flush": Mutant(
        (
            Patch(
                "store/database.py",
                '"-c lock_timeout=5s',
                '"-c synchronous_commit=off -c lock_timeout=5s',
            ),
            Patch("store/startup_checks.py", '"synchronous_commit": {"on",', '"synchronous_commit": {"off", "on",'),
        ),
        "an acknowledged booking is lost|no order explains|an answer that must not be",
        ("kill -9 of the database",),
        ("issue", "book"),
    ),
    "log-can-be-changed": Mutant(
        (
            Patch(
                "store/rights.sql",
                "REVOKE ALL ON FUNCTION {schema}.append",
                "GRANT UPDATE ON {schema}.events TO {service};\nREVOKE ALL ON FUNCTION {schema}.append",
            ),
            Patch(
                "store/startup_checks.py",
                'FORBIDDEN_PRIVILEGES = ("INSERT", "UPDATE",',
                'FORBIDDEN_PRIVILEGES = ("INSERT",',
            ),
        ),
        "may change the log: UPDATE",
    ),
}


@dataclass(frozen=True, slots=True)
class MutantRun:
    """The result of one mutant."""

    name: str
    seconds: float
    evidence: str | None
    output: str


def run_mutants(names: Sequence[str], seconds: float, seed: int) -> int:
    """Run mutants, all of them when none is named. Exit code 0 when each was caught."""
    missed_count = 0
    for name in names or MUTANTS:
        result = run_mutant(name, seconds, seed)
        missed_count += result.evidence is None
        print(f"{name}: {result.evidence or 'NOT CAUGHT'} ({result.seconds:.0f} s)", flush=True)
        if result.evidence is None:
            print(result.output[-4000:])
    print(f"{missed_count} of {len(names or MUTANTS)} were not caught")
    return int(missed_count > 0)


def run_mutant(name: str, seconds: float, seed: int) -> MutantRun:
    """Run the torture in a copy of the tree with a bug in it. Raises NotSeeded."""
    mutant = MUTANTS[name]
    started_at = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        for patch in mutant.patches:
            patch.apply_patch(tree)
        options = [option for fault in mutant.faults for option in ("--fault", fault)]
        options += [option for verb in mutant.focus for option in ("--focus", verb)]
        command = ["-m", "tests.torture", "--seconds", str(seconds), "--seed", str(seed), "--patience", "60", *options]
        environment = os.environ | {"PYTHONPATH": folder, "PYTHONSAFEPATH": ""}
        process = subprocess.run(
            [sys.executable, *command], cwd=tree, env=environment, capture_output=True, text=True, timeout=300 + seconds
        )
    output = process.stdout + process.stderr
    evidence = re.search(f"^WRONG: .*?({mutant.caught_by})", output, re.M) if process.returncode == CAUGHT else None
    return MutantRun(name, time.monotonic() - started_at, evidence[1] if evidence else None, output)


def copy_tree(tree: Path) -> None:
    """Copy everything that a run needs."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".hypothesis")
    for path in COPIED_PATHS:
        if (ROOT / path).is_dir():
            shutil.copytree(ROOT / path, tree / path, ignore=ignored)
        else:
            shutil.copy2(ROOT / path, tree / path)
