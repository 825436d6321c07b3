"""Where files are kept: one set of rules for every store, then what can go wrong with each."""

import asyncio
import hashlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from eventstore.files.errors import FileDamaged, FileStorageFull, FileStoreUnavailable
from eventstore.files.local import LocalFiles
from eventstore.files.s3 import PIECE, S3Files
from eventstore.files.store import FileStore
from tests.chaos.disks import MEGABYTE, small_disk
from tests.eventstore.files import ACME, NOWHERE, OTHER, make_bucket, pieces, read, s3_server
from tests.waiting import wait_until

ABSENT = "0" * 64
TRICKS = ("", "..", "../../etc/passwd", "a" * 63, "A" * 64, "0" * 63 + "\n", "0" * 64 + "/../../secret")


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, s3_url: str) -> pytest.MonkeyPatch:
    """The variables of an S3 client, set as an operator would."""
    known = {"ENDPOINT_URL": s3_url, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "REGION": "us-east-1"}
    for name, value in known.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return monkeypatch


@pytest.fixture
def bucket(aws: pytest.MonkeyPatch, s3_url: str) -> S3Files:
    name = f"desk-{uuid4().hex[:12]}"
    make_bucket(s3_url, name)
    return S3Files(name, "attached/files")


@pytest.fixture
def folder(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "data" / "files")


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> FileStore:
    kept: FileStore = request.getfixturevalue(request.param)
    return kept


async def listed(store: FileStore, workspace=ACME) -> set[str]:
    return {kept.sha256 async for page in store.listing(workspace) for kept in page}


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 6 * MEGABYTE])
async def test_what_is_put_is_read_back_under_its_hash(store, size):
    data = os.urandom(size) or b"\0"
    put = await store.put(ACME, pieces(data[: size // 3], b"", data[size // 3 :]))
    assert put == (hashlib.sha256(data).hexdigest(), len(data))
    assert await read(store.open(ACME, put.sha256)) == data


async def test_the_same_bytes_twice_are_one_file_with_a_new_date(store):
    first = await store.put(ACME, pieces(b"same"))
    began = datetime.now(UTC)
    assert await store.put(ACME, pieces(b"same")) == first
    [[kept]] = [page async for page in store.listing(ACME) if page]
    assert kept.sha256 == first.sha256
    # S3 dates have whole seconds.
    assert began - timedelta(seconds=1) <= kept.since <= datetime.now(UTC)


async def test_workspaces_do_not_see_each_others_files(store):
    put = await store.put(ACME, pieces(b"ours"))
    assert not await store.exists(OTHER, put.sha256)
    assert await listed(store, OTHER) == set()
    with pytest.raises(FileDamaged):
        await read(store.open(OTHER, put.sha256))


async def test_a_deleted_file_is_gone_and_can_be_deleted_again(store):
    gone, stays = [await store.put(ACME, pieces(text)) for text in (b"gone", b"stays")]
    for _ in range(2):
        await store.delete(ACME, gone.sha256)
    assert await listed(store) == {stays.sha256}
    assert [await store.exists(ACME, put.sha256) for put in (gone, stays)] == [False, True]


async def test_what_was_never_there_is_said_clearly(store):
    assert not await store.exists(ACME, ABSENT)
    with pytest.raises(FileDamaged):
        await read(store.open(ACME, ABSENT))
    assert await listed(store) == set()
    await store.drop_unfinished(datetime.now(UTC))


@pytest.mark.parametrize("name", TRICKS)
async def test_only_a_hash_can_be_a_name(store, name):
    for asked in (lambda: read(store.open(ACME, name)), lambda: store.exists(ACME, name)):
        with pytest.raises(FileDamaged):
            await asked()
    with pytest.raises(FileDamaged):
        await store.delete(ACME, name)


async def test_a_source_that_fails_leaves_nothing(store, tmp_path):
    async def failing():
        yield b"x" * 100_000
        raise ConnectionResetError("gone")

    with pytest.raises((ConnectionResetError, FileStoreUnavailable)):
        await store.put(ACME, failing())
    assert await listed(store) == set()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_many_at_once_do_not_meet(store):
    texts = [str(n).encode() * 50_000 for n in range(20)]
    put = await asyncio.gather(*(store.put(ACME, pieces(text, text)) for text in texts))
    assert [await read(store.open(ACME, each.sha256)) for each in put] == [text * 2 for text in texts]


WRITING = """
import asyncio, sys
from pathlib import Path
from eventstore.files.local import LocalFiles
from tests.eventstore.files import ACME

async def endless():
    while True:
        yield b"x" * 65536

asyncio.run(LocalFiles(Path(sys.argv[1])).put(ACME, endless()))
"""


@pytest.fixture
def half_written(tmp_path: Path) -> Path:
    """The folder of a store whose process was killed in the middle of an upload."""
    kept = tmp_path / "data" / "files"
    with subprocess.Popen([sys.executable, "-c", WRITING, str(kept)]) as writer:
        wait_until(lambda: any(path.stat().st_size > MEGABYTE for path in kept.glob("unfinished/*")))
        writer.kill()
    return kept


async def test_killed_while_uploading_no_half_file_can_be_seen(folder, half_written):
    assert await listed(folder) == set()
    await folder.drop_unfinished(datetime.now(UTC) - timedelta(days=2))
    assert len(list(half_written.glob("unfinished/*"))) == 1
    await folder.drop_unfinished(datetime.now(UTC) + timedelta(seconds=1))
    assert [path for path in half_written.rglob("*") if path.is_file()] == []


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [150_000, 200_001])
async def test_without_room_nothing_is_kept_and_later_it_goes_on(store, tmp_path, size):
    """The second size is not full pages: the last write fails when the file is closed."""
    with largest_file(100_000), pytest.raises(FileStorageFull):
        await store.put(ACME, pieces(*[b"x" * 1000] * (size // 1000), b"y"))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    put = await store.put(ACME, pieces(b"x" * size))
    assert await listed(store) == {put.sha256}


async def test_a_full_disk_refuses_and_takes_what_fits(tmp_path):
    with small_disk(tmp_path / "small", 1) as disk:
        store = LocalFiles(disk / "files")
        first = await store.put(ACME, pieces(b"x" * 300_000))
        with pytest.raises(FileStorageFull):
            await store.put(ACME, pieces(*[b"y" * 65536] * 40))
        second = await store.put(ACME, pieces(b"z" * 300_000))
        assert await listed(store) == {first.sha256, second.sha256}
        assert list((disk / "files" / "unfinished").iterdir()) == []


async def test_a_folder_that_cannot_be_made_is_a_store_that_is_away(tmp_path):
    (tmp_path / "files").write_text("not a folder")
    store = LocalFiles(tmp_path / "files")
    with pytest.raises(FileStoreUnavailable):
        await store.put(ACME, pieces(b"x"))
    with pytest.raises(FileStoreUnavailable):
        await read(store.open(ACME, ABSENT))


async def all_refused(store: FileStore) -> None:
    for asked in (
        lambda: store.put(ACME, pieces(b"x")),
        lambda: read(store.open(ACME, ABSENT)),
        lambda: store.delete(ACME, ABSENT),
        lambda: listed(store),
    ):
        with pytest.raises(FileStoreUnavailable):
            await asked()


async def test_a_bucket_that_is_away_is_said_soon(aws):
    aws.setenv("AWS_ENDPOINT_URL", NOWHERE)
    store = S3Files("desk")
    await all_refused(store)
    with pytest.raises(FileStoreUnavailable):
        await store.exists(ACME, ABSENT)


async def test_a_bucket_that_does_not_exist_is_no_missing_file(aws):
    await all_refused(S3Files("never-made"))


async def test_a_bucket_that_goes_away_in_between(aws):
    with s3_server() as short_lived:
        aws.setenv("AWS_ENDPOINT_URL", short_lived)
        make_bucket(short_lived, "short-lived")
        store = S3Files("short-lived")
        put = await store.put(ACME, pieces(b"there"))
        assert await read(store.open(ACME, put.sha256)) == b"there"
    with pytest.raises(FileStoreUnavailable):
        await read(store.open(ACME, put.sha256))


async def test_a_bucket_lists_every_page(bucket, monkeypatch):
    monkeypatch.setattr("eventstore.files.s3.PAGE", 3)
    put = {(await bucket.put(ACME, pieces(str(n).encode()))).sha256 for n in range(8)}
    sizes = [len(page) async for page in bucket.listing(ACME)]
    assert (await listed(bucket), sizes) == (put, [3, 3, 2])
