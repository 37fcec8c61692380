"""What was decided before in a stay, and what of it is not so any more (I17, I18)."""

from datetime import datetime

from contracts.decisions import DecisionKind
from contracts.frozen import Frozen


class Answered(Frozen):
    """A decision on an earlier suggestion of the same stay and pathway."""

    case_id: str
    generation: int
    kind: DecisionKind
    selected: str | None = None
    """Code of what was chosen; None where nothing was."""
    display: str = ""
    """In words."""
    decided_by: str
    """Name of the person."""
    decided_at: datetime


class Changed(Frozen):
    """A resource that a decision rested on, and that says something else now."""

    resource: str
    """`Type/id`."""
    version: str = ""
    """That says so now; empty where it is gone."""
    was: str
    """What the decision showed of it, as people read it."""
    now: str
    """What the chart says of it now, or why it says nothing any more."""
    case_id: str
    """Of the decision."""


class Earlier(Frozen):
    """What a next generation tells a person beside the chart."""

    decided: tuple[Answered, ...] = ()
    """The first decided first."""
    new: tuple[str, ...] = ()
    """`Type/id/_history/version`, or a line of what could not be used: what demands a look and no decision showed."""
    changed: tuple[Changed, ...] = ()
    """What was corrected, withdrawn, deleted or moved since, and that no later decision was told of."""
    asked_by: str = ""
    """Name of the person who opened the case to correct what was decided; empty where news did."""
    in_question: tuple[str, ...] = ()
    """Cases whose writing stands in the chart, and is kept, replaced or withdrawn by the answer."""

    @property
    def asks(self) -> bool:
        """Return whether a person is asked what becomes of what was decided before."""
        return bool(self.changed or self.asked_by)
