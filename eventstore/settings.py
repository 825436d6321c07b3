"""What an operator may set, by environment; checked once, at start."""

import base64
import binascii
import contextlib
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Literal, Self

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.errors import LedgerdeskError
from domain.wording import wrong

KEY_BYTES = 32
# What a click runs: endings and media types, written as in HTML's `accept`.
EXECUTABLES = (
    ".exe,.com,.bat,.cmd,.msi,.msp,.scr,.pif,.cpl,.dll,.sys,.hta,.vbs,.vbe,.jse,.wsf,.wsh,.ps1,.lnk,.jar,"
    "application/x-msdownload,application/x-msdos-program,application/x-dosexec,application/x-executable,"
    "application/vnd.microsoft.portable-executable,application/x-msi,application/java-archive"
)


class SettingsError(LedgerdeskError):
    """A setting that cannot be used; `name` is its environment variable."""

    code = "settings_error"
    sentence = "{name}: {reason}"
    misuse = True


class Checked(BaseSettings):
    """Settings whose mistakes are said for people."""

    @classmethod
    def load(cls) -> Self:
        """Read the environment; SettingsError names the first setting that is wrong, never its value."""
        try:
            return cls()
        except ValidationError as error:
            raise _first_complaint(error) from None


class Settings(Checked):
    """Every field is the environment variable LEDGERDESK_<FIELD>, but for DATABASE_URL."""

    model_config = SettingsConfigDict(env_prefix="LEDGERDESK_", env_ignore_empty=True, extra="ignore", frozen=True)

    data: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("ledgerdesk", appauthor=False)))
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL", repr=False)
    master_key: SecretStr | None = None
    master_key_file: Path | None = None
    master_key_previous: SecretStr | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    api_workers: int = Field(default=2, ge=1, le=64)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    demo: bool = True
    files: str | None = Field(default=None, description="A folder, or s3://bucket/prefix.")
    file_limit: int = Field(default=25 << 20, ge=1, le=5 << 30, description="Largest attached file, in bytes.")
    file_types: str = Field(default="", description="The only types taken; all where empty.")
    file_types_refused: str = EXECUTABLES

    @field_validator("data")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        return folder.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, url: str | None) -> str | None:
        if url and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("must be a PostgreSQL address like postgresql://user:password@host:5432/database")
        return url

    @field_validator("master_key", "master_key_previous")
    @classmethod
    def _is_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            decode_key(key.get_secret_value())
        return key

    @field_validator("files")
    @classmethod
    def _is_place(cls, place: str | None) -> str | None:
        if place and not re.match(r"s3://[a-z0-9][a-z0-9.-]+(/|$)|/", place):
            raise ValueError("must be a folder like /var/lib/ledgerdesk/files, or a bucket like s3://bucket/prefix")
        return place

    @property
    def embedded(self) -> bool:
        """Whether Ledgerdesk runs its own PostgreSQL in the data folder."""
        return self.database_url is None

    def master_key_bytes(self) -> bytes:
        """The 32 bytes that wrap all other keys; made once beside the data for the embedded database."""
        if self.master_key is not None:
            return decode_key(self.master_key.get_secret_value())
        if self.master_key_file is not None:
            return _read_key(self.master_key_file)
        if self.embedded:
            return _kept_key(self.writable_data() / "master.key")
        raise SettingsError(
            name="LEDGERDESK_MASTER_KEY",
            reason="is needed when DATABASE_URL is set (or LEDGERDESK_MASTER_KEY_FILE). Make one with "
            "`ledgerdesk master-key new` and keep it safe: without it nobody can read the content of any ticket.",
        )

    def master_keys(self) -> tuple[bytes, ...]:
        """The master key, and after it the one that a rotation replaces, if there is one."""
        previous = self.master_key_previous
        return (self.master_key_bytes(), *([decode_key(previous.get_secret_value())] if previous else ()))

    def writable_data(self) -> Path:
        """The data folder, made if missing; SettingsError when it cannot be written."""
        try:
            self.data.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(self.data, error.strerror) from None
        if not os.access(self.data, os.W_OK | os.X_OK):
            raise _unusable(self.data, "Permission denied")
        return self.data


def new_key() -> str:
    """A fresh master key in the form LEDGERDESK_MASTER_KEY takes."""
    return encode_key(secrets.token_bytes(KEY_BYTES))


def encode_key(key: bytes) -> str:
    """A key of 32 bytes as LEDGERDESK_MASTER_KEY takes it."""
    return base64.b64encode(key).decode()


def decode_key(text: str) -> bytes:
    """The bytes of a master key; ValueError says how to make a good one."""
    with contextlib.suppress(binascii.Error, ValueError):
        key = base64.b64decode(text.strip(), validate=True)
        if len(key) == KEY_BYTES:
            return key
    raise ValueError("must be 32 bytes in base64. Make one with `ledgerdesk master-key new`")


def _kept_key(path: Path) -> bytes:
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            _write_once(path, new_key())
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    try:
        return decode_key(path.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(
            name=str(path),
            reason=f"cannot be used as the master key ({_why(error)}). Name the right file, or restore this one from "
            "a backup: a new key cannot read what the old one locked.",
        ) from None


def _why(error: OSError | ValueError) -> str | None:
    return error.strerror if isinstance(error, OSError) else "it is not 32 bytes in base64"


def _write_once(path: Path, key: str) -> None:
    # Linked into place whole: two first starts at once must end with one key, a crash with none or a full one.
    descriptor, draft = tempfile.mkstemp(prefix=".master.key-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
        sync_folder(path.parent)
    finally:
        Path(draft).unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a power cut may otherwise keep a file's bytes and lose its name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(folder: Path, why: str | None) -> SettingsError:
    return SettingsError(
        name="LEDGERDESK_DATA",
        reason=f"the folder {folder} cannot be written ({why}). Name another with LEDGERDESK_DATA=/path/to/folder, "
        "or give yourself write permission.",
    )


def _first_complaint(error: ValidationError) -> SettingsError:
    first = error.errors(include_input=False, include_url=False)[0]
    # Settings that do not go together are named in the reason.
    field = str(first["loc"][0]) if first["loc"] else "THE ENVIRONMENT"
    name = field if field.isupper() else f"LEDGERDESK_{field.upper()}"
    return SettingsError(name=name, reason=wrong(first) + ".")
