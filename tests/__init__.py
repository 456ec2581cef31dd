"""Tests; the many processes that they start keep what Python compiles, even where those of the environment would not."""

import os
import sys

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
