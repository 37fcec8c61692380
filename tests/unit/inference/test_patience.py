"""An endpoint is left alone after failures in a row and for as long as it asks, and then tried by one call."""

from contextlib import ExitStack
from datetime import timedelta

import pytest

from contracts.errors import Fallback, ModelError
from integrations.inference import patience
from integrations.inference.patience import FAILURES_IN_A_ROW, REST_S, SHORT_REST_S, Patience

AWAY = ModelError(Fallback.UNREACHABLE, retryable=True)
SLOW = ModelError(Fallback.TOO_SLOW, retryable=True)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(patience.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def fail(kept: Patience, fault: ModelError) -> ModelError:
    """Return what the caller saw: the call's own failure, or a refusal before it."""
    with pytest.raises(ModelError) as seen, kept.attempt():
        raise fault
    return seen.value


def opened(kept: Patience) -> None:
    for _ in range(FAILURES_IN_A_ROW):
        assert fail(kept, AWAY) is AWAY


def succeed(kept: Patience) -> None:
    with kept.attempt():
        pass


def test_failures_in_a_row_open_it_for_longer_each_time_and_a_success_closes_it(clock: Clock) -> None:
    kept = Patience()
    opened(kept)
    for rest_s in (SHORT_REST_S, 2 * SHORT_REST_S, 4 * SHORT_REST_S, 8 * SHORT_REST_S, REST_S, REST_S):
        clock.now += rest_s - 0.1
        assert fail(kept, AWAY) is not AWAY, "refused before it was asked"
        clock.now += 0.2
        assert fail(kept, AWAY) is AWAY
    clock.now += REST_S + 1
    succeed(kept)
    for _ in range(2):
        assert fail(kept, AWAY) is AWAY and fail(kept, AWAY) is AWAY, "two are too few"
        succeed(kept)


def test_time_outs_cost_a_patient_time_and_open_it_for_long_at_once(clock: Clock) -> None:
    kept = Patience()
    fail(kept, SLOW)
    fail(kept, SLOW)
    clock.now += REST_S - 1
    refused = fail(kept, AWAY)
    assert refused is not AWAY and refused.kind == Fallback.TOO_SLOW, "told as what it failed by"
    clock.now += 2
    succeed(kept)


def test_half_open_it_is_tried_by_one_call_alone(clock: Clock) -> None:
    kept = Patience()
    opened(kept)
    clock.now += SHORT_REST_S + 1
    with kept.attempt():
        assert "another call" in str(fail(kept, AWAY))
    succeed(kept)


def test_a_trial_that_is_cancelled_leaves_the_place_to_the_next(clock: Clock) -> None:
    kept = Patience()
    opened(kept)
    clock.now += SHORT_REST_S + 1
    with pytest.raises(KeyboardInterrupt), kept.attempt():
        raise KeyboardInterrupt
    succeed(kept)


def test_what_only_this_call_did_wrong_opens_nothing(clock: Clock) -> None:
    kept = Patience()
    nonsense = ModelError(Fallback.NONSENSE)
    for _ in range(5):
        assert fail(kept, nonsense) is nonsense


def test_it_is_not_asked_before_the_moment_that_it_named(clock: Clock) -> None:
    kept = Patience()
    busy = ModelError(Fallback.UNREACHABLE, retryable=True, retry_after=timedelta(seconds=300))
    assert fail(kept, busy) is busy
    clock.now += 299
    assert fail(kept, AWAY) is not AWAY
    clock.now += 2
    succeed(kept)


def test_calls_that_were_under_way_when_it_opened_do_not_make_the_rest_longer(clock: Clock) -> None:
    kept = Patience()
    with pytest.raises(ModelError), ExitStack() as under_way:
        for _ in range(5):
            under_way.enter_context(kept.attempt())
        opened(kept)
        raise AWAY
    clock.now += SHORT_REST_S + 1
    succeed(kept)
