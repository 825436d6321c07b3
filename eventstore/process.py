"""What every long-running process does once it is up."""

import gc


def settled() -> None:
    """Never search again for garbage among what was made at start: modules and models, a tenth of an append's time."""
    gc.collect()
    gc.freeze()
