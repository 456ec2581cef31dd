"""The file with the secret keys, for a service that gets none by its settings: made once, read by its owner alone."""

import os
import secrets
from pathlib import Path


class KeyFileUnusable(Exception):
    """The file, or the folder that it belongs into, cannot be used; the message names it and says why."""


def read_keys(path: Path) -> list[str]:
    """Read the keys of a file; none when there is no file. Raises KeyFileUnusable."""
    try:
        keys = [key.strip() for key in path.read_text().split(",") if key.strip()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise KeyFileUnusable(f"ONCELINK_DATA_DIR: {path} cannot be read ({error.strerror}).") from error
    if not keys:
        raise KeyFileUnusable(f"{path} has no key in it; restore it from a backup: without it no link opens.")
    return keys


def generate_keys(path: Path) -> list[str]:
    """Generate a random key into a new file of mode 0600; read those of a faster process. Raises KeyFileUnusable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_keys(path)
    except OSError as error:
        raise KeyFileUnusable(f"ONCELINK_DATA_DIR: {path.parent} cannot be written ({error.strerror}).") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return read_keys(path)
