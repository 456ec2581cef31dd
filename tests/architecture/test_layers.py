"""Rules for imports: they point one way between the packages and inside `api`, and nothing imports in a circle."""

import logging
import tomllib
from collections.abc import Iterator

import grimp
import pytest
from importlinter.cli import lint_imports

from tests.architecture.source_files import PACKAGES, ROOT, assert_none

PYPROJECT = ROOT / "pyproject.toml"


@pytest.fixture
def restored_loggers() -> Iterator[None]:
    """Enables the loggers of this process again: import-linter's set-up of logging disables all that exist."""
    before = {name: logging.getLogger(name).disabled for name in logging.root.manager.loggerDict}
    yield
    for name, disabled in before.items():
        logging.getLogger(name).disabled = disabled


@pytest.mark.usefixtures("restored_loggers")
def test_imports_point_one_way() -> None:
    assert lint_imports(config_filename=str(PYPROJECT), no_cache=True) == 0, "run `lint-imports`"


def test_every_module_of_api_has_its_layer() -> None:
    contracts = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    [contract] = [contract for contract in contracts if contract.get("containers") == ["api"]]
    assert contract["exhaustive"] is True
    assert "ignore_imports" not in contract


def test_no_package_imports_in_a_circle() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    packages = [module for module in graph.modules if graph.find_children(module)]
    circles = {package: breakers for package in packages if (breakers := graph.nominate_cycle_breakers(package))}
    assert_none(f"{package}: {circles[package]}" for package in circles)
