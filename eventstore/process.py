"""What every long-running process does once it is up."""

import gc

# So many new objects, where Python looks after 700: requests under way have as many, which are all still needed, and every
# hundredth look goes through all that is remembered of tickets.
YOUNG = 10_000


def settled() -> None:
    """Search for garbage seldom, and never again among what was made at start: modules and models. A sixth of a reply's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
