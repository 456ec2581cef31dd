"""`oncelink extension build`: the Chrome extension as one file, with the version of this program."""

import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import typer

from api.cli.command_context import Json, explained, stop, tell

FOLDER = Path(str(files("extension") / "manifest.json")).parent
LEFT_OUT = {"README.md"}  # for people who look at the folder
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same files make the same zip, byte for byte

extension_app = typer.Typer(help="The Chrome extension.", no_args_is_help=True)


@extension_app.callback()
def group() -> None:
    """The Chrome extension."""


@extension_app.command()
def build(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write.")] = None,
    store: Annotated[bool, typer.Option("--store", help="For the Chrome Web Store, which gives it an id.")] = False,
    as_json: Json = False,
) -> None:
    """Zip the extension, to load it or to publish it."""
    with explained():
        path = output or Path(f"oncelink-extension-{version('oncelink')}.zip")
        try:
            write(path, store)
        except OSError as error:
            stop(f"{path} cannot be written: {error.strerror}.", 1)
        size = path.stat().st_size
        facts = {"file": str(path), "version": version("oncelink"), "bytes": size}
        tell(as_json, facts, f"{path}: version {version('oncelink')}, {size:,} bytes.")


def write(path: Path, store: bool) -> None:
    """Writes the zip. Raises OSError."""
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in contents(store).items():
            archive.writestr(ZipInfo(name, LONG_AGO), content, ZIP_DEFLATED, 9)


def contents(store: bool = False) -> dict[str, bytes]:
    """The files of the extension by name; its manifest has the version of this program."""
    paths = sorted(path for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    found = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in paths}
    kept = {name: content for name, content in found.items() if name not in LEFT_OUT}
    made = manifest(json.loads(kept["manifest.json"]), store)
    return kept | {"manifest.json": (json.dumps(made, indent=2, ensure_ascii=False) + "\n").encode()}


def manifest(written: dict[str, Any], store: bool) -> dict[str, Any]:
    """The manifest with the program's version; for the store without the key, as the store has its own."""
    return {name: value for name, value in written.items() if not (store and name == "key")} | {
        "version": version("oncelink")
    }
