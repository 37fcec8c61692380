"""The figures of runs, as one table and as what is kept beside its document."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any

from tests.measure.burden import assumptions
from tests.measure.burden.life import Outcome
from tests.measure.burden.looks import EMPTY, Unshown
from tests.measure.burden.panels import PANELS

Figures = dict[str, Any]
MARKS = "<!-- begin of the {} -->\n", "\n<!-- end of the {} -->"
RESAMPLED, PERCENTILES = 500, 40
"""Draws of the bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13), and parts of 100 %
of which the first and the last lie outside of the interval."""
HEAD = (
    "cases", "new generations", "new versions", "looks again [95 %]", "of them empty", "decisions",
    "never shown: repeats", "replaced", "missed", "critical missed",
)  # fmt: skip


def summary(outcomes: Sequence[Outcome]) -> Figures:
    """Return the figures of one run: for each 100 stays, and what the looks bring and was never shown in all."""
    found: Figures = _of(outcomes)
    found["looks_interval_95"] = _interval([sum(look.again for look in one.looks) for one in outcomes])
    for name, ward in (("emergency", False), ("ward", True)):
        found[name] = _of([one for one in outcomes if one.stay.ward == ward])
    return found


def _of(outcomes: Sequence[Outcome]) -> Figures:
    looks = [look for one in outcomes for look in one.looks]
    again = [look for look in looks if look.again]
    unshown = [(version in one.critical, why) for one in outcomes for version, why in one.unshown.items()]
    each = {
        "cases": sum((look.generation, look.version) == (1, 1) for look in looks),
        "generations": sum(look.generation > 1 and look.version == 1 for look in looks),
        "versions": sum(look.version > 1 for look in looks),
        "looks": len(again),
        "empty_looks": sum(look.brings in EMPTY for look in again),
        "decisions": sum(one.decided for one in outcomes),
        "undecided": sum(one.undecided for one in outcomes),
    }
    return {
        "stays": len(outcomes),
        "for_100_stays": {name: _each(count, len(outcomes)) for name, count in each.items()},
        "generations_bring": _counted(look.brings for look in again if look.version == 1),
        "versions_bring": _counted(look.brings for look in again if look.version > 1),
        "demanding": sum(one.demanding for one in outcomes),
        "never_shown": {why.name.lower(): sum(found == why for _, found in unshown) for why in Unshown},
        "critical": sum(len(one.critical) for one in outcomes),
        "critical_missed": sum(critical and why == Unshown.MISSED for critical, why in unshown),
    }


def streams(outcomes: Sequence[Outcome]) -> Figures:
    """Return what was charted: the shares that came of the assumptions."""
    counts = Counter[str]()
    for one in outcomes:
        counts.update(one.stay.counts)
    results = counts["first"] + counts["repeated"]
    shares = {
        name.replace(" ", "_"): round(counts[name] / results, 4)
        for name in ("repeated", "abnormal", "critical", "preliminary", "sent again", "corrected")
    }
    return {
        "results": results,
        "reports": sum(len(one.stay.reports) for one in outcomes),
        "results_for_each_stay": round(results / len(outcomes), 1),
        "share_of_first_results_abnormal": round(counts["abnormal first"] / counts["first"], 3),
        "shares": shares,
    }


def page(kept: Figures) -> str:
    """Return what a document says of kept figures, as Markdown."""
    machine = kept["machine"]
    charted, shares = kept["rules"][0]["streams"], kept["rules"][0]["streams"]["shares"]
    lines = [
        f"`{kept['command']}`, {kept['date']}, commit {kept['commit']}: {machine['cores']} cores of {machine['cpu']},"
        f" {machine['memory_gib']} GiB, load {kept['load']}; {kept['seconds']} s on one core.",
        "",
        f"{kept['stays']} stays, {charted['results']} results in {charted['reports']} reports"
        f" ({charted['results_for_each_stay']} results a stay); of first results"
        f" {100 * charted['share_of_first_results_abnormal']:.1f} % abnormal, of all {100 * shares['critical']:.2f} %"
        f" critical and {100 * shares['corrected']:.2f} % corrected.",
        "",
        *_table("rule", kept["rules"]),
        "",
        *_table(f"with a mend, the first {kept['what_if_stays']} stays", kept.get("mends", ())),
        *(_table("setting, by the rules as they are", kept["settings"]) if kept.get("settings") else ()),
        "",
        *_by_kind(kept["rules"][0]),
        "",
        *_brings(kept["rules"][0]),
    ]
    return "\n".join(line for before, line in zip(["x", *lines], lines, strict=False) if before or line)


def assumed() -> Figures:
    """Return all assumptions, as they are kept beside the figures."""
    tests = [vars(test) for panel in PANELS for test in panel]
    return {"assumptions": [vars(one) for one in assumptions.ALL], "tests": tests}


def sources(kept: Figures) -> str:
    """Return the assumptions of kept figures with their sources, as Markdown."""
    lines = ["| assumed | value | source |", "| --- | --- | --- |"]
    for one in kept["assumptions"]:
        lines.append(f"| {one['what']} | {one['value']:g} {one['unit']} | {one['source']} |".replace("  ", " "))
    lines += ["", "| test | range | below, above | source | varies by | source |", f"|{' --- |' * 6}"]
    for one in kept["tests"]:
        span = f"{_limit(one['low'])} to {_limit(one['high'])} {one['unit']}"
        shares = f"{100 * one['below']:g} %, {100 * one['above']:g} %"
        lines.append(
            f"| {one['name']} | {span} | {shares} | {one['share_source']} | {100 * one['variation']:.1f} %"
            f" | {one['variation_source']} |"
        )
    return "\n".join(lines)


def parts(kept: Figures) -> dict[str, str]:
    """Return what stands in the document between the marks of each name."""
    return {"figures": page(kept), "assumptions": sources(kept)}


def keep(kept: Figures, document: Path) -> None:
    """Put the figures and the assumptions into their document."""
    text = document.read_text()
    for name, told in parts(kept).items():
        begin, end = (mark.format(name) for mark in MARKS)
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}{told}{end}{rest.partition(end)[2]}"
    document.write_text(text)


def _limit(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _table(first: str, rows: Sequence[Figures]) -> list[str]:
    if not rows:
        return []
    lines = [f"| {first} | {' | '.join(HEAD)} |", f"| --- |{' --- |' * len(HEAD)}"]
    return [*lines, *(_row(row["name"], row) for row in rows), ""]


def _row(name: str, row: Figures) -> str:
    each, lost = row["for_100_stays"], row["never_shown"]
    between = "[{:g}, {:g}]".format(*row["looks_interval_95"]) if "looks_interval_95" in row else ""
    cells = (
        f"{each['cases']:g}", f"{each['generations']:g}", f"{each['versions']:g}",
        f"**{each['looks']:g}** {between}".rstrip(), f"{each['empty_looks']:g}", f"{each['decisions']:g}",
        str(lost["repeat"]), str(lost["replaced"]), f"{lost['missed']} of {row['demanding']}",
        f"{row['critical_missed']} of {row['critical']}",
    )  # fmt: skip
    return f"| {name} | {' | '.join(cells)} |"


def _by_kind(row: Figures) -> list[str]:
    lines = [f"| as it is | {' | '.join(HEAD)} |", f"| --- |{' --- |' * len(HEAD)}"]
    return [*lines, *(_row(f"{row[kind]['stays']} stays: {kind}", row[kind]) for kind in ("emergency", "ward"))]


def _brings(row: Figures) -> list[str]:
    """Return what the looks of a run bring, for each 100 stays."""
    made, again = row["generations_bring"], row["versions_bring"]
    names = [*made, *(name for name in again if name not in made)]
    lines = ["| as it is: a look again brings at most | new generations | new versions |", "| --- | --- | --- |"]
    cells = ((name, *(f"{_each(of.get(name, 0), row['stays']):g}" for of in (made, again))) for name in names)
    return [*lines, *(f"| {' | '.join(cell)} |" for cell in cells)]


def _each(count: int, stays: int) -> float:
    return round(100 * count / stays, 1) if stays else 0.0


def _counted(brings: Any) -> dict[str, int]:
    return {str(name): count for name, count in Counter(brings).most_common()}


def _interval(counts: Sequence[int]) -> list[float]:
    """Return the 95 % interval of a mean for each 100 stays, by the bootstrap over stays."""
    rng = random.Random(0)
    means = [100 * sum(rng.choices(counts, k=len(counts))) / len(counts) for _ in range(RESAMPLED)]
    parts = quantiles(means, n=PERCENTILES)
    return [round(parts[0], 1), round(parts[-1], 1)]
