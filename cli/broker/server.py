"""Starts, stops and kills one Kafka broker (KRaft, its own controller) on one folder."""

import base64
import contextlib
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import psutil
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from cli.broker.jars import HERE, NoKafka, jars, program
from domain.errors import LedgerdeskError
from processors.stream.settings import SOON

HOST = "127.0.0.1"
PORTS = range(20_000, 32_000)
READY_WITHIN = 60.0
STOP_WITHIN = 20.0
FORMATTED_WITHIN = 60.0
LARGEST_LOG = 10_000_000

SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    # One node has one of everything.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
}


class BrokerFailed(LedgerdeskError):
    """The broker did not come up."""

    code = "broker_failed"
    sentence = "Kafka did not start in {folder}: {reason}. Its log is {log}."


class Broker:
    """A broker of one folder. Its port stays the same over restarts of one object; a broker left by another is ended."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None, port: int | None = None) -> None:
        self.folder = folder
        self.log = folder.with_name(f"{folder.name}.log")
        self.port, self._controller = port or free_port(), free_port()
        self._settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def servers(self) -> str:
        """What KAFKA_BOOTSTRAP_SERVERS takes."""
        return f"{HOST}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self, security: Mapping[str, object] | None = None) -> None:
        """Return when it answers; `security` is what clients need to reach it."""
        self.spawn()
        give_up = time.monotonic() + READY_WITHIN
        while not self._answers(security or {}):
            if not self.running:
                raise self._failed("it ended")
            if time.monotonic() > give_up:
                raise self._failed(f"it did not answer within {READY_WITHIN:.0f} s")
            time.sleep(0.05)

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it without waiting until it answers."""
        if self._process is not None and self.running:
            return self._process
        libraries = jars()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._end_previous()
        properties = self._configured()
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(libraries, properties)
        self._process = self._java(libraries, "kafka.Kafka", str(properties))
        (self.folder / "broker.pid").write_text(str(self._process.pid))
        return self._process

    def stop(self) -> None:
        """Shut it down; by force where that takes too long."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill -9."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it hang: connections stay, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _configured(self) -> Path:
        own = {
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self._controller}",
            "controller.quorum.voters": f"1@{HOST}:{self._controller}",
            "log.dirs": str(self.folder / "data"),
        }
        path = self.folder / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in {**SETTINGS, **own, **self._all(own)}.items()))
        path.chmod(0o600)
        return path

    def _all(self, own: Mapping[str, str]) -> Mapping[str, str]:
        # The listeners of a broker that demands more are written with the ports that it was given.
        return {
            name: value.format(port=self.port, controller=self._controller) for name, value in self._settings.items()
        }

    def _format(self, libraries: Path, properties: Path) -> None:
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        arguments = ["format", "-t", cluster_id(), "-c", str(properties)]
        done = self._java(libraries, "kafka.tools.StorageTool", *arguments)
        if done.wait(FORMATTED_WITHIN) != 0:
            raise self._failed("its folder could not be made")

    def _java(self, libraries: Path, *arguments: str) -> subprocess.Popen[bytes]:
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.unlink()
        with self.log.open("ab") as log:
            # A desk's broker is a small one beside everything else on its machine.
            options = ["-Xmx512m", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"]
            return subprocess.Popen(
                [program("java"), *options, "-cp", f"{libraries}/*", *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _answers(self, security: Mapping[str, object]) -> bool:
        try:
            with contextlib.closing(socket.create_connection((HOST, self.port), timeout=1)):
                pass
            admin = KafkaAdminClient(
                bootstrap_servers=self.servers, bootstrap_timeout_ms=3000, request_timeout_ms=3000, **SOON, **security
            )
            try:
                return bool(admin.describe_cluster())
            finally:
                admin.close()
        except (OSError, KafkaError):
            return False

    def _end_previous(self) -> None:
        """A supervisor that was killed leaves its broker behind, which holds the folder."""
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            process = psutil.Process(int((self.folder / "broker.pid").read_text()))
            if str(self.folder / "server.properties") in process.cmdline():
                process.kill()
                process.wait(STOP_WITHIN)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._signal(how)
        # A broker that hangs hears nothing but this.
        self._signal(signal.SIGCONT)
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait(STOP_WITHIN)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(number)

    def _failed(self, reason: str) -> BrokerFailed:
        return BrokerFailed(folder=self.folder, reason=reason, log=self.log)


def free_port(preferred: int | None = None) -> int:
    """A port that nobody listens on just now: the preferred one where it is free, or any."""
    # Below those that the system gives to connections, one of which may have it by the time that the broker is up.
    for port in (*([preferred] if preferred else []), *random.sample(PORTS, 50)):
        with contextlib.suppress(OSError), contextlib.closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return port
    raise NoKafka(reason="no port is free")


def cluster_id() -> str:
    """A UUID as Kafka writes it, which must not look like an option."""
    text = base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
    return text if not text.startswith("-") else cluster_id()
