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
TIMEOUT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search: how many states, whether all were searched, and the violation found."""

    states: int
    exhaustive: bool
    violation: str | None


def is_installed() -> bool:
    """Return whether Spin and a C compiler are installed."""
    return shutil.which("spin") is not None and shutil.which("gcc") is not None


def search_model(model: str, bug: str | None = None) -> SearchResult:
    """Search every state of a model; the search ends at the first violation."""
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        run_command(folder, "spin", *([f"-D{bug}"] if bug else []), "-a", str(FOLDER / f"{model}.pml"))
        run_command(folder, "gcc", "-w", "-O1", "-DSAFETY", "-DMEMLIM=2048", "-o", "pan", "pan.c")
        output = run_command(folder, "./pan", "-m1000000", "-E")  # -E: somebody who waits for ever is no error here
    states = re.search(r"(\d+) states, stored", output)
    assert states, output
    violation = re.search(r"pan:\d+: (.*)", output)
    exhaustive = "Search not completed" not in output and "max search depth too small" not in output
    return SearchResult(int(states[1]), exhaustive, violation[1] if violation else None)


def run_command(folder: str, *command: str) -> str:
    """Run a command that must succeed. Return its output."""
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def show_results() -> int:
    """Search everything and print the results. Exit code 0 when the models hold and every bug was found."""
    failures = 0
    for model in ("booking", "following"):
        result = search_model(model)
        failures += result.violation is not None or not result.exhaustive
        print(f"{model}: {result.states} states, {result.violation or 'nothing is violated'}", flush=True)
    for name, (model, bug) in BUGS.items():
        result = search_model(model, bug)
        failures += result.violation is None
        print(f"{model} with {name}: {result.violation or 'NOT FOUND'}", flush=True)
    return int(failures > 0)
