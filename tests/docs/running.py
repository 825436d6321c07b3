"""A desk to run the commands of the documentation on, and the blocks to run."""

import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.embedded import cluster_of
from cli.programs import binaries
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
INCIDENTS = ROOT / "tests/data/incidents.csv.gz"
# Of the incident log: enough for a dry run, an import and a history.
ROWS = 60
# After `!` bash goes on whatever came of the command, so that one which should be refused and is not would go unnoticed.
PRELUDE = """set -euo pipefail
refused() { if "$@"; then echo "this should have been refused: $*" >&2; exit 1; fi; }
"""
BLOCK = re.compile(r"^```(sh|sql)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """Commands of a page, and the line on which they begin."""

    page: str
    line: int
    language: str
    text: str

    @property
    def script(self) -> str:
        """For bash; SQL is run by psql, with the sign-in that its page has set."""
        said = f"echo '@@ {self.page}:{self.line}' >&2\n"
        if self.language == "sh":
            return f"{said}{self.text}\n"
        return f"{said}psql --quiet --set ON_ERROR_STOP=1 <<'END_OF_SQL'\n{self.text}\nEND_OF_SQL\n"


def blocks(page: str) -> list[Block]:
    """The sh and sql blocks of a page, in order."""
    text = (ROOT / page).read_text()
    return [
        Block(page, text[: found.start()].count("\n") + 1, found[1], found[2].rstrip())
        for found in BLOCK.finditer(text)
    ]


@dataclass(frozen=True)
class DemoDesk:
    """`ledgerdesk up` with the demo desk on a folder of its own."""

    folder: Path
    port: int
    environment: dict[str, str]

    @property
    def key(self) -> str:
        """The API key that it printed."""
        return str(json.loads((self.folder / "data/demo.json").read_text())["api_key"])

    def run(self, found: list[Block]) -> subprocess.CompletedProcess[str]:
        """Run the blocks as one shell would, up to the first command that fails."""
        script = PRELUDE + "".join(block.script for block in found)
        script = re.sub("^! ", "refused ", script, flags=re.MULTILINE)
        # What a reader puts in place of what the page shows.
        script = script.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}").replace("KEY=ldk_...", f"KEY={self.key}")
        return subprocess.run(
            ["bash"], input=script, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300
        )


@contextmanager
def demo_desk(folder: Path) -> Iterator[DemoDesk]:
    """Start it, stop it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    # `python` and `ledgerdesk` are those of this environment, as after the PATH that the README sets.
    path = os.pathsep.join([str(Path(sys.executable).parent), str(binaries()), os.environ["PATH"]])
    ours = {"LEDGERDESK_DATA": str(folder / "data"), "LEDGERDESK_PORT": str(port), "PATH": path}
    foreign = {name for name in os.environ if name.startswith(("PG", "LEDGERDESK_")) or name == "DATABASE_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in foreign} | ours
    with gzip.open(INCIDENTS, "rt", encoding="utf-8") as log:
        (folder / "incidents.csv").write_text("".join(line for _, line in zip(range(ROWS), log, strict=False)))
    output = folder / "output"
    with output.open("w") as file:
        process = subprocess.Popen(["ledgerdesk", "up"], env=environment, stdout=file, stderr=file)
    try:
        wait_until(lambda: process.poll() is not None or "is ready" in output.read_text(), 120)
        assert process.poll() is None, output.read_text()
        yield DemoDesk(folder, port, environment)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        cluster_of(folder / "data").kill()
