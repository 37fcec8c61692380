"""Searches the chart for what the feeds missed, each resource type by itself: one that is refused stops no other."""

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from contracts.errors import FhirError, FhirFault
from integrations import clock
from integrations.fhir.feed import Feed
from integrations.ledger import feed_progress, inbox
from integrations.ledger.audit import Action
from integrations.ledger.records import Records
from service.process.settings import TimingSettings

log = structlog.get_logger()
MOST_BATCH = 500
FIRST_PAUSE_S, MOST_PAUSE_S = 1.0, 60.0
"""After the first refusal of a call, and at most: each further refusal doubles the pause."""


def refused(fault: FhirError) -> bool:
    """Return whether the server answered that it will not do it, rather than gave no answer."""
    return fault.kind != FhirFault.UNREACHABLE


class Pauses:
    """When a call that may fail is due again, by the monotonic clock."""

    def __init__(self, regular_s: float) -> None:
        self._regular_s, self._failures = regular_s, 0
        self.due = 0.0

    def succeeded(self) -> bool:
        """Wait as long as between two rounds; return whether the call had failed before."""
        failed, self._failures = self._failures > 0, 0
        self.due = time.monotonic() + self._regular_s
        return failed

    def failed(self, fault: FhirError) -> None:
        """Wait twice as long as after the failure before; no longer than between two rounds if no answer came."""
        most_s = MOST_PAUSE_S if refused(fault) else min(self._regular_s, MOST_PAUSE_S)
        pause_s = min(FIRST_PAUSE_S * 2 ** min(self._failures, 10), most_s)
        asked_s = fault.retry_after.total_seconds() if fault.retry_after else 0.0
        self._failures += 1
        self.due = time.monotonic() + max(pause_s, asked_s)


@dataclass
class Followed:
    """One type of one feed."""

    feed: Feed
    resource_type: str
    search: Pauses
    subscription: Pauses
    answered: bool = True
    """Whether the last search had an answer, be it a refusal: a server that hangs is not asked for more."""
    pushed: bool = False

    def due(self) -> float:
        """Return when the next call is due."""
        return min(self.search.due, self.subscription.due) if self.answered else self.search.due


class Reconciler:
    """Wakes stopped Subscriptions, and accepts what they missed: at the start, and then regularly (I8)."""

    def __init__(self, records: Records, feeds: list[Feed], timing: TimingSettings) -> None:
        self._records, self._overlap = records, timedelta(seconds=timing.reconcile_overlap_s)
        self._feeds = feeds
        round_s = timing.reconcile_s
        self._all = [
            Followed(feed, type_, Pauses(round_s), Pauses(round_s)) for feed in feeds for type_ in feed.types
        ]  # fmt: skip

    def step(self) -> float:
        """Search for every type that is due; return the seconds until the next one is. Raises LedgerError."""
        self._begin()
        for one in self._all:
            if one.search.due <= time.monotonic():
                self._search(one)
            if one.answered and one.subscription.due <= time.monotonic():
                self._subscribe(one)
        soonest = min((one.due() for one in self._all), default=time.monotonic() + MOST_PAUSE_S)
        return max(soonest - time.monotonic(), 0.0)

    def _begin(self) -> None:
        """Take note of types that were never searched for: a hospital's past is not ours to act on."""
        for feed in self._feeds:
            with self._records.db.read() as tx:
                begun = feed_progress.begun(tx, feed.name, feed.types)
            if not begun:
                with suppress(FhirError):  # its clock is what it dates changes by
                    feed.fhir.read_metadata()
                with self._records.db.write() as tx:
                    feed_progress.begin(tx, feed.name, feed.types, feed.fhir.server_time or clock.now())

    def _search(self, one: Followed) -> None:
        name, type_ = one.feed.name, one.resource_type
        with self._records.db.read() as tx:
            reached = feed_progress.reached(tx, name, type_)
        try:
            until = one.feed.fhir.server_time
            found = self._accept(one, (reached or until or clock.now()) - self._overlap)
            until = until or one.feed.fhir.server_time or clock.now()
        except FhirError as fault:
            one.answered = refused(fault)
            one.search.failed(fault)
            log.warning("feed_not_read", feed=name, part=type_, **fault.log_fields())
            with self._records.db.write() as tx:
                told = {"refused": refused(fault), "pushed": one.pushed}
                feed_progress.note_fault(tx, name, type_, fault.answer, **told)
            return
        with self._records.db.write() as tx:
            feed_progress.note_read(tx, name, type_, until, pushed=one.pushed)
            if found:
                detail = f"{found} events of {type_} that only a search found"
                self._records.auditor.append(tx, Action.READ, f"feed {name}", detail=detail)
        one.answered, again = True, one.search.succeeded()
        if again or found:
            log.info("feed_read_again" if again else "feed_reconciled", feed=name, part=type_, accepted=found)

    def _accept(self, one: Followed, since: datetime) -> int:
        events, found = list(one.feed.changed_since(one.resource_type, since)), 0
        for start in range(0, len(events), MOST_BATCH):
            found += inbox.accept_found(self._records.db, self._records.blobs, events[start : start + MOST_BATCH])
        return found

    def _subscribe(self, one: Followed) -> None:
        name, type_ = one.feed.name, one.resource_type
        try:
            one.pushed = one.feed.ensure_subscription(type_)
        except FhirError as fault:  # some servers refuse them; what they would tell is searched for all the same
            one.pushed = False
            one.subscription.failed(fault)
            log.warning("no_subscription", feed=name, part=type_, **fault.log_fields())
            return
        one.subscription.succeeded()
        if not one.pushed:
            log.info("subscription_asked_for", feed=name, part=type_)
