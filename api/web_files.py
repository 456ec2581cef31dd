"""Where the files of the web are: static files, icons, and the templates of pages."""

from importlib.resources import files
from pathlib import Path

STATIC = Path(str(files("web") / "static"))
ICONS = Path(str(files("web") / "icons"))
TEMPLATES = Path(str(files("web") / "templates"))
