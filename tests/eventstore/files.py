"""Stores for the tests: a folder, and a bucket of a real S3 server on this machine."""

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from uuid import UUID

ACME, OTHER = UUID(int=1), UUID(int=2)
NOWHERE = "http://127.0.0.1:9"


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of an S3 server that begins empty."""
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


def make_bucket(url: str, name: str) -> None:
    """Make a bucket, as an operator would beforehand."""
    import boto3

    access = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=url, **access).create_bucket(Bucket=name)


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    """Bytes as they come in."""
    for part in parts:
        yield part


async def read(stream: AsyncIterable[bytes]) -> bytes:
    """All of it."""
    return b"".join([piece async for piece in stream])
