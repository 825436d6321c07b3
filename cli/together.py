"""Doing many things at once, a bounded number of them."""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results in order; the first failure stops the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


def batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items."""
    return iter(lambda: list(islice(items, size)), [])
