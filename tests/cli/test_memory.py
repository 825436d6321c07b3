"""How much memory the embedded PostgreSQL keeps pages in, on machines and in containers of any size."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from cli import memory

GIB = 2**30


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str | None], None]:
    """A machine of so many GiB, and what the kernel says of our container's limit."""

    def made(gib: int, limit: str | None) -> None:
        kernel = tmp_path / "memory.max"
        if limit is not None:
            kernel.write_text(f"{limit}\n")
        monkeypatch.setattr(memory, "LIMITS", (tmp_path / "not here", kernel))
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=gib * GIB))

    return made


@pytest.mark.parametrize(
    ("gib", "limit", "expected"),
    [
        (1, None, "128MB"),
        (8, None, "512MB"),
        (64, None, "1024MB"),
        (64, "max", "1024MB"),
        (64, str(4 * GIB), "256MB"),
        (8, str(2**63 - 4096), "512MB"),
        (64, "half of it", "1024MB"),
    ],
)
def test_a_sixteenth_of_what_there_is(
    machine: Callable[[int, str | None], None], gib: int, limit: str | None, expected: str
) -> None:
    machine(gib, limit)
    assert memory.shared_buffers() == expected
