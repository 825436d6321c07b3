"""Structured logs: one JSON object a line on stderr, without content."""

import logging
import sys
import traceback
from typing import Any

import structlog
from pydantic_core import to_json


def _rendered(value: Any, **_: Any) -> bytes:
    return to_json(value, fallback=str)


def _where(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Where an exception came from; neither its text nor local values, which may quote what a customer wrote."""
    if event.pop("exc_info", None) and (error := sys.exception()):
        frames = traceback.extract_tb(error.__traceback__)
        event["trace"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def configure(level: str) -> None:
    """Set up structlog for this process."""
    # Without a database each pool tells every attempt, in a form of its own; `tail.reconnecting` says it for all.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _where,
            structlog.processors.JSONRenderer(serializer=_rendered),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
