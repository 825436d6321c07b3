"""The API keeps what its description promises, whoever asks and whatever is sent: schemathesis against the real server."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server
from tests.api.matrix.keys import of_a_requester

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ensure_resource_availability",
    "use_after_free",
    "ignored_auth",
)
# A stream that waits for more has no end to check.
CONFIG = "".join(
    f"""
[[operations]]
include-name = "GET /api/v1/{stream}"
parameters = {{ "query.wait" = false }}
"""
    for stream in ("events", "me/notifications/live")
)
# What is too large is refused too; schemathesis does not expect to be told so.
CONFIG += """
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx"]
"""
# Most of what a customer asks for is refused at once: fewer examples say as much.
EXAMPLES = {"admin": "2", "agent": "1", "requester": "1"}


def key_of(server: Server, role: str) -> str:
    """An API key of all that the role may do."""
    return of_a_requester(server).key if role == "requester" else server.acme.keys[role]  # type: ignore[index]


def test_an_id_of_something_else_is_unknown(admin: httpx.Client) -> None:
    draft, ticket = (
        admin.post("/drafts", json={"title": "t"}).json(),
        admin.post("/tickets", json={"title": "t"}).json(),
    )
    view = {"title": "v", "condition": {"all": []}}
    for other in (draft["id"], ticket["id"], admin.get("/me").json()["id"]):
        assert admin.patch(f"/tickets/{ticket['number']}", json={"requester_id": other}).status_code == 404
    for other in (draft["id"], ticket["id"]):
        assert admin.put(f"/views/{other}", json=view).json()["code"] == "unknown_view"


@pytest.mark.parametrize("role", EXAMPLES)
def test_the_api_keeps_its_description(followed: Server, tmp_path: Path, role: str) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    options = {
        "--header": f"Authorization: Bearer {key_of(followed, role)}",
        "--checks": ",".join(CHECKS),
        "--max-examples": os.environ.get("LEDGERDESK_CONTRACT_EXAMPLES", EXAMPLES[role]),
        "--phases": os.environ.get("LEDGERDESK_CONTRACT_PHASES", "examples,fuzzing"),
        "--seed": "1",
        "--request-timeout": "20",
        "--warnings": "off",
        **more_options(),
    }
    # Made when it is first asked for: on a busy machine that takes longer than schemathesis waits.
    assert followed.client().get("/openapi.json", timeout=120).is_success
    command = [Path(sys.executable).with_name("st"), "run", f"{followed.url}/api/v1/openapi.json", "--no-color"]
    command += [word for option in options.items() for word in option]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]


def more_options() -> dict[str, Any]:
    only = os.environ.get("LEDGERDESK_CONTRACT_PATHS")
    return {"--include-path-regex": only} if only else {}
