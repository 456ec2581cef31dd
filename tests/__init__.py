"""Tests. The processes that they start keep what Python compiled, and end on Ctrl-C, whatever started the tests."""

import os
import signal
import sys

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a shell's background jobs inherit that, and so would ours
    signal.signal(signal.SIGINT, signal.default_int_handler)
