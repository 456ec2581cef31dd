# Tasks of the project. `just` comes with the development packages: `uv sync --locked`, then `uv run just`.

# tests that decide about `just coverage`: the domain alone, and its commands on a real log
coverage_tests := "tests/domain tests/api/v1 tests/integrations/test_outbox_worker.py tests/once/test_idempotency.py tests/once/test_unknown_outcomes.py"
coverage_least := "95"
generated := "docs/events.md docs/errors.md docs/openapi.json"

# List the tasks
[private]
default:
    @{{ just_executable() }} --list --unsorted

# Check style, types, imports, generated documents and the documentation's links
check:
    uv run ruff check .
    uv run ruff format --check .
    uv run mypy
    uv run lint-imports
    @before="$(cksum {{ generated }})" && uv run python -m api.generate_docs && [ "$before" = "$(cksum {{ generated }})" ] \
        || { echo "generated documents were not current; they are now: commit them" >&2; exit 1; }
    uv run mkdocs build --strict

# Run tests: all of them, or those that you name, with pytest's options
test *ARGS:
    uv run pytest {{ ARGS }}

# Mend style, and write the generated documents and the constraints for pip anew
fix:
    uv run ruff check --fix .
    uv run ruff format .
    uv run python -m api.generate_docs
    uv export --quiet --frozen --no-dev --all-extras --no-emit-project --no-header --no-annotate --output-file constraints.txt

# Serve a sample organisation at http://127.0.0.1:8000
demo *ARGS:
    uv run oncelink demo {{ ARGS }}

# Measure every figure beside its floor, or one of the longer measurements by its name
bench *ARGS:
    uv run python -m benchmarks {{ ARGS }}

# Build the documentation as a site into site/; anything broken fails
docs:
    uv run python -m api.generate_docs
    uv run mkdocs build --strict
    @echo "open site/index.html"

# Measure the coverage of domain/, lines and branches; fails below 95 % of either
coverage:
    uv run pytest {{ coverage_tests }} --cov --cov-report=term --cov-report=json --cov-fail-under={{ coverage_least }}
    @{{ just_executable() }} _check-branches

# Branches alone: the total above counts lines too
_check-branches:
    #!/usr/bin/env -S uv run python
    import json
    import sys
    from pathlib import Path

    covered = json.loads(Path("coverage.json").read_text())["totals"]["percent_branches_covered"]
    print(f"branch coverage of domain/: {covered:.2f} %")
    sys.exit(covered < {{ coverage_least }})
