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
PARTS = ("domain", "store", "projections", "replay", "api", "web", "tests", "benchmarks", "pyproject.toml")
CAUGHT = 1


class NotSeeded(Exception):
    """A bug's text is no longer in the tree."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One text becomes another in every file of a pattern that has it; one at least must."""

    files: str
    old: str
    new: str

    def apply(self, tree: Path) -> None:
        """Changes the files. Raises NotSeeded."""
        found = [path for path in sorted(tree.glob(self.files)) if self.old in path.read_text()]
        if not found:
            raise NotSeeded(f"no file {self.files} has: {self.old!r}")
        for path in found:
            path.write_text(path.read_text().replace(self.old, self.new))


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug: how it is seeded, what the torture says when it catches it, and the faults that bring it out."""

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
                "import EmailTaken, LinkUnconfirmed",
                "import EmailTaken, LinkUnconfirmed, LinkUsed",
            ),
            Patch(
                "domain/commands/command_application.py",
                "                if fresh and not lost:",
                "                if True:",
            ),
        ),
        "no order explains|told that somebody else won",
    ),
    "no-key": Mutant(
        (Patch(SCHEDULING, "        if not ours and (wish.key is None or", "        if not ours and (True or"),),
        "no order explains|told that somebody else won",
        focus=("issue", "book", "repeat"),
    ),
    "key-without-digest": Mutant(
        (
            Patch(
                SCHEDULING, "        if digest(wish.body, details.salt) != booked.request_digest:", "        if False:"
            ),
        ),
        "no order explains",
        focus=("issue", "book", "repeat"),
    ),
    "get-books": Mutant(
        (
            Patch(
                "api/v1/guest_booking.py",
                "    offer = open_offer(parts, door, context)\n    return Offer(",
                "    offer = open_offer(parts, door, context)\n"
                "    if door.token_id:\n"
                "        within = days_as_interval(context.now.date(), context.now.date() + timedelta(days=3), 'UTC')\n"
                "        free = parts.scheduling.slots(offer, within, context.now)[0].start\n"
                "        visitor = {'name': 'Scanner', 'email': 's@scanner.example', 'time_zone': 'UTC'}\n"
                "        parts.scheduling.book(context, door, Wish(free, {'guest': visitor, 'notes': None}))\n"
                "    return Offer(",
            ),
        ),
        "no order explains",
    ),
    "link-version-not-checked": Mutant(
        (
            Patch(
                SCHEDULING,
                "            reads=(offer.link, offer.meeting_type, *offer.hosts),\n            reserve",
                "            reserve",
            ),
        ),
        "no order explains",
        focus=("issue", "book", "edit"),
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
                "            with nullcontext() if careful else self.connection.pipeline():"
                "  # a savepoint has to know what failed\n"
                "                for model in self.models:\n"
                "                    self.fold(model, tables[model.name], touched, until, careful)\n"
                '                self.run(MOVE, {"position": until})\n',
                '            self.run(MOVE, {"position": until})\n'
                "        with self.connection.transaction():\n"
                "            for model in self.models:\n"
                "                self.fold(model, tables[model.name], touched, until, careful)\n",
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
                'TIMEOUTS = "-c lock_timeout=5s',
                'TIMEOUTS = "-c synchronous_commit=off -c lock_timeout=5s',
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
            Patch("store/startup_checks.py", 'FORBIDDEN = ("INSERT", "UPDATE",', 'FORBIDDEN = ("INSERT",'),
        ),
        "may change the log: UPDATE",
    ),
}


@dataclass(frozen=True, slots=True)
class Hunt:
    """What came of one mutant."""

    name: str
    seconds: float
    evidence: str | None
    output: str


def hunt(names: Sequence[str], seconds: float, seed: int) -> int:
    """Hunts mutants, all of them when none is named; exit code 0 when each was caught."""
    missed = 0
    for name in names or MUTANTS:
        found = hunted(name, seconds, seed)
        missed += found.evidence is None
        print(f"{name}: {found.evidence or 'NOT CAUGHT'} ({found.seconds:.0f} s)", flush=True)
        if found.evidence is None:
            print(found.output[-4000:])
    print(f"{missed} of {len(names or MUTANTS)} were not caught")
    return int(missed > 0)


def hunted(name: str, seconds: float, seed: int) -> Hunt:
    """Runs the torture in a copy of the tree with a bug in it. Raises NotSeeded."""
    mutant = MUTANTS[name]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = Path(folder)
        copied(tree)
        for patch in mutant.patches:
            patch.apply(tree)
        options = [option for fault in mutant.faults for option in ("--fault", fault)]
        options += [option for verb in mutant.focus for option in ("--focus", verb)]
        command = ["-m", "tests.torture", "--seconds", str(seconds), "--seed", str(seed), "--patience", "60", *options]
        environment = os.environ | {"PYTHONPATH": folder, "PYTHONSAFEPATH": ""}
        done = subprocess.run(
            [sys.executable, *command], cwd=tree, env=environment, capture_output=True, text=True, timeout=300 + seconds
        )
    said = done.stdout + done.stderr
    evidence = re.search(f"^WRONG: .*?({mutant.caught_by})", said, re.M) if done.returncode == CAUGHT else None
    return Hunt(name, time.monotonic() - began, evidence[1] if evidence else None, said)


def copied(tree: Path) -> None:
    """A copy of what runs."""
    unneeded = shutil.ignore_patterns("__pycache__", "*.pyc", ".hypothesis")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, tree / part, ignore=unneeded)
        else:
            shutil.copy2(ROOT / part, tree / part)
