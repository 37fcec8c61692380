"""What the page of a follow-up shows: each calculation, with its programs on demand."""

from contracts.calculations import Calculation, Worked
from contracts.suggestions import Suggestion
from contracts.views import Line, Listing, Section, View

REASONS = (
    "already acted on",
    "known and stable",
    "sample in doubt",
    "clinical judgement: sooner",
    "clinical judgement: later",
    "not ours to follow up",
)


def view(suggestion: Suggestion) -> View:
    """Return the calculations as a section; without any there is none."""
    lines = tuple(_line(one) for one in suggestion.worked)
    sections = (Section(key="worked", title="Calculations", lines=lines),) if lines else ()
    return View(noun="answer", reasons=REASONS, sections=sections)


def _line(one: Worked) -> Line:
    value = f"{one.value:.4g} {one.unit}" if one.value is not None else "not shown"
    ending = f"Independent calculator: {one.reference:.6g} {one.unit}" if one.reference is not None else ""
    listings = tuple(Listing(program=made.program, told=_told(made)) for made in one.calculations)
    more = f"Programs of {one.model}" if listings else ""
    return Line(
        text=one.label, value=value, told=one.told, source=one.source, more=more, listings=listings, ending=ending
    )


def _told(made: Calculation) -> str:
    given = ", ".join(f"{name} = {number:g}" for name, number in made.inputs.items())
    gave = ", ".join(f"{name} = {number:.6g}" for name, number in made.outputs.items())
    failed = f"{made.fault.replace('_', ' ')} {made.told}".rstrip() if made.fault else ""
    return f"With {given}: {gave or failed}"
