"""Tests; the many processes that they start keep what Python compiled, whatever the environment says."""

import os
import sys

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if "pytest" in sys.modules:  # and not in the processes that tests start
    from tests import whole_answers

    whole_answers.install()
