"""How long a write transaction held the ledger's lock: its own time, with its commit, and not the wait before it."""

import threading
import time

import pytest

from integrations.ledger import marks
from integrations.ledger.database import Database
from integrations.ledger.lock_times import BOUNDS_S, LockTimes


def test_the_longest_and_the_classes_are_counted() -> None:
    times = LockTimes()
    for seconds in (0.0005, 0.01, 0.011, 5.0):
        times.note(seconds)
    found = times.read()
    assert found.counts == (1, 0, 0, 1, 1, 0, 0, 0, 0, 1) and len(found.counts) == len(BOUNDS_S) + 1
    assert found.longest_s == 5.0 and found.sum_s == pytest.approx(5.0215)


def test_whoever_listens_is_told_of_each_time_as_it_comes(db: Database) -> None:
    heard: list[float] = []
    db.lock_times.listener = lambda seconds: heard.append(db.lock_times.read().longest_s)
    for _ in range(2):
        with db.write():
            pass
    assert heard == sorted(heard) and len(heard) == 2 and heard[-1] == db.lock_times.read().longest_s


def test_a_transaction_counts_with_its_failure_and_without_its_wait(db: Database) -> None:
    holding, other = threading.Event(), Database(str(db._writing.url))

    def hold() -> None:
        with db.write() as tx:
            marks.set_mark(tx, "held", "")
            holding.set()
            time.sleep(0.4)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(5)
    with pytest.raises(ZeroDivisionError), other.write():
        raise ZeroDivisionError
    thread.join()
    assert sum(other.lock_times.read().counts) == 1
    assert other.lock_times.read().longest_s < 0.4 <= db.lock_times.read().longest_s
