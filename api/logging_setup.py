"""Logging set-up: console or JSON lines. A request is logged by its route template, so that no code is written."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

log = logging.getLogger("oncelink")


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class ConsoleLines(logging.Formatter):
    """Formats a record for people."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        line = f"{at} {record.levelname.lower():7} {record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure_logging(log_format: Literal["console", "json"], level: int = logging.INFO) -> None:
    """Send all log lines to standard error, as console text or JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else ConsoleLines())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger("uvicorn.access").disabled = True


def log_request(method: str, route: str, status: int, milliseconds: float, request_id: str) -> None:
    """Log one answered request; the duration is in milliseconds."""
    fields = {
        "method": method,
        "route": route,
        "status": status,
        "ms": round(milliseconds, 1),
        "request_id": request_id,
    }
    log.info("%s %s %s %.1f ms", method, route, status, milliseconds, extra={"fields": fields})
