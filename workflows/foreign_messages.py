"""Keeps what a stranger sends to Temporal from freezing a workflow: what does not fit is refused like a failed attempt.

The codec marks what does not open (service/process/temporal.py); here a marked result, a result of another type and a
signal with other arguments end. Unhandled, each would fail its workflow task, which Temporal repeats for ever.
"""

import inspect
from collections.abc import Callable, Generator
from typing import Any, cast

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import (
    HandleSignalInput,
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from workflows import policies

TYPE = "MessageRefused"
"""ApplicationError.type of what came from someone without our key, or belongs elsewhere."""


def refusal() -> ApplicationError:
    """Return the error that stands for a message that was refused."""
    return ApplicationError("not sealed for this workflow", type=TYPE)


class Refusing(Interceptor):
    """Worker and replayer use it alike."""

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))

    async def handle_signal(self, input: HandleSignalInput) -> None:
        handler = workflow.get_signal_handler(input.signal)
        try:
            if handler:
                inspect.signature(handler).bind(*input.args)
        except TypeError:
            workflow.logger.warning("message_refused")
            return
        await super().handle_signal(input)


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:
        # No task of its own: that would put commands in another order than histories of before have.
        return cast("workflow.ActivityHandle[Any]", _Answer(input, super().start_activity))


class _Answer:
    """The result of an activity. A refused one raises ActivityError, as a failed one does.

    An activity without an end (no `schedule_to_close_timeout`) is scheduled again before, a few times.
    """

    def __init__(
        self, input: StartActivityInput, start: Callable[[StartActivityInput], workflow.ActivityHandle[Any]]
    ) -> None:
        self._input, self._start, self._type = input, start, input.ret_type
        input.ret_type = RawValue  # read here, where a result that does not fit is no failed workflow task
        self._handle = start(input)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._result().__await__()

    async def _result(self) -> Any:
        pauses = () if self._input.schedule_to_close_timeout else policies.REFUSED_AGAIN
        for pause in pauses:
            try:
                return self._read(await self._handle)
            except ActivityError as fault:
                if not _refused(fault):
                    raise
            await workflow.sleep(pause)
            self._handle = self._start(self._input)
        return self._read(await self._handle)

    def _read(self, result: Any) -> Any:
        try:
            assert isinstance(result, RawValue), "an activity of ours always has a result"
            hints = [self._type] if self._type else None
            return workflow.payload_converter().from_payloads([result.payload], hints)[0]
        except Exception:  # noqa: BLE001 - whatever a stranger put there, it is no result
            workflow.logger.warning("message_refused", extra={"activity": self._input.activity})
        raise ActivityError(
            "result refused", scheduled_event_id=0, started_event_id=0, identity="", retry_state=None,
            activity_type=self._input.activity, activity_id=self._input.activity_id or "",
        ) from refusal()  # fmt: skip


def _refused(fault: ActivityError) -> bool:
    return isinstance(fault.cause, ApplicationError) and fault.cause.type == TYPE
