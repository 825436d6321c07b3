"""A disk so small that it can be filled."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.cluster import Cluster
from tests.waiting import wait_until

MEGABYTE = 1 << 20
MOUNT = 'mount -t tmpfs -o size="$1",mode=711 tmpfs "$2"'
SKIP = "NOT TESTED: this machine lets nobody mount a small disk (needs root or `unshare --map-root-user`)"


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of that size; the path that leads to it."""
    folder.mkdir()
    arguments = ["sh", str(megabytes * MEGABYTE), str(folder)]
    with (_mounted if os.geteuid() == 0 else _mounted_for_us)(folder, arguments) as path:
        yield path


@contextmanager
def _mounted(folder: Path, arguments: list[str]) -> Iterator[Path]:
    if subprocess.run(["sh", "-c", MOUNT, *arguments]).returncode:
        pytest.skip(SKIP)
    try:
        yield folder
    finally:
        # A killed server may hold it a moment longer.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _mounted_for_us(folder: Path, arguments: list[str]) -> Iterator[Path]:
    # Mounted in a namespace of its own, which goes with its only process and is reached through it.
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", f"{MOUNT} && echo mounted && exec sleep 3600"]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as holder:
        if holder.stdout is None or holder.stdout.readline() != "mounted\n":
            pytest.skip(SKIP)
        try:
            yield Path(f"/proc/{holder.pid}/root{folder}")
        finally:
            holder.kill()


def fill(disk: Path, leaving: int) -> Path:
    """Take all but so many bytes; the file that does it can be removed to make room."""
    filler = disk / "filler"
    room = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_bsize - leaving)
    return filler


def move(cluster: Cluster, part: str, disk: Path) -> None:
    """Put a part of the server's data folder on another disk."""
    cluster.stop()
    wait_until(lambda: cluster.pid is None)
    old = cluster.folder / part
    subprocess.run(["cp", "--archive", str(old), str(disk / part)], check=True)
    subprocess.run(["rm", "--recursive", str(old)], check=True)
    old.symlink_to(disk / part)
    cluster.start()
