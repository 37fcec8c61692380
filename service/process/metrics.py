"""Figures for Prometheus: most are read from the ledger when they are scraped; no label names a patient or a case."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily as Counts
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from contracts.cases import CaseState
from contracts.errors import LedgerError
from contracts.events import Fate
from integrations.ledger import standing
from integrations.ledger.database import Database
from integrations.ledger.lock_times import BOUNDS_S, HELD, HISTOGRAM, LONGEST, LONGEST_HELD, LockTimes
from integrations.ledger.standing import Standing
from service.process.health import Health, State

log = structlog.get_logger()
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The metrics of one process: its parts, its answers to what was sent to it, and the ledger's standing if asked."""

    def __init__(self, health: Health, ledger: Database | None = None, lock_times: LockTimes | None = None) -> None:
        self._registry = CollectorRegistry()
        self.answered: Counter[int] = Counter()
        """HTTP status to the number of such answers to what was sent, not asked for."""
        for collector in (
            _Parts(health),
            _Answers(self.answered),
            *([_Ledger(ledger)] if ledger else ()),
            *([_Locks(lock_times)] if lock_times else ()),
        ):
            self._registry.register(collector)

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return generate_latest(self._registry)


class _Parts(Collector):
    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterable[Metric]:
        parts = self._health.parts()
        live = {part: float(seen.state == State.LIVE) for part, seen in parts.items()}
        yield _family(Gauge, "part_live", "1 while a part gives signs of life", live, "part")
        ages = {part: seen.age_s for part, seen in parts.items() if seen.age_s is not None}
        yield _family(Gauge, "part_age_seconds", "Since a part's last good sign", ages, "part")


class _Answers(Collector):
    def __init__(self, answered: Counter[int]) -> None:
        self._answered = answered

    def collect(self) -> Iterable[Metric]:
        codes = {str(code): n for code, n in self._answered.copy().items()}
        yield _family(Counts, "answers", "Answers to what was sent here, by HTTP status", codes, "code")


class _Locks(Collector):
    def __init__(self, lock_times: LockTimes) -> None:
        self._lock_times = lock_times

    def collect(self) -> Iterable[Metric]:
        found = self._lock_times.read()
        bounds = (*map(floatToGoString, BOUNDS_S), "+Inf")
        buckets = list(zip(bounds, accumulate(found.counts), strict=True))
        yield HistogramMetricFamily(HISTOGRAM, HELD, buckets=buckets, sum_value=found.sum_s)
        yield Gauge(LONGEST, LONGEST_HELD, value=found.longest_s)


class _Ledger(Collector):
    def __init__(self, db: Database) -> None:
        self._db = db

    def collect(self) -> Iterable[Metric]:
        try:
            with self._db.read() as tx:
                found = standing.read(tx)
        except LedgerError as fault:  # the rest of the scrape still tells that the ledger is away
            log.warning("ledger_not_scraped", kind=fault.kind)
            return
        yield from _standing(found)


def _standing(found: Standing) -> Iterable[Metric]:
    yield _family(Counts, "events_accepted", "Events accepted", found.events["accepted"])
    fates = {str(fate): found.events[fate] for fate in Fate}
    yield _family(Gauge, "events", "Events by fate", fates, "fate")
    states = {str(state): found.cases[state] for state in CaseState}
    yield _family(Gauge, "cases", "Cases by state", states, "state")
    lost = "without a fate or state: 0, or records were lost"
    yield _family(Gauge, "events_unaccounted", f"Events {lost}", found.events["unaccounted"])
    yield _family(Gauge, "cases_unaccounted", f"Cases {lost}", found.cases["unaccounted"])
    yield _family(Gauge, "pending_age_seconds", "Age of the oldest event without a fate", found.pending_age_s)
    yield _family(Gauge, "oldest_open_case_seconds", "Age of the oldest open case", found.oldest_open_age_s)
    yield _family(Gauge, "cases_past_deadline", "Open cases past their deadline", found.past_deadline)
    alone = "Live cases whose workflow does not run: nobody can decide them"
    yield _family(Gauge, "cases_without_workflow", alone, found.without_workflow)
    forged = "Messages, results and failures from Temporal that did not open for their case"
    yield _family(Counts, "messages_refused", forged, found.messages_refused)
    yield _family(Counts, "decisions", "Decisions by kind", found.decisions, "kind")
    by = "Suggestions shown: by the model, or by rules for this cause"
    yield _family(Counts, "suggestions", by, found.suggestions, "by")
    yield _lag(found)


def _lag(found: Standing) -> Metric:
    cumulated = accumulate(n for _, n in found.lags)
    buckets = [(floatToGoString(bound), total) for (bound, _), total in zip(found.lags, cumulated, strict=True)]
    told = "From the acceptance of an event to the suggestion that covers it"
    return HistogramMetricFamily("wardflow_suggestion_lag_seconds", told, buckets=buckets, sum_value=found.lag_sum_s)


def _family(
    kind: type[Gauge] | type[Counts], name: str, told: str, values: float | Mapping[str, float], label: str = ""
) -> Metric:
    if not isinstance(values, Mapping):
        return kind(f"wardflow_{name}", told, value=values)
    family = kind(f"wardflow_{name}", told, labels=[label])
    for value, n in values.items():
        family.add_metric([value], n)
    return family
