"""How much memory there is for us, and how much of it the embedded PostgreSQL keeps pages in."""

from contextlib import suppress
from pathlib import Path

import psutil

# Where the kernel says what a container may have: its second and its first kind of control groups.
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
# In MiB: PostgreSQL's own default, and enough for what is in use of a million tickets.
LEAST, MOST = 128, 1024
SHARE = 16


def available() -> int:
    """Bytes that we may use: the machine's, or the container's where these are fewer."""
    found = [psutil.virtual_memory().total]
    for limit in LIMITS:
        # Without a limit it says "max".
        with suppress(OSError, ValueError):
            found.append(int(limit.read_text()))
    return min(found)


def shared_buffers() -> str:
    """As PostgreSQL's setting: a part of the memory that leaves the machine to others too. Only what is used is taken."""
    return f"{max(LEAST, min(MOST, available() // SHARE // 2**20))}MB"
