"""What a stay is made of, and in what one hospital differs from another."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.measure.burden import assumptions as a
from tests.measure.burden.values import Side

Resource = dict[str, Any]
COUNTED = (
    "first", "repeated", "abnormal first", "abnormal", "critical", "preliminary", "sent again", "corrected",
)  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """In what a hospital differs from the assumptions."""

    name: str = "as assumed"
    abnormal: float = 1.0
    """Factor of the shares of abnormal results."""
    silent: bool = False
    """No result has a flag or a range."""
    singly: bool = False
    """Each result is a report of its own, a minute after the one before."""
    others_min: float = a.OTHERS_MIN.value
    """Median time to a decision that is not urgent."""


@dataclass(frozen=True)
class Report:
    """What is charted at one moment."""

    at: datetime
    resources: tuple[Resource, ...]


@dataclass(frozen=True)
class Truth:
    """What a version of a result says, whatever the chart says of its flag."""

    test: str
    side: Side
    corrects: bool = False


@dataclass
class Stay:
    number: int
    patient: Resource
    ward: bool = False
    """It goes on from the emergency department to a ward."""
    reports: list[Report] = field(default_factory=list)
    truths: dict[tuple[str, str], Truth] = field(default_factory=dict)
    """By id and `content` of a result."""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    """Numeric results, and results in words, by what became of them."""

    @property
    def encounter_id(self) -> str:
        return f"e{self.number}"

    @property
    def patient_id(self) -> str:
        return self.patient["id"]

    def chart(self, at: datetime, *resources: Resource) -> None:
        self.reports.append(Report(at, resources))

    def says(self, resource: Resource, truth: Truth) -> None:
        """Note what a result says."""
        self.truths[resource["id"], content(resource)] = truth

    def truth(self, resource: Resource) -> Truth | None:
        """Return what a result says, or None of what is no result."""
        return self.truths.get((resource["id"], content(resource)))


def content(resource: Resource) -> str:
    """Return a hash of what a resource says: without its version and whether it is final."""
    told = {name: value for name, value in resource.items() if name not in ("meta", "status", "issued")}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
