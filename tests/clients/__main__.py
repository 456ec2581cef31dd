"""Runs the walk-through with both generated clients against a service: `python -m tests.clients BASE_URL API_KEY`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.clients.runs import OUTCOMES, run_python_story, run_typescript_story

for run_one in (run_typescript_story, run_python_story):
    with TemporaryDirectory() as folder:
        lines = run_one(Path(folder), *sys.argv[1:])
    print(run_one.__name__, lines)
    if lines != OUTCOMES:
        sys.exit(f"expected {OUTCOMES}")
