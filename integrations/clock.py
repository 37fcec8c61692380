"""The one clock: whoever needs the time asks `clock.now()`, so that a test sets it in one place."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current moment in UTC."""
    return datetime.now(UTC)
