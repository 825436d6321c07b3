"""HTTP/1.1 as uvicorn reads it with httptools, with what that leaves out: a longest head, and refusals as problems."""

from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.problems import MEDIA_TYPE, problem
from domain.errors import Refusal

# Request line and headers together, in bytes; the parser itself keeps whatever comes.
LONGEST_HEAD = 1 << 16


class NotHttp(Refusal):
    """The bytes are no HTTP request."""

    code = "not_http"
    status = 400
    sentence = "This is not a request in HTTP/1.1. The API is described at /api/v1/docs."


class HeadTooLong(Refusal):
    """Request line and headers are longer than the limit."""

    code = "head_too_long"
    status = 431
    sentence = "The address and the headers are longer than this service takes. Send what is long in the body."


class Protocol(HttpToolsProtocol):
    """One connection."""

    _head: int | None = None

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The empty line before the body."""
        self._head = None
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request, or of several."""
        # Only what comes while a head goes on: the chunk in which it began may be mostly the body before it.
        goes_on = self._head is not None
        super().data_received(data)
        if goes_on and self._head is not None:
            self._head += len(data)
            if self._head > LONGEST_HEAD and not self.transport.is_closing():
                self._refuse(HeadTooLong())

    def send_400_response(self, msg: str) -> None:
        """What the parser cannot read."""
        self._refuse(NotHttp())

    def _refuse(self, refusal: Refusal) -> None:
        body = to_json(problem(refusal))
        head = b"content-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (MEDIA_TYPE.encode(), len(body))
        self.transport.write(STATUS_LINE[refusal.status] + head + body)
        self.transport.close()
