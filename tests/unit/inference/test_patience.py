"""An endpoint is left alone after failures in a row and for as long as it asks, and then tried by one call."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from types import SimpleNamespace

import pytest

from contracts.errors import Fallback, ModelError
from integrations.inference import patience
from integrations.inference.patience import FAILURES_IN_A_ROW, REST_S, SHORT_REST_S, Patience

AWAY = ModelError(Fallback.UNREACHABLE, retryable=True)
SLOW = ModelError(Fallback.TOO_SLOW, retryable=True)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def fail(kept: Patience, fault: ModelError) -> ModelError:
    """Return what the caller saw: the call's own failure, or a refusal before it."""
    with pytest.raises(ModelError) as seen:
        async with kept.attempt():
            raise fault
    return seen.value


async def opened(kept: Patience) -> None:
    for _ in range(FAILURES_IN_A_ROW):
        assert await fail(kept, AWAY) is AWAY


async def succeed(kept: Patience) -> None:
    async with kept.attempt():
        pass


async def test_failures_in_a_row_open_it_for_longer_each_time_and_a_success_closes_it(clock: Clock) -> None:
    kept = Patience()
    await opened(kept)
    for rest_s in (SHORT_REST_S, 2 * SHORT_REST_S, 4 * SHORT_REST_S, 8 * SHORT_REST_S, REST_S, REST_S):
        clock.now += rest_s - 0.1
        assert await fail(kept, AWAY) is not AWAY, "refused before it was asked"
        clock.now += 0.2
        assert await fail(kept, AWAY) is AWAY
    clock.now += REST_S + 1
    await succeed(kept)
    for _ in range(2):
        assert await fail(kept, AWAY) is AWAY and await fail(kept, AWAY) is AWAY, "two are too few"
        await succeed(kept)


async def test_time_outs_cost_a_patient_time_and_open_it_for_long_at_once(clock: Clock) -> None:
    kept = Patience()
    await fail(kept, SLOW)
    await fail(kept, SLOW)
    clock.now += REST_S - 1
    refused = await fail(kept, AWAY)
    assert refused is not AWAY and refused.kind == Fallback.TOO_SLOW, "told as what it failed by"
    clock.now += 2
    await succeed(kept)


async def several(kept: Patience, fault: BaseException | None) -> list[BaseException | None]:
    """Return how three calls that come together end, where the endpoint answers each with that fault, or well."""
    asked = asyncio.Event()

    async def one() -> None:
        async with kept.attempt():
            if not asked.is_set():
                asked.set()
                await asyncio.sleep(0)  # the others come while this one tries
            if fault:
                raise fault

    return await asyncio.gather(*(one() for _ in range(3)), return_exceptions=True)


async def test_half_open_others_wait_for_the_call_that_tries_and_go_on_when_it_succeeds(clock: Clock) -> None:
    kept = Patience()
    await opened(kept)
    clock.now += SHORT_REST_S + 1
    assert await several(kept, None) == [None, None, None]
    await succeed(kept)


async def test_half_open_the_others_are_refused_when_it_fails(clock: Clock) -> None:
    kept = Patience()
    await opened(kept)
    clock.now += SHORT_REST_S + 1
    first, *others = await several(kept, AWAY)
    assert first is AWAY and all("left alone" in str(other) for other in others)
    clock.now += 2 * SHORT_REST_S + 1
    await succeed(kept)


async def test_half_open_nobody_waits_for_ever(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "TRIAL_S", 0.01)
    kept = Patience()
    await opened(kept)
    clock.now += SHORT_REST_S + 1
    async with kept.attempt():
        assert "another call" in str(await fail(kept, AWAY))
    await succeed(kept)


async def test_a_trial_that_is_cancelled_leaves_the_place_to_the_next(clock: Clock) -> None:
    kept = Patience()
    await opened(kept)
    clock.now += SHORT_REST_S + 1
    cancelled, *others = await several(kept, asyncio.CancelledError())
    assert isinstance(cancelled, asyncio.CancelledError) and len(others) == 2
    await succeed(kept)


async def test_what_only_this_call_did_wrong_opens_nothing(clock: Clock) -> None:
    kept = Patience()
    nonsense = ModelError(Fallback.NONSENSE)
    for _ in range(5):
        assert await fail(kept, nonsense) is nonsense


async def test_it_is_not_asked_before_the_moment_that_it_named(clock: Clock) -> None:
    kept = Patience()
    busy = ModelError(Fallback.UNREACHABLE, retryable=True, retry_after=timedelta(seconds=300))
    assert await fail(kept, busy) is busy
    clock.now += 299
    assert await fail(kept, AWAY) is not AWAY
    clock.now += 2
    await succeed(kept)


async def test_calls_that_were_under_way_when_it_opened_do_not_make_the_rest_longer(clock: Clock) -> None:
    kept = Patience()
    with pytest.raises(ModelError):
        async with AsyncExitStack() as under_way:
            for _ in range(5):
                await under_way.enter_async_context(kept.attempt())
            await opened(kept)
            raise AWAY
    clock.now += SHORT_REST_S + 1
    await succeed(kept)
