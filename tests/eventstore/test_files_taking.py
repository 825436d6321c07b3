"""Uploading and attaching: what is taken, what it is called, and who may use it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.errors import InvalidInput
from domain.event import Actor
from domain.ticket.commands import MOST_FILES
from domain.values import Line
from eventstore.files.desk import ATTACHABLE, Files, Owner, files_of, store_of
from eventstore.files.errors import AttachmentTooLarge, FileDamaged, FileTypeRefused, TooManyFiles, UploadInvalid
from eventstore.files.local import LocalFiles
from eventstore.files.rules import FileRules, clean_media_type, clean_name
from eventstore.keyring import Keyring
from eventstore.settings import EXECUTABLES, Settings, SettingsError
from tests.eventstore.files import ACME, OTHER, pieces, read

LIMIT = 100_000
ANN = Owner(ACME, Actor(kind="person", id=str(uuid4())))
BOB = Owner(ACME, Actor(kind="person", id=str(uuid4())))


class Clock:
    """A clock that stands until it is put forward."""

    now = datetime(2026, 11, 22, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def desk(tmp_path, clock):
    return a_desk(tmp_path, clock)


def a_desk(folder, clock, keyring=None) -> Files:
    rules = FileRules(LIMIT, refused=frozenset(EXECUTABLES.split(",")))
    return Files(LocalFiles(folder / "files"), keyring or Keyring(b"k" * 32), rules, clock)


async def upload(desk: Files, owner: Owner = ANN, text: bytes = b"hello") -> str:
    return (await desk.take(owner, pieces(text), "report.pdf", "application/pdf"))[0]


def files_in(folder) -> list:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_what_is_uploaded_can_be_attached_and_read(desk):
    token, taken = await desk.take(ANN, pieces(b"he", b"llo"), "打印机.pdf", "application/pdf; x=y")
    [attached] = desk.uploaded(ANN, [token])
    assert attached == taken
    assert (taken.name, taken.media_type, taken.size) == ("打印机.pdf", "application/pdf", 5)
    assert await read(desk.stream_of(ACME, attached)) == b"hello"


async def test_the_same_token_stands_for_the_same_file_each_time(desk):
    token = await upload(desk)
    assert desk.uploaded(ANN, [token]) == desk.uploaded(ANN, [token])


async def test_the_same_file_twice_is_two_files(desk):
    tokens = [await upload(desk), await upload(desk)]
    first, second = desk.uploaded(ANN, tokens)
    assert first.sha256 != second.sha256
    assert first.attachment_id != second.attachment_id


async def test_neither_folder_nor_token_shows_what_was_sent(desk, tmp_path):
    token, attachment = await desk.take(ANN, pieces(b"my password"), "private.txt", "text/plain")
    [kept] = files_in(tmp_path)
    opened = urlsafe_b64decode(token)
    for secret in (b"my password", b"private", attachment.key.encode()):
        assert secret not in kept.read_bytes()
        assert secret not in opened
        assert secret not in str(kept).encode()


@pytest.mark.parametrize("size", [0, LIMIT])
async def test_nothing_and_just_enough_are_taken(desk, size):
    [attached] = desk.uploaded(ANN, [await upload(desk, text=b"x" * size)])
    assert attached.size == size
    assert await read(desk.stream_of(ACME, attached)) == b"x" * size


async def test_one_byte_too_many_is_refused_before_all_is_read(desk, tmp_path):
    async def endless():
        while True:
            yield b"x" * (LIMIT // 2 + 1)

    with pytest.raises(AttachmentTooLarge, match=f"{LIMIT} bytes"):
        await desk.take(ANN, endless(), "big.bin", "")
    with pytest.raises(AttachmentTooLarge):
        await upload(desk, text=b"x" * (LIMIT + 1))
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("thief", [BOB, Owner(OTHER, ANN.actor), Owner(ACME, Actor(kind="api_key", id=ANN.actor.id))])
async def test_somebody_elses_token_is_refused(desk, thief):
    token = await upload(desk)
    with pytest.raises(UploadInvalid):
        desk.uploaded(thief, [token])


async def test_a_token_lasts_a_day(desk, clock):
    token = await upload(desk)
    clock.now += ATTACHABLE
    assert desk.uploaded(ANN, [token])
    clock.now += timedelta(seconds=1)
    with pytest.raises(UploadInvalid):
        desk.uploaded(ANN, [token])


@given(st.text(), st.integers(0, 10_000), st.integers(0, 5))
def test_no_text_is_a_token_by_chance(tmp_path_factory, text, place, bit):
    desk = a_desk(tmp_path_factory.getbasetemp(), Clock())
    good = bytearray(desk._keys[0].seal(b"{}" * 100, ANN.identity))
    good[place % len(good)] ^= 1 << bit
    for token in (text, urlsafe_b64encode(good).decode()):
        with pytest.raises(UploadInvalid):
            desk.uploaded(ANN, [token])


async def test_a_token_outlives_a_change_of_the_master_key(desk, tmp_path, clock):
    token = await upload(desk)
    rotated = a_desk(tmp_path, clock, Keyring(b"n" * 32, b"k" * 32))
    assert rotated.uploaded(ANN, [token]) == desk.uploaded(ANN, [token])
    with pytest.raises(UploadInvalid):
        a_desk(tmp_path, clock, Keyring(b"n" * 32)).uploaded(ANN, [token])


async def test_more_files_than_one_change_takes(desk):
    token = await upload(desk)
    assert len(desk.uploaded(ANN, [token] * MOST_FILES)) == MOST_FILES
    with pytest.raises(TooManyFiles):
        desk.uploaded(ANN, [token] * (MOST_FILES + 1))


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("报告 2026.pdf", "报告 2026.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ann\\x.doc", "x.doc"),
        ("..", "file"),
        ("", "file"),
        (" . ", "file"),
        (".gitignore", ".gitignore"),
        ("a\r\nSet-Cookie: b\x00\x1b[31m.txt", "aSet-Cookie: b[31m.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("tool.exe. .", "tool.exe"),
        ("n" * 300 + ".pdf", "n" * 196 + ".pdf"),
        ("n." + "e" * 300, "n." + "e" * 198),
        ("e\u0301.txt", "\u00e9.txt"),
        ("\ud800.txt", ".txt"),
    ],
)
def test_a_name_is_what_can_be_shown_of_it(given_name, name):
    assert clean_name(given_name) == name


@given(st.text(max_size=400))
def test_every_name_becomes_one_that_a_ticket_can_have(text):
    name = clean_name(text)
    assert TypeAdapter(Line).validate_python(name) == name
    assert not set(name) & set("/\\\r\n\0")
    assert name not in ("", ".", "..")


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("setup.exe", "application/octet-stream"),
        ("SETUP.EXE", "application/octet-stream"),
        ("setup.exe.", "application/octet-stream"),
        ("setup.pdf\u202e.exe", "application/pdf"),
        (".exe", "text/plain"),
        ("harmless.txt", "application/x-MSDownload; charset=x"),
    ],
)
async def test_programs_are_refused_by_ending_and_by_type(desk, tmp_path, name, media_type):
    with pytest.raises(FileTypeRefused) as refused:
        await desk.take(ANN, pieces(b"MZ"), name, media_type)
    assert "setup" not in str(refused.value)
    assert files_in(tmp_path) == []


def test_a_desk_may_take_some_types_only():
    rules = FileRules(LIMIT, taken=frozenset({".pdf", "image/*"}))
    rules.check("x.pdf", "application/octet-stream")
    rules.check("x", "image/png")
    for name, media_type in (("x.txt", "text/plain"), ("pdf", "application/json"), ("image", "imagex/png")):
        with pytest.raises(FileTypeRefused):
            rules.check(name, media_type)


@pytest.mark.parametrize("text", ["pdf", "a/b/c", "text/", "/x", "text/plain\r\nX: y", "文/本", "a" * 200 + "/b"])
async def test_a_media_type_has_a_form(desk, text):
    with pytest.raises(InvalidInput, match="application/pdf"):
        await desk.take(ANN, pieces(b""), "x", text)


def test_without_a_media_type_it_is_just_bytes():
    assert clean_media_type("") == clean_media_type(" ; charset=utf-8") == "application/octet-stream"


async def test_a_missing_file_and_a_changed_one_are_said_alike(desk, tmp_path):
    [attached] = desk.uploaded(ANN, [await upload(desk)])
    [kept] = files_in(tmp_path)
    kept.write_bytes(kept.read_bytes()[:-1])
    with pytest.raises(FileDamaged):
        await read(desk.stream_of(ACME, attached))
    kept.unlink()
    with pytest.raises(FileDamaged):
        await read(desk.stream_of(ACME, attached))


async def test_one_file_put_in_the_place_of_another_is_found(desk, tmp_path):
    tokens = [await upload(desk, text=text) for text in (b"mine", b"evil")]
    mine, evil = desk.uploaded(ANN, tokens)
    first, second = (next(tmp_path.rglob(each.sha256)) for each in (mine, evil))
    first.write_bytes(second.read_bytes())
    with pytest.raises(FileDamaged):
        await read(desk.stream_of(ACME, mine))


def settings(monkeypatch, tmp_path, **given_values) -> Settings:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LEDGERDESK_{name.upper()}", raising=False)
    monkeypatch.setenv("LEDGERDESK_DATA", str(tmp_path))
    for name, value in given_values.items():
        monkeypatch.setenv(f"LEDGERDESK_{name}", value)
    return Settings.load()


async def test_without_a_setting_files_are_in_the_data_folder(monkeypatch, tmp_path):
    desk = files_of(settings(monkeypatch, tmp_path), Keyring(b"k" * 32))
    await upload(desk)
    assert [path.parts[len(tmp_path.parts)] for path in files_in(tmp_path)] == ["files"]
    assert desk.rules == (25 << 20, frozenset(), frozenset(EXECUTABLES.split(",")))


def test_a_bucket_is_named_by_its_address(monkeypatch, tmp_path):
    from eventstore.files.s3 import S3Files

    monkeypatch.setenv("AWS_REGION", "us-east-1")
    found = store_of(settings(monkeypatch, tmp_path, FILES="s3://desk/some/where"))
    assert isinstance(found, S3Files)
    assert (found._bucket.config["bucket"], found._bucket.prefix) == ("desk", "some/where")


@pytest.mark.parametrize("place", ["relative/folder", "s3://", "s3:///prefix", "http://bucket"])
def test_a_place_that_is_none_is_said_at_start(monkeypatch, tmp_path, place):
    with pytest.raises(SettingsError, match="LEDGERDESK_FILES: must be a folder"):
        settings(monkeypatch, tmp_path, FILES=place)


def test_types_are_read_as_people_write_them(monkeypatch, tmp_path):
    rules = FileRules.of(settings(monkeypatch, tmp_path, FILE_TYPES=" .PDF, image/* ,", FILE_TYPES_REFUSED="-"))
    assert rules.taken == {".pdf", "image/*"}
    rules.check("setup.pdf", "application/x-msdownload")
