"""Tables in files, written and read in a process of their own: what they need of memory goes when it ends.

`python -m processors.jobs.sheets write FORMAT PATH` takes rows as JSON Lines: first the columns, last null.
`python -m processors.jobs.sheets read FORMAT ENCODING <file` answers {"total": rows or null}, {"columns": names} of
a table, the rows, null; or {"error": why}.
"""

import errno
import json
import resource
import shutil
import sys
from pathlib import Path
from typing import Any

from processors.jobs import sheet_readers, sheet_writers

# What a reader may use, in bytes and in seconds: a file of a few kilobytes may unpack to anything.
MEMORY, SECONDS = 1 << 29, 900


def _write(form: str, path: Path) -> None:
    lines = (json.loads(line) for line in sys.stdin.buffer)
    columns = next(lines)
    with sheet_writers.WRITERS[form](path, [(name, kind) for name, kind in columns]) as writer:
        for row in lines:
            if row is None:
                break
            writer.add(row)
        else:
            # Whoever sent the rows has died: nobody asks for the file any more.
            raise EOFError


def _read(form: str, encoding: str) -> None:
    # Its name is gone already, so that nothing is left of it however we end.
    path = Path("/dev/stdin")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        _say({"total": sheet_readers.count(form, path, encoding)})
        for row in sheet_readers.READERS[form](path, encoding, lambda columns: _say({"columns": columns})):
            _say(row)
        _say(None)
    except sheet_readers.UnusableFile as unusable:
        _say({"error": unusable.fields["reason"]})
    except MemoryError:
        _say({"error": "it needs more memory than an import is given"})
    sys.stdout.flush()


def _say(what: Any) -> None:
    # Escaped to ASCII: also half a surrogate pair goes through.
    print(json.dumps(what))


def _main(doing: str, form: str, where: str) -> int:
    try:
        _write(form, Path(where)) if doing == "write" else _read(form, where)
    except EOFError:
        shutil.rmtree(Path(where).parent, ignore_errors=True)
        return 1
    except BrokenPipeError:
        return 1
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return errno.ENOSPC
        return _failed(error)
    except Exception as error:  # noqa: BLE001 - a traceback may quote what a customer wrote
        return _failed(error)
    return 0


def _failed(error: Exception) -> int:
    print(f"ledgerdesk: a file failed with {type(error).__qualname__}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
