"""JSON logs that can't hold patient data: only listed keys pass, and exceptions give class and place."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

from activities.boundary import CASE
from integrations.telemetry import LOG_KEYS

TRUSTED_LOGGERS = ("uvicorn.error", "temporalio")
"""Whose message templates hold no values of ours; of other libraries only the logger's name is kept."""
MESSAGE_CHARS = 200


def allow_listed(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every key that is not listed, and turn an exception into its class and line numbers."""
    fault = event.pop("exc_info", None)
    if fault is True:
        fault = sys.exc_info()
    if isinstance(fault, BaseException):
        fault = (type(fault), fault, fault.__traceback__)
    kept = {key: value for key, value in event.items() if key in LOG_KEYS}
    if fault and fault[0]:
        frames = traceback.extract_tb(fault[2])[-6:]
        kept["error"] = type(fault[1]).__name__
        kept["where"] = " < ".join(f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno}" for f in reversed(frames))
    return kept


def _foreign(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record = event.get("_record")
    if record is not None:
        trusted = record.name.startswith(TRUSTED_LOGGERS)
        event["event"] = str(record.msg)[:MESSAGE_CHARS] if trusted else "library_message"
        event["logger"] = record.name
        told = getattr(record, "temporal_workflow", None) or getattr(record, "temporal_activity", None)
        if told:
            event["workflow_id"] = told.get("workflow_id")
            event["case_id"] = event["workflow_id"] if told.get("workflow_type") == CASE else None
        if trusted and hasattr(record, "activity"):
            event["activity"] = record.activity
        event["exc_info"] = record.exc_info
    return event


def configure(process: str) -> None:
    """Send our logs and those of libraries to standard error, one JSON object a line."""
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
                        logger_factory=structlog.stdlib.LoggerFactory())  # fmt: skip
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, _foreign], processors=[allow_listed, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.raiseExceptions = False  # it would print the arguments of a record that it can't format
    sys.excepthook = lambda _type, fault, _traceback: structlog.get_logger().critical("process_ended", exc_info=fault)
    for noisy in ("httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(process=process)
