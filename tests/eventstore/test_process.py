"""What a long-running process does once it is up."""

import subprocess
import sys

import pytest

# What glibc says of its arenas, after several threads have had memory of it.
ARENAS = """
import ctypes, threading
from eventstore.process import settled

settled()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(4)

def use():
    together.wait()
    libc.malloc(ctypes.c_size_t(1000))
    together.wait()

threads = [threading.Thread(target=use) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fdopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stream)
libc.fflush(stream)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc has arenas")
def test_threads_share_one_arena() -> None:
    done = subprocess.run([sys.executable, "-c", ARENAS], capture_output=True, text=True, check=False)
    if "undefined symbol" in done.stderr:
        pytest.skip("only glibc has arenas")
    assert done.stdout.count("<heap nr=") == 1, done.stderr
