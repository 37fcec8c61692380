"""A chart as it was read once: coded values, each tied to the resource version it came from."""

from datetime import datetime
from enum import StrEnum

from contracts.frozen import Frozen


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

    def get(self, key: str) -> Fact | None:
        """Return the fact of that key, or None where the chart has none."""
        return next((f for f in self.facts if f.key == key), None)

    def number(self, key: str) -> float | None:
        """Return the number of that fact, or None."""
        fact = self.get(key)
        return fact.number if fact else None
