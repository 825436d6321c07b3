"""What the processes of a desk need is in memory once: imported before they are forked, and without threads."""

import subprocess
import sys

SHOW = """
import sys, threading
from cli.serve import preload
preload()
had = set(sys.modules)
import api.app, api.wire, cli.worker, uvicorn
print(threading.active_count(), sorted(name for name in set(sys.modules) - had))
"""


def test_nothing_is_left_to_import_after_the_fork() -> None:
    done = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True)
    assert done.stdout == "1 []\n"
