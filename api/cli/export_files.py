"""Where an export is written: to standard output, or to a temporary file that takes its name once it is complete."""

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
    """Writes the bytes of an export; counts them and computes their SHA-256."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.bytes = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Write bytes. Raises OSError."""
        self.file.write(data)
        self.bytes += len(data)
        self.digest.update(data)

    def copy(self, path: Path) -> None:
        """Write a whole file. Raises OSError."""
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                self.write(block)


class PendingFile:
    """A temporary file beside its final path, readable by its owner only: it may hold personal details."""

    def __init__(self, path: Path) -> None:
        """Create the temporary file. Raises OSError."""
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        self.path, self.temporary_path = path, Path(name)
        self.sink = Sink(os.fdopen(descriptor, "wb", buffering=BLOCK))

    def finish(self) -> None:
        """Flush and sync the file to disk. Raises OSError."""
        self.sink.file.flush()
        os.fsync(self.sink.file.fileno())
        self.sink.file.close()

    def publish(self) -> None:
        """Move the file to its final path. Raises OSError."""
        os.replace(self.temporary_path, self.path)

    def discard(self) -> None:
        """Delete the temporary file, unless it was published."""
        with suppress(OSError):
            self.sink.file.close()
        self.temporary_path.unlink(missing_ok=True)


@contextmanager
def open_files(*paths: Path) -> Iterator[list[PendingFile]]:
    """Open files that are published together on success, and discarded on failure. Raises OSError."""
    files: list[PendingFile] = []
    try:
        for path in paths:
            files.append(PendingFile(path))
        yield files
        for file in files:
            file.finish()
        for file in files:
            file.publish()
    finally:
        for file in files:
            file.discard()


@contextmanager
def open_stream(path: Path | None) -> Iterator[Sink]:
    """Open standard output, or a pipe or device, which cannot be replaced. Raises OSError."""
    if path is None:
        yield Sink(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        with path.open("wb") as file:
            yield Sink(file)


def is_replaced(path: Path) -> bool:
    """Whether a path is a file or does not exist. Raises NotExported for a folder."""
    if path.is_dir():
        raise NotExported(f"{path} is a folder.")
    return path.is_file() or not path.exists()


@contextmanager
def explain_disk_errors(path: Path | None) -> Iterator[None]:
    """Turn OSError into NotExported with a sentence."""
    try:
        yield
    except OSError as error:
        if path is None:  # whatever is left in its buffer can go nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        target = "standard output" if path is None else str(path)
        note = "" if path is None else " No part of it was kept."
        raise NotExported(f"The export could not be written to {target}: {error.strerror}.{note}") from error
