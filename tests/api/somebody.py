"""Somebody who uses a desk over HTTP, and reads what anybody has written before."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from domain.permissions import RoleName
from tests.api.conftest import Server


@dataclass
class Seen:
    """How far the log is, as those who wrote were answered."""

    position: int = 0


@dataclass
class Somebody:
    """Who writes, and afterwards reads at least as far."""

    client: httpx.Client
    seen: Seen

    def send(self, method: str, path: str, **body: Any) -> Any:
        answer = self.client.request(method, path, **({"json": body} if body else {}))
        assert answer.is_success, answer.text
        self.seen.position = max(self.seen.position, answer.json()["position"])
        return answer.json()

    def read(self, path: str, **params: Any) -> Any:
        answer = self.client.get(path, params={"min_position": self.seen.position, **params})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def counts(self) -> dict[str, int]:
        self.read("/tickets")
        return {view["key"]: view["total"] for view in self.read("/views")["views"]}


SignedIn = Callable[[RoleName | str], Somebody]


@pytest.fixture
def signed_in(followed: Server) -> Iterator[SignedIn]:
    """Signs somebody in: whoever has a role, or an API key."""
    seen = Seen()
    with ExitStack() as clients:

        def sign_in(who: RoleName | str) -> Somebody:
            client = followed.acting(who) if isinstance(who, RoleName) else followed.client(who)
            return Somebody(clients.enter_context(client), seen)

        yield sign_in
