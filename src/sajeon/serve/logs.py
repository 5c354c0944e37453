"""What the server says: JSON on standard error, an object a line, never a text or a key."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson


def log(level: str, event: str, **facts: Any) -> None:
    """Write a line."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = {"time": now, "level": level, "event": event, **facts}
    try:
        sys.stderr.write(orjson.dumps(line, default=str).decode() + "\n")  # at once: one line
    except (OSError, ValueError):  # nobody reads: the work goes on
        return


class JsonHandler(logging.Handler):
    """Writes what libraries log in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        facts = {}
        if record.exc_info and record.exc_info[1] is not None:
            facts["error"] = type(record.exc_info[1]).__name__
        log(record.levelname.lower(), record.getMessage().strip(), **facts)


def take_over() -> None:
    """Let warnings of the libraries come out in our form, and nothing less than warnings."""
    for name in ("uvicorn", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [JsonHandler()]
        logger.setLevel(logging.WARNING)
        logger.propagate = False
