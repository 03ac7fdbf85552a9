"""Logs on stderr, as text for people or as one JSON object per line for machines."""

import json
import logging
import sys


class TextFormatter(logging.Formatter):
    """One line for people: local time, the level where somebody should look, what happened."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the name is the library's)
        """The line, before a traceback is added."""
        told = "" if record.levelno == logging.INFO else f"{record.levelname} "
        if record.name != "pcs":
            told += f"{record.name} "
        return f"{record.asctime} {told}{record.message}"


class JsonFormatter(logging.Formatter):
    """One JSON object per line: `at` (seconds since 1970), `level`, `logger`, `event`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; a traceback goes into `error`."""
        line = {
            "at": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up(*, verbose: bool, log_format: str) -> None:
    """Send log records of `pcs` to stderr; `verbose` shows debug records too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger("pcs")
    root.handlers[:] = [handler]
    root.propagate = False
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
