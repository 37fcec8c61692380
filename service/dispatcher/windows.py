"""When the events of an encounter are looked at: after a quiet period, or when its window has been open long enough."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from integrations.ledger.inbox import Window
from service.process.settings import TimingSettings


@dataclass(frozen=True)
class Closing:
    """Which windows are closed at a moment, and when the next one closes."""

    closed: tuple[str | None, ...]
    """Encounters, the longest waiting first; None stands for events without an encounter."""
    next_close: datetime | None
    """Of the windows that are still open, if no further event comes; None where none is open."""


def close_of(window: Window, timing: TimingSettings, now: datetime) -> datetime:
    """Return when this window closes, if no further event comes."""
    if not window.encounter_id or not window.first or not window.last:
        return now
    quiet, most = (timedelta(seconds=s) for s in (timing.window_quiet_s, timing.window_most_s))
    if window.last > now + quiet:  # the clock was set back since then
        return now
    return min(window.last + quiet, window.first + most)


def closing(windows: Iterable[Window], timing: TimingSettings, now: datetime) -> Closing:
    """Return which windows are closed now, in the order given."""
    closes = [(window.encounter_id, close_of(window, timing, now)) for window in windows]
    closed = tuple(encounter_id for encounter_id, close in closes if close <= now)
    return Closing(closed, min((close for _, close in closes if close > now), default=None))
