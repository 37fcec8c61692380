"""A chart as it was read once: coded values, each tied to the resource version it came from."""

from datetime import datetime
from enum import StrEnum

from contracts.frozen import Frozen

AUDIO_BLOB, AUDIO_UNREAD = "urn:wardflow:audio", "urn:wardflow:audio-unread"
"""Extensions of an attachment in a frozen chart: where its audio lies, or why it could not be had."""
TAG = "urn:wardflow:written"
"""System of the tag and of the identifiers on all that we write to a chart."""


class FactKind(StrEnum):
    IDENTITY = "identity"
    """Names the patient: shown to people, never to a model."""
    STAY = "stay"
    """Where the stay itself stands, if it is not under way: shown to people, never to a model."""
    PRESENTATION = "presentation"
    VITAL = "vital"


class Fact(Frozen):
    key: str
    """Short name, unique in its chart, which citations use: `hr`, `complaint`."""
    kind: FactKind
    label: str
    value: str
    """As a person reads it, without the unit."""
    number: float | None = None
    unit: str = ""
    resource: str
    """`Type/id/_history/version`: where it can be looked up."""
    effective_at: datetime | None = None

    def shown(self) -> str:
        """Return label, value and unit as one line."""
        return f"{self.label} {self.value} {self.unit}".rstrip()


class ChartRecording(Frozen):
    """Speech that a chart points at, and that no decided case has dealt with."""

    resource: str
    """`Type/id/_history/version`: where it can be looked up."""
    blob: str = ""
    """Of the audio; empty where it could not be had, and `told` says why."""
    media_type: str = ""
    recorded_at: datetime | None = None
    told: str = ""
    copies: tuple[str, ...] = ()
    """Others with the same audio."""


class Attention(Frozen):
    """Something of a chart that demands a look: a resource in the version that was read, or what could not be used."""

    resource: str = ""
    """`Type/id/_history/version`; empty for a line of `ChartFacts.left_out`."""
    line: str = ""
    rule: str = ""
    """By which it does; empty where the pathway has one alone."""
    floor: str | None = None
    """Code that the rule demands at least."""


class ChartFacts(Frozen):
    """Frozen input of an agent. `as_of` is the moment that ages and 'latest' are meant for."""

    schema_version: int = 1
    encounter_id: str
    patient: str
    """`Patient/id`."""
    as_of: datetime
    facts: tuple[Fact, ...]
    left_out: tuple[str, ...] = ()
    """What of the chart could not be used, each as one line; a person is told, never spared it."""
    recordings: tuple[ChartRecording, ...] = ()
    """Of pathways that hear."""

    def shows(self, item: Attention) -> bool:
        """Return whether a suggestion made of these facts shows the item, in this very version."""
        if item.resource:
            return any(item.resource == fact.resource for fact in self.facts)
        return item.line in self.left_out

    def get(self, key: str) -> Fact | None:
        """Return the fact of that key, or None where the chart has none."""
        return next((f for f in self.facts if f.key == key), None)

    def number(self, key: str) -> float | None:
        """Return the number of that fact, or None."""
        fact = self.get(key)
        return fact.number if fact else None
