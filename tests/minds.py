"""What a process has in mind."""

import gc
from types import FunctionType, ModuleType


def in_mind(known: object) -> set[str]:
    """Every text that can be reached from it."""
    seen, texts, waiting = set(), set(), [known]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            texts.add(each)
        elif id(each) not in seen and not isinstance(each, type | ModuleType | FunctionType):
            seen.add(id(each))
            waiting += gc.get_referents(each)
    return texts
