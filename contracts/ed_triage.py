"""Emergency triage: acuity scales and code maps, which are configuration."""

from contracts.frozen import Frozen
from contracts.time_zones import DEFAULT, TimeZone


class AcuityLevel(Frozen):
    code: str
    display: str
    colour: str
    """CSS colour of the scale's own convention; the number and the word always stand beside it."""


class AcuityScale(Frozen):
    """Five levels, `1` the most urgent."""

    name: str
    system: str
    """URI of the code system."""
    levels: tuple[AcuityLevel, ...]


class EdTriageOptions(Frozen):
    """The pathway's own block of the configuration."""

    scale: str = "esi"
    """`esi`, `ktas` or `manchester`."""
    strong_from: float = 0.6
    """Probability of the selected level from which support is called strong; our judgement: it is more
    likely than all others together."""
    moderate_from: float = 0.4
    """The same of moderate support; our judgement: twice what each of five levels has by chance."""
    time_zone: TimeZone = DEFAULT
    """IANA name of the hospital's zone, in which ages change and times without a zone are read; by default that of
    `[hospital]`."""
    codes: dict[str, str] | None = None
    """Code (LOINC, or the hospital's own text) of an Observation or component, to the fact it becomes. None: the
    pathway's own map, `KEYS` in `agents.ed_triage.resources`."""
