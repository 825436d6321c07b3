"""A load generator that costs little of the machine it measures: keep-alive connections, requests made beforehand."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from domain.errors import LedgerdeskError

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class RequestFailed(LedgerdeskError):
    """The server answered something else than success; the figure would mean nothing."""

    code = "request_failed"
    sentence = (
        "The measured server answered {answer}, so there is no figure. Run the measure again; its log may say why."
    )


@dataclass(frozen=True)
class Load:
    """What a run of requests came to."""

    requests: int
    seconds: float
    latencies: list[float]

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def post(path: str, body: object, headers: dict[str, str]) -> bytes:
    """The bytes of one request."""
    content = json.dumps(body, ensure_ascii=False).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: bench", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


def get(path: str, headers: dict[str, str]) -> bytes:
    """The bytes of one question."""
    lines = [f"GET {path} HTTP/1.1", "Host: bench", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


async def drive(port: int, requests: Iterator[bytes], connections: int) -> Load:
    """Send all requests over that many connections, each waiting for its answer; raises unless all succeed."""
    latencies: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(_connection(port, requests, latencies) for _ in range(connections)))
    return Load(len(latencies), time.perf_counter() - began, latencies)


async def _connection(port: int, requests: Iterator[bytes], latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for request in requests:
            began = time.perf_counter()
            writer.write(request)
            await _answer(reader)
            latencies.append(time.perf_counter() - began)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    body = await reader.readexactly(int(length[1])) if length else b""
    if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
        raise RequestFailed(answer=f"{head.splitlines()[0]!r} {body[:300]!r}")
