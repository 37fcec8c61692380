"""What an agent proposes to a person."""

from enum import StrEnum

from contracts.calculations import Worked
from contracts.charts import ChartFacts
from contracts.dictation import Note
from contracts.errors import Fallback
from contracts.frozen import Frozen
from contracts.revisions import Earlier


class MadeBy(StrEnum):
    MODEL = "model"
    RULES = "rules"


class Support(StrEnum):
    """How sure we are, in words; a bare percentage misleads."""

    STRONG = "strong"
    MODERATE = "moderate"
    UNCERTAIN = "uncertain"
    """Decide without it."""
    RULES_ONLY = "rules only"


class Choice(Frozen):
    code: str
    display: str
    probability: float | None = None
    """The model's, over the closed choice (sums to 1); None in a suggestion by rules."""


class Claim(Frozen):
    """One sentence, and the keys of the facts that bear it out."""

    text: str
    cites: tuple[str, ...]


class Finding(Frozen):
    """What a rule found, with its source; `floor` is the code it demands at least."""

    rule: str
    text: str
    source: str
    cites: tuple[str, ...] = ()
    floor: str | None = None


class Proposal(Frozen):
    """What is proposed, without the chart that it rests on."""

    schema_version: int = 1
    pathway: str
    system: str
    """URI of the code system of the choices."""
    choices: tuple[Choice, ...]
    """From the most to the least urgent."""
    selected: str | None
    """None: neither rules nor a model demand a choice; a person chooses, and nothing is proposed."""
    floor: str | None = None
    """Rules demand at least this; a model may raise it, never lower it (I10)."""
    made_by: MadeBy
    fallback: Fallback | None = None
    model: str | None = None
    support: Support
    claims: tuple[Claim, ...] = ()
    dropped_claims: int = 0
    """Claims that the chart does not bear out, and that nobody is shown (I7)."""
    findings: tuple[Finding, ...] = ()
    worked: tuple[Worked, ...] = ()
    """Calculations that the case needed, each with its programs, inputs and comparison."""
    note: Note | None = None
    """What was dictated; a person may correct each item of it."""
    missing: tuple[str, ...] = ()
    """What the rules wanted and the chart lacks."""


class Suggestion(Proposal):
    """Everything a person is shown; its hash is what they approve (I6). The order of fields is part of it."""

    facts: ChartFacts
    measured: bool = True
    """Whether the model that judged was measured on this pathway; one that was not is shown as unsure at most."""
    earlier: Earlier | None = None
    """What was decided before in the stay; None in a first case."""

    @property
    def approvable(self) -> bool:
        """Return whether one key may approve it: the rules demand it, or a measured model proposes it."""
        proven = self.measured or self.made_by == MadeBy.RULES or self.selected == self.floor
        return self.selected is not None and proven

    @property
    def revises(self) -> bool:
        """Return whether it asks a person what becomes of what was decided before: keep, change or withdraw it."""
        return self.earlier is not None and self.earlier.asks

    def canonical(self) -> bytes:
        """Return the bytes that its hash is taken over, without later fields where they say nothing.

        Suggestions were shown, and approved by their hash, before there was `measured` and `earlier`.
        """
        silent = {name for name, said in (("measured", not self.measured), ("earlier", self.earlier)) if not said}
        return self.model_dump_json(exclude=silent).encode()

    def choice(self, code: str | None) -> Choice | None:
        """Return the choice of that code, or None."""
        return next((c for c in self.choices if c.code == code), None)
