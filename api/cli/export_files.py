"""Where an export goes: to standard output, or beside its name until all of it is written, and only then under it."""

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from domain.refusals import Refusal

BLOCK = 1 << 20


class NotExported(Refusal):
    """The export could not be written."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def sentence(self) -> str:
        return self.reason


class Sink:
    """Takes the bytes of an export and knows how many there were, and their SHA-256."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.bytes = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Takes some more. Raises OSError."""
        self.file.write(data)
        self.bytes += len(data)
        self.digest.update(data)

    def copy(self, path: Path) -> None:
        """Takes a whole file. Raises OSError."""
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                self.write(block)


class Part:
    """A file that is written beside its name, readable by its owner alone: it may hold personal details."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        self.path, self.beside = path, Path(name)
        self.sink = Sink(os.fdopen(descriptor, "wb", buffering=BLOCK))

    def finish(self) -> None:
        """Makes sure that all of it is on the disk. Raises OSError."""
        self.sink.file.flush()
        os.fsync(self.sink.file.fileno())
        self.sink.file.close()

    def publish(self) -> None:
        """Puts it under its name. Raises OSError."""
        os.replace(self.beside, self.path)

    def discard(self) -> None:
        """Leaves nothing behind, unless it was published."""
        with suppress(OSError):
            self.sink.file.close()
        self.beside.unlink(missing_ok=True)


@contextmanager
def parts(*paths: Path) -> Iterator[list[Part]]:
    """Files that appear together when everything went well, and leave nothing when it did not. Raises OSError."""
    opened: list[Part] = []
    try:
        for path in paths:
            opened.append(Part(path))
        yield opened
        for part in opened:
            part.finish()
        for part in opened:
            part.publish()
    finally:
        for part in opened:
            part.discard()


@contextmanager
def stream(path: Path | None) -> Iterator[Sink]:
    """Standard output, or a pipe or device, which cannot be replaced. Raises OSError."""
    if path is None:
        yield Sink(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        with path.open("wb") as file:
            yield Sink(file)


def is_replaced(path: Path) -> bool:
    """Whether a path is that of a file, or of none yet. Raises NotExported for a folder."""
    if path.is_dir():
        raise NotExported(f"{path} is a folder.")
    return path.is_file() or not path.exists()


@contextmanager
def explained_by_disk(path: Path | None) -> Iterator[None]:
    """Says in a sentence why an export could not be written. Raises NotExported."""
    try:
        yield
    except OSError as error:
        if path is None:  # whatever is left in its buffer can go nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        where = "standard output" if path is None else str(path)
        kept = "" if path is None else " No part of it was kept."
        raise NotExported(f"The export could not be written to {where}: {error.strerror}.{kept}") from error
