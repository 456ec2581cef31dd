"""The models of tests/torture/model, searched exhaustively by Spin: as they are, and with each bug seeded."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "model"
# the model that has it, and its name there, for each bug of tests/torture/mutants.py
BUGS = {
    "check-then-insert": ("booking", "BUG_CHECK_THEN_INSERT"),
    "conflict-is-link-used": ("booking", "BUG_CONFLICT_IS_USED"),
    "no-key": ("booking", "BUG_NO_KEY"),
    "key-without-digest": ("booking", "BUG_KEY_WITHOUT_DIGEST"),
    "get-books": ("booking", "BUG_GET_BOOKS"),
    "link-version-not-checked": ("booking", "BUG_LINK_VERSION"),
    "no-exclude": ("booking", "BUG_NO_EXCLUDE"),
    "old-reservation-stays": ("booking", "BUG_OLD_RESERVATION_STAYS"),
    "follower-without-fence": ("following", "BUG_NO_FENCE"),
    "position-before-rows": ("following", "BUG_POSITION_BEFORE_ROWS"),
    "commit-without-flush": ("following", "BUG_COMMIT_WITHOUT_FLUSH"),
    "log-can-be-changed": ("following", "BUG_LOG_CAN_BE_CHANGED"),
}
PATIENCE = 300


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found: how many states, whether all were looked at, and what is violated in one of them."""

    states: int
    exhaustive: bool
    violation: str | None


def installed() -> bool:
    """Whether Spin and a C compiler are here."""
    return shutil.which("spin") is not None and shutil.which("gcc") is not None


def search(model: str, bug: str | None = None) -> Search:
    """Every state of a model; the search ends at the first violation."""
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        run(folder, "spin", *([f"-D{bug}"] if bug else []), "-a", str(FOLDER / f"{model}.pml"))
        run(folder, "gcc", "-w", "-O1", "-DSAFETY", "-DMEMLIM=2048", "-o", "pan", "pan.c")
        said = run(folder, "./pan", "-m1000000", "-E")  # -E: somebody who waits for ever is no error here
    states = re.search(r"(\d+) states, stored", said)
    assert states, said
    violation = re.search(r"pan:\d+: (.*)", said)
    exhaustive = "Search not completed" not in said and "max search depth too small" not in said
    return Search(int(states[1]), exhaustive, violation[1] if violation else None)


def run(folder: str, *command: str) -> str:
    """What a program that must succeed prints."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def show() -> int:
    """Searches everything, and says what was found; exit code 0 when the models hold and every bug was found."""
    wrong = 0
    for model in ("booking", "following"):
        found = search(model)
        wrong += found.violation is not None or not found.exhaustive
        print(f"{model}: {found.states} states, {found.violation or 'nothing is violated'}", flush=True)
    for name, (model, bug) in BUGS.items():
        found = search(model, bug)
        wrong += found.violation is None
        print(f"{model} with {name}: {found.violation or 'NOT FOUND'}", flush=True)
    return int(wrong > 0)
