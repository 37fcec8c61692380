"""A calculation by a published formula, and the second opinions about it."""

from enum import StrEnum

from contracts.frozen import Frozen


class CalculationFault(StrEnum):
    """Why a program gave no result; a person is told that the calculation is missing, never a guess."""

    NO_SANDBOX = "no_sandbox"
    """The walls are not all there; nothing was run."""
    TOO_LONG = "too_long"
    """The program is longer than any calculation needs; it was not run."""
    WRONG = "wrong"
    """It does not parse, or raised."""
    LIMIT = "limit"
    """It ran into a limit of time, memory, depth, calls or output, or its process died."""
    NOT_NUMBERS = "not_numbers"
    """Its last expression is no dict of names to finite numbers."""


class Calculation(Frozen):
    """`outputs` is empty exactly when there is a `fault`."""

    program: str
    inputs: dict[str, float]
    outputs: dict[str, float] = {}
    fault: CalculationFault | None = None
    told: str = ""
    """The interpreter's own words about the fault, cut; for people and for one more try."""
    seconds: float


class Comparison(StrEnum):
    """What others said of a result: an independent calculator, and a program that a model wrote."""

    AGREES = "agrees"
    DIFFERS = "differs"
    """The result is withheld: nobody is shown a number that two calculators dispute."""
    NONE = "none"
    """Nobody else worked it out."""


class Worked(Frozen):
    """One calculation that a case needed. Without a `value` it is withheld, and `told` says why."""

    name: str
    label: str
    unit: str
    value: float | None = None
    told: str
    source: str
    """Of the formula."""
    cites: tuple[str, ...]
    """Facts that went in."""
    calculations: tuple[Calculation, ...] = ()
    comparison: Comparison = Comparison.NONE
    reference: float | None = None
    """What the independent calculator gave."""
    model: str | None = None
    """That wrote the programs."""
