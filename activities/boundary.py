"""How errors cross Temporal, and which case a log line of an activity is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars
from temporalio import activity
from temporalio.exceptions import ApplicationError

from contracts.errors import WardflowError
from integrations import traces

log = structlog.get_logger()
CASE = "case"  # the type of workflow whose id is a case's


@contextmanager
def boundary() -> Iterator[None]:
    """Carry errors across Temporal: ours with type, kind, whether and when to retry; any other by its class alone.

    What is logged and traced within names the workflow, and so the case.
    """
    with _log_context():
        try:
            yield
        except WardflowError as fault:
            log.warning("activity_failed", **fault.log_fields())
            kind: Any = str(fault.kind)
            raise ApplicationError(
                str(fault), kind, type=type(fault).__name__, non_retryable=not fault.retryable,
                next_retry_delay=fault.retry_after,
            ) from None  # fmt: skip
        except Exception as fault:
            log.error("activity_broken", exc_info=fault)
            raise ApplicationError("unexpected", type=type(fault).__name__, non_retryable=True) from None
        log.info("activity_done")


@contextmanager
def _log_context() -> Iterator[None]:
    if not activity.in_activity():
        yield
        return
    info = activity.info()
    case_id = info.workflow_id if info.workflow_type == CASE else None
    ids = {"case_id": case_id, "workflow_id": info.workflow_id, "activity": info.activity_type, "attempt": info.attempt}
    with bound_contextvars(**ids), traces.span(info.activity_type, case_id or "", attempt=info.attempt):
        yield
