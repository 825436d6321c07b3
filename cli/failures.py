"""What goes wrong as a sentence on stderr and an exit code."""

import signal
import sys
import traceback
from collections.abc import Callable

from domain.errors import LedgerdeskError

MISUSE, FAILURE, INTERRUPTED = 2, 1, 130


def guarded(run: Callable[[], None]) -> None:
    """Run it; every failure is one sentence on stderr, exit 2 for misuse and 1 for failure."""
    # A stop asked for by another program unwinds like Ctrl-C, so that nothing is left running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except LedgerdeskError as error:
        _fail(str(error), MISUSE if error.misuse else FAILURE)
    except OSError as error:
        _fail(f"{error.filename or 'The system'}: {error.strerror or error}.", FAILURE)
    except Exception as error:  # noqa: BLE001 - the last line of defence: nobody sees a traceback unasked
        _fail(_unexpected(error), FAILURE)


def _fail(sentence: str, code: int) -> None:
    if "--debug" in sys.argv:
        traceback.print_exc()
    print(f"ledgerdesk: {sentence}", file=sys.stderr)
    sys.exit(code)


def _unexpected(error: Exception) -> str:
    # Its text is left out: it may quote what a customer wrote.
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return f"unexpected {kind}. Run `ledgerdesk --debug ...` again to see where it comes from."
