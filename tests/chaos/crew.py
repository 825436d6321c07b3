"""Processes of writers, to be killed and replaced."""

import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from eventstore.settings import encode_key
from tests.chaos.journal import Told
from tests.desks import MASTER

ROOT = Path(__file__).parents[2]


@dataclass
class Crew:
    """Keeps so many writers at work on one database; each has a journal of its own."""

    url: str
    folder: Path
    seed: int
    journals: list[Path] = field(default_factory=list)
    at_work: list[subprocess.Popen[bytes]] = field(default_factory=list)
    worker: subprocess.Popen[bytes] | None = None

    def hire(self, count: int = 1, program: str = "writer") -> None:
        """Start more of them."""
        for _ in range(count):
            self.journals.append(self.folder / f"journal-{len(self.journals)}")
            arguments = [self.url, str(self.journals[-1]), f"{self.seed}/{len(self.journals)}"]
            command = [sys.executable, "-m", f"tests.chaos.{program}", *arguments]
            self.at_work.append(subprocess.Popen(command, cwd=ROOT))

    def kill_one(self, chance: random.Random) -> None:
        """Kill -9 one of them; another takes the place."""
        victim = self.at_work.pop(chance.randrange(len(self.at_work)))
        victim.kill()
        victim.wait()
        self.hire()

    def kill_all(self) -> None:
        """Kill -9 whoever still works."""
        for writer in self.at_work:
            writer.kill()
            writer.wait()
        self.at_work.clear()

    def follow(self) -> None:
        """Start, or kill -9 and start again, the worker that keeps the read models."""
        self.rest()
        ours = {
            "DATABASE_URL": self.url,
            "LEDGERDESK_MASTER_KEY": encode_key(MASTER),
            "LEDGERDESK_LOG_LEVEL": "warning",
        }
        self.worker = subprocess.Popen([sys.executable, "-m", "cli", "worker"], cwd=ROOT, env=os.environ | ours)

    def keep_following(self) -> None:
        """As the supervisor does: a worker that found no database at its start has ended."""
        if self.worker is not None and self.worker.poll() is not None:
            self.follow()

    def rest(self) -> None:
        """Kill -9 the worker, if there is one."""
        if self.worker is not None:
            self.worker.kill()
            self.worker.wait()

    def finish(self) -> None:
        """Wait until each has ended by itself."""
        for writer in self.at_work:
            assert writer.wait(120) == 0
        self.at_work.clear()

    @property
    def told(self) -> Told:
        """What they were told; one that was killed at birth has no journal."""
        return Told.by(journal for journal in self.journals if journal.exists())

    @property
    def written(self) -> int:
        """Bytes in all journals: grows as work goes on."""
        return sum(journal.stat().st_size for journal in self.journals if journal.exists())

    @property
    def alive(self) -> bool:
        """Whether no writer ended by itself."""
        return all(writer.poll() is None for writer in self.at_work)
