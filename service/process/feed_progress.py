"""Whether the feeds are followed, in words for operators and for the ward: an empty list must not look like a calm one.

A feed is followed while our own search reads each of its types; what is pushed is a hint (I8, I22).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from contracts.frozen import Frozen
from integrations import clock
from integrations.ledger.feed_progress import TypeStanding
from service.process.settings import TimingSettings

MISSED = 4  # rounds that a part may miss; one of its own and one of the reader are always under way
BLIND = "blind: "
WARD_WORDS = {
    "Encounter": "arrivals",
    "Observation": "measurements and results",
    "Media": "recordings",
    "DocumentReference": "recordings",
    "Binary": "recordings",
}
"""What a ward calls the resources of a type."""


class FeedView(Frozen):
    """How a feed stands at one moment."""

    types: tuple[str, ...]
    blind: tuple[TypeStanding, ...]
    """The types that are not read."""
    since: datetime | None
    """When any of its types was last read well."""

    @property
    def followed(self) -> bool:
        """Whether any of its types is read."""
        return len(self.blind) < len(self.types)


def view(
    timing: TimingSettings, feed: str, types: tuple[str, ...], standings: Iterable[TypeStanding], *, reading: bool
) -> FeedView:
    """Return how a feed stands now; without `reading`, nobody searches, and what was noted last says nothing."""
    kept = {one.resource_type: one for one in standings if one.feed == feed}
    all_ = [kept.get(type_, TypeStanding(feed=feed, resource_type=type_)) for type_ in types]
    since = max((one.read_at for one in all_ if one.read_at), default=None)
    if not reading:
        all_ = [one.model_copy(update={"fault": "", "refused": False}) for one in all_]
    blind = [one for one in all_ if not reading or not _reads(timing, one)]
    return FeedView(types=types, blind=tuple(blind), since=since)


def _reads(timing: TimingSettings, one: TypeStanding) -> bool:
    """Return whether a type is read: not after a refusal, and after no answer only for as long as for any part."""
    if one.read_at is None or one.refused:
        return False
    rounds_s = timing.health_s if one.fault else max(timing.health_s, timing.reconcile_s)
    return clock.now() - one.read_at <= timedelta(seconds=MISSED * rounds_s)


def for_operators(seen: FeedView) -> str:
    """Return which types are blind, and why, as `blind: Binary (400 Cannot search on Binary resource type)`."""
    named = [f"{one.resource_type} ({_why(one)})" for one in seen.blind]
    return BLIND + ", ".join(named) if named else ""


def _why(one: TypeStanding) -> str:
    if one.fault:
        return one.fault
    return "not read in time: is the gateway running?" if one.read_at else "not yet read"


def for_the_ward(seen: FeedView) -> list[str]:
    """Return what people must know who look at the list, or nothing while all that may come is seen."""
    if not seen.followed:
        if seen.since is None:
            return ["Not yet connected to the chart: new arrivals are not shown."]
        today = seen.since.date() == clock.now().date()
        since = seen.since.strftime("%H:%M UTC" if today else "%Y-%m-%d %H:%M UTC")
        return [f"Not connected to the chart since {since}: new arrivals are not shown."]
    told: dict[str, None] = {}
    blind = {one.resource_type for one in seen.blind}
    for one in seen.blind:
        noun = WARD_WORDS.get(one.resource_type, f"entries of type {one.resource_type}")
        same = {type_ for type_ in seen.types if WARD_WORDS.get(type_) == noun}
        new = "Some new" if same - blind else "New"
        lost = "may be missed" if one.pushed else "are not seen"
        why = "the chart refuses them" if one.refused else "the chart does not answer for them"
        told[f"{new} {noun} {lost}: {why}."] = None
    return list(told)
