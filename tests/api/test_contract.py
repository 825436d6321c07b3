"""The API keeps what its description promises, whatever is sent: schemathesis against the real server."""

import os
import subprocess
import sys
from pathlib import Path

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
# A stream that waits for more has no end to check; signing out would end the test.
CONFIG = """
[[operations]]
include-name = "GET /api/v1/events"
parameters = { "query.wait" = false }
"""


def test_the_api_keeps_its_description(followed, tmp_path):
    server = followed
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    options = {
        "--header": f"Authorization: Bearer {server.acme.keys['admin']}",
        "--checks": ",".join(CHECKS),
        "--max-examples": os.environ.get("LEDGERDESK_CONTRACT_EXAMPLES", "6"),
        "--phases": "examples,coverage,fuzzing",
        "--seed": "1",
        "--request-timeout": "20",
        "--warnings": "off",
    }
    command = [Path(sys.executable).with_name("st"), "run", f"{server.url}/api/v1/openapi.json", "--no-color"]
    command += [word for option in options.items() for word in option]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
