"""What a writer asked and was answered, in a file that outlives its kill."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from domain.command import DECIDERS, Command
from eventstore.desk import Receipt

KINDS = {kind.__name__: kind for kind in DECIDERS}


class Journal:
    """Each line is handed to the kernel at once: a killed process has said all that it knew."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def asked(self, command: Command) -> None:
        """Before the command is executed."""
        self._write({"asked": type(command).__name__, "command": command.model_dump(mode="json")})

    def answered(self, command: Command, receipt: Receipt) -> None:
        """The command is acknowledged."""
        facts = [str(receipt.stream_id), receipt.version, receipt.events, receipt.position]
        self._write({"answered": str(command.command_id), "receipt": facts})

    def refused(self, command: Command, code: str) -> None:
        """The caller was told that nothing was recorded."""
        self._write({"refused": str(command.command_id), "code": code})

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")


@dataclass
class Told:
    """What all journals say together."""

    asked: dict[UUID, Command] = field(default_factory=dict)
    answered: dict[UUID, tuple[UUID, int, int, int]] = field(default_factory=dict)
    refused: dict[UUID, str] = field(default_factory=dict)

    @classmethod
    def by(cls, journals: Iterable[Path]) -> Self:
        """Read the journals."""
        told = cls()
        for journal in journals:
            for line in journal.read_text().splitlines():
                told.take(json.loads(line))
        return told

    def take(self, line: dict[str, Any]) -> None:
        """One line of a journal."""
        if "asked" in line:
            command = KINDS[line["asked"]].model_validate(line["command"])
            self.asked[command.command_id] = command
        elif "answered" in line:
            stream, *numbers = line["receipt"]
            self.answered[UUID(line["answered"])] = (UUID(stream), *numbers)
        else:
            self.refused[UUID(line["refused"])] = line["code"]

    @property
    def open(self) -> list[Command]:
        """Commands whose outcome nobody was told."""
        return [command for key, command in self.asked.items() if key not in self.answered and key not in self.refused]
