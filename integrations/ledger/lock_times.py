"""How long the write transactions of this process held the ledger's lock: nobody else writes meanwhile."""

import threading
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Upper bounds of the classes, the last one open."""
HISTOGRAM, LONGEST = "wardflow_ledger_write_seconds", "wardflow_ledger_longest_write_seconds"
"""What the metrics of every process call them."""
HELD = "From a write transaction's having the ledger's lock to the end of its commit"
LONGEST_HELD = "Longest of these since the start"


@dataclass(frozen=True)
class LockTimesRow:
    """The times so far."""

    counts: tuple[int, ...]
    """Transactions by class of `BOUNDS_S`, and those beyond."""
    sum_s: float
    longest_s: float


class LockTimes:
    """Times from the moment at which a write transaction has the lock to the end of its commit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.listener: Callable[[float], None] | None = None
        """Is told of each time, where it is exported as it comes."""
        self._counts, self._sum_s, self._longest_s = [0] * (len(BOUNDS_S) + 1), 0.0, 0.0

    def note(self, seconds: float) -> None:
        """Count one transaction."""
        with self._lock:
            self._counts[bisect_left(BOUNDS_S, seconds)] += 1
            self._sum_s += seconds
            self._longest_s = max(self._longest_s, seconds)
        if self.listener:
            self.listener(seconds)

    def read(self) -> LockTimesRow:
        """Return the times so far."""
        with self._lock:
            return LockTimesRow(tuple(self._counts), self._sum_s, self._longest_s)
