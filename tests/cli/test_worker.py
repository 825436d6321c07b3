"""A worker that is started alone does not stop to look through all that it was started with."""

import subprocess
import sys

SHOW = """
import gc
from base64 import b64encode
from contextlib import nullcontext
from cli import worker
from eventstore.settings import Settings
worker.check_master_key = lambda *_: None
worker.following = lambda *_: nullcontext()
worker._work = lambda *_, **__: print(gc.get_freeze_count() > 100_000, gc.get_threshold()[0])
worker.run(Settings(DATABASE_URL="postgresql://nowhere", master_key=b64encode(b"k" * 32).decode()))
"""


def test_what_it_was_started_with_is_searched_for_garbage_once() -> None:
    done = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True)
    assert done.stdout == "True 10000\n"
