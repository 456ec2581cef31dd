"""Locks on files. The kernel releases those of a process that ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def try_lock(path: Path) -> Iterator[int | None]:
    """Try to lock a file; yields its descriptor, or None while another process has the lock.

    Closing the descriptor ends the lock, except in a process that inherited it: LOCK_UN would take it from there too.
    """
    with open_lock_file(path) as descriptor:
        yield descriptor if try_exclusive_lock(descriptor) else None


@contextmanager
def wait_for_lock(path: Path, creates: bool = True) -> Iterator[None]:
    """Wait until no other process has a file's lock, and hold it."""
    with open_lock_file(path, creates) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def open_lock_file(path: Path, creates: bool = True) -> Iterator[int]:
    """Open a file to lock it; yields its descriptor. Closing it ends the lock.

    Raises FileNotFoundError when it is not there and is not to be created.
    """
    descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if creates else 0), 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def try_exclusive_lock(descriptor: int) -> bool:
    """Try to lock an open file for ourselves alone; a shared lock of our own becomes that. Returns whether we could."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
