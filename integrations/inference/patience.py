"""When an endpoint is left alone: after failures in a row, and for as long as it asks for."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts.errors import Fallback, ModelError

FAILURES_IN_A_ROW, SLOW_IN_A_ROW = 3, 2
SHORT_REST_S, REST_S = 5.0, 60.0
"""A time-out costs a patient's time: it counts for more, and the rest is long at once. What fails quickly is tried
again sooner, and less often each time."""
TRIAL_S = 10.0
"""So long a call waits for the one that tries whether the endpoint is back: a case asks for several things at once."""


class Patience:
    """A circuit breaker. After a rest one call tries the endpoint, and the others wait for what it finds."""

    def __init__(self) -> None:
        self._failed, self._slow, self._why = 0, 0, Fallback.UNREACHABLE
        self._not_before, self._trial = 0.0, asyncio.Lock()

    def admit(self) -> None:
        """Raise ModelError while the endpoint rests, with the reason for which it does."""
        wait_s = self._not_before - time.monotonic()
        if wait_s > 0:
            raise ModelError(self._why, f"left alone for {wait_s:.0f} s more")

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Let one call through, and learn from how it ends. Raises ModelError where it must not be made."""
        self.admit()
        trial = self._open() and await self._is_trial()
        try:
            yield
        except ModelError as fault:
            if fault.retryable:
                self._failed_by(fault, trial)
            else:
                self._failed = self._slow = 0
            raise
        else:
            self._failed = self._slow = 0
        finally:  # a call that was cancelled tells nothing
            if trial:
                self._trial.release()

    async def _is_trial(self) -> bool:
        """Wait for another's trial, and return whether this call is one. Raises ModelError where that failed."""
        try:
            async with asyncio.timeout(TRIAL_S):
                await self._trial.acquire()
        except TimeoutError:
            raise ModelError(self._why, "another call still tries whether it is back") from None
        if self._open() and self._not_before <= time.monotonic():
            return True
        self._trial.release()
        self.admit()
        return False

    def _open(self) -> bool:
        return self._failed >= FAILURES_IN_A_ROW or self._slow >= SLOW_IN_A_ROW

    def _failed_by(self, fault: ModelError, trial: bool) -> None:
        rest_s = fault.retry_after.total_seconds() if fault.retry_after else 0.0
        if trial or not self._open():  # else it was under way when another opened it
            slow = fault.kind == Fallback.TOO_SLOW
            self._failed, self._slow, self._why = self._failed + 1, (self._slow + 1) * slow, Fallback(fault.kind)
            if self._open():
                again = min(max(self._failed - FAILURES_IN_A_ROW, 0), 10)
                rest_s = max(rest_s, REST_S if slow else min(SHORT_REST_S * 2**again, REST_S))
        self._not_before = max(self._not_before, time.monotonic() + rest_s)
