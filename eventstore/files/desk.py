"""Taking files in, attaching them and giving them out again.

Upload first, attach later: what is uploaded is known to nobody but its token, which the uploader sends with the command
that attaches it. No table remembers uploads; the sweep takes away those that nothing names in the end.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ValidationError

from domain.event import Actor
from domain.ticket.commands import MOST_FILES
from domain.values import Attachment
from eventstore.files.errors import AttachmentTooLarge, TooManyFiles, UploadInvalid
from eventstore.files.local import LocalFiles
from eventstore.files.rules import FileRules, clean_media_type, clean_name
from eventstore.files.sealing import new_file_key, sealed, unsealed
from eventstore.files.store import FileStore
from eventstore.identifiers import uuid7
from eventstore.keyring import ContentDamaged, Keyring
from eventstore.settings import Settings

ATTACHABLE = timedelta(days=1)
_PURPOSE = b"ledgerdesk upload"


class Owner(NamedTuple):
    """Who uploads: nobody else can attach it."""

    workspace: UUID
    actor: Actor

    @property
    def identity(self) -> bytes:
        """What a token is bound to."""
        return b"%b%b:%b" % (self.workspace.bytes, self.actor.kind.encode(), self.actor.id.encode())


class _Upload(BaseModel):
    attachment: Attachment
    until: datetime


class Files:
    """A store of files, with the rules of this desk."""

    def __init__(
        self, store: FileStore, keyring: Keyring, rules: FileRules, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.store, self.rules = store, rules
        self._keys = keyring.derived(_PURPOSE)
        self._clock = clock or (lambda: datetime.now(UTC))

    async def take(
        self, owner: Owner, plain: AsyncIterable[bytes], name: str, media_type: str
    ) -> tuple[str, Attachment]:
        """Keep a file; the token that attaches it within a day, and what will be attached."""
        name, media_type = clean_name(name), clean_media_type(media_type)
        self.rules.check(name, media_type)
        key, counted = new_file_key(), _Counted(plain, self.rules.limit)
        stored = await self.store.put(owner.workspace, sealed(counted, key))
        attachment = Attachment(
            attachment_id=uuid7(), name=name, media_type=media_type, size=counted.size, sha256=stored.sha256, key=key
        )
        return self._token(owner, attachment), attachment

    def uploaded(self, owner: Owner, tokens: Sequence[str]) -> tuple[Attachment, ...]:
        """What the tokens stand for; the same for the same token, so that a command can be repeated."""
        if len(tokens) > MOST_FILES:
            raise TooManyFiles(most=MOST_FILES)
        return tuple(self._opened(owner, token) for token in tokens)

    def stream_of(self, workspace: UUID, attachment: Attachment) -> AsyncIterator[bytes]:
        """The file's bytes, each piece proven; FileDamaged where one is missing or was changed."""
        return unsealed(self.store.open(workspace, attachment.sha256), attachment.key)

    def _token(self, owner: Owner, attachment: Attachment) -> str:
        upload = _Upload(attachment=attachment, until=self._clock() + ATTACHABLE)
        return urlsafe_b64encode(self._keys[0].seal(upload.model_dump_json().encode(), owner.identity)).decode()

    def _opened(self, owner: Owner, token: str) -> Attachment:
        with suppress(ValueError):
            sealed_token = urlsafe_b64decode(token)
            for key in self._keys:
                with suppress(ContentDamaged, ValidationError):
                    upload = _Upload.model_validate_json(key.open(sealed_token, owner.identity))
                    if self._clock() <= upload.until:
                        return upload.attachment
        raise UploadInvalid()


class _Counted:
    """Bytes on their way in, no more than the limit."""

    def __init__(self, plain: AsyncIterable[bytes], limit: int) -> None:
        self._plain, self._limit = plain, limit
        self.size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._plain:
            self.size += len(piece)
            if self.size > self._limit:
                raise AttachmentTooLarge(limit=self._limit)
            yield piece


def store_of(settings: Settings) -> FileStore:
    """Where the operator wants files to be: a bucket, a folder, or the data folder."""
    if settings.files and settings.files.startswith("s3://"):
        # Imported when used: its library is in no process that keeps files in a folder.
        from eventstore.files.s3 import S3Files

        place = urlsplit(settings.files)
        return S3Files(place.netloc, place.path.strip("/"))
    return LocalFiles(Path(settings.files) if settings.files else settings.data / "files")


def files_of(settings: Settings, keyring: Keyring) -> Files:
    """The files of a desk."""
    return Files(store_of(settings), keyring, FileRules.of(settings))
