"""`oncelink extension build`: the Chrome extension as one file, with the version of this program."""

import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import typer

from api.cli.command_context import Json, exit_with_error, explain_errors, print_answer

FOLDER = Path(str(files("extension") / "manifest.json")).parent
EXCLUDED_FILES = {"README.md"}  # for people who look at the folder
FIXED_TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # the same files make the same zip, byte for byte

extension_app = typer.Typer(help="The Chrome extension.", no_args_is_help=True)


@extension_app.callback()
def describe_group() -> None:
    """The Chrome extension."""


@extension_app.command()
def build(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write.")] = None,
    store: Annotated[bool, typer.Option("--store", help="For the Chrome Web Store, which gives it an id.")] = False,
    as_json: Json = False,
) -> None:
    """Zip the extension, to load it or to publish it."""
    with explain_errors():
        path = output or Path(f"oncelink-extension-{version('oncelink')}.zip")
        try:
            write_zip(path, store)
        except OSError as error:
            exit_with_error(f"{path} cannot be written: {error.strerror}.", 1)
        size = path.stat().st_size
        data = {"file": str(path), "version": version("oncelink"), "bytes": size}
        print_answer(as_json, data, f"{path}: version {version('oncelink')}, {size:,} bytes.")


def write_zip(path: Path, store: bool) -> None:
    """Write the zip file. Raises OSError."""
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in read_files(store).items():
            archive.writestr(ZipInfo(name, FIXED_TIMESTAMP), content, ZIP_DEFLATED, 9)


def read_files(store: bool = False) -> dict[str, bytes]:
    """Read the extension's files by name; its manifest gets this program's version."""
    paths = sorted(path for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    contents = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in paths}
    included = {name: content for name, content in contents.items() if name not in EXCLUDED_FILES}
    manifest = build_manifest(json.loads(included["manifest.json"]), store)
    return included | {"manifest.json": (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()}


def build_manifest(source: dict[str, Any], store: bool) -> dict[str, Any]:
    """Build the manifest with this program's version; for the store without the key."""
    return {name: value for name, value in source.items() if not (store and name == "key")} | {
        "version": version("oncelink")
    }
