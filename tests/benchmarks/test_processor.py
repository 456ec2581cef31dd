"""The processor time of a process is that of its children too."""

import os
import subprocess
import sys

from benchmarks.http.processor import read_processor_seconds

WORK = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass\nprint(flush=True); input()"


def test_counts_a_child_that_lives_and_one_that_ended() -> None:
    began = read_processor_seconds(os.getpid())
    with subprocess.Popen([sys.executable, "-c", WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        while_it_lives = read_processor_seconds(os.getpid()) - began
        child.communicate(b"\n")
    after_its_end = read_processor_seconds(os.getpid()) - began
    assert while_it_lives >= 0.15  # the clock counts in hundredths
    assert after_its_end >= 0.15  # the clock counts in hundredths
