"""What a proof measured, as JSON and as the tables of docs/reliability.md."""

import json
import os
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.measure.oracle.account import Fate, Report, attention_line
from tests.measure.prove.sabotage import CONTROLS

PAGE = Path("docs/reliability.md")
BEGIN, END = "<!-- made by `make prove` -->", "<!-- until here -->"
SHOWN_CHARS = 90
MOST_UNDECIDED = 0.25
"""Share of what demands attention that may end undecided: where it is more, cases are closed rather than decided, and
that nothing is unaccounted for proves little. Simulated people leave 4 % of the stays alone, and while everything is
killed some cases are first shown as their ladder ends: 11 % of 168 items in eight runs on a shared machine."""
RUN_HEAD = ("seed", "events", "accepted", "cases", "decisions", "kills", "chart faults", "attention", "findings", "s")
CONTROL_HEAD = ("taken out", "seed", "events", "must be broken", "found so", "all findings", "the first")
Kept = dict[str, Any]


def machine() -> Kept:
    """Return what the figures were measured on."""
    names = (
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    )
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": next(names, platform.machine()),
        "memory_gib": round(gib),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_at_start": round(os.getloadavg()[0], 1),
    }


def keep(kept: Kept, out: Path) -> None:
    """Write the JSON, and beside a page that has a place for them the tables."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(kept, indent=1) + "\n")
    page = out.parents[1] / PAGE.name
    if page.exists():
        before, _, rest = page.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        page.write_text(f"{before}{BEGIN}\n\n{tables(kept)}\n\n{END}{after}")


def verdict(kept: Kept) -> list[str]:
    """Return what speaks against the proof, one line each."""
    wrong = [f"seed {run['seed']}: {finding}" for run in kept["runs"] for finding in run["findings"]]
    fates = _fates(kept["runs"])
    if fates[Fate.UNDECIDED] > MOST_UNDECIDED * fates.total():
        wrong.append(f"{attention(kept['runs'])}: more than {MOST_UNDECIDED:.0%} were left undecided")
    if kept["runs"] and not fates[Fate.DECIDED]:
        wrong.append("nothing that demands attention was decided: that nothing was lost proves nothing")
    for run in kept["controls"]:
        if not _caught(run):
            wrong.append(f"without {run['sabotage']}, seed {run['seed']}, nobody noticed")
    for cut in kept["power"]:
        if "skipped" not in cut and bool(cut["findings"]) != bool(cut["sabotage"]):
            wrong.append(f"power cut, {cut['sabotage'] or 'as it is'}: {len(cut['findings'])} acknowledged events lost")
    return wrong


def tables(kept: Kept) -> str:
    """Return the figures as Markdown."""
    runs, made = kept["runs"], kept["machine"]
    where = f"{made['cores']} cores ({made['processor']}), {made['memory_gib']} GiB, Python {made['python']}"
    told = (
        f"`{kept['command']}`, {kept['date']}, commit {kept['commit']}, {where}, load {made['load_at_start']} before."
    )
    blocks = [[told], _table(RUN_HEAD, map(_run_row, runs)), _table(["in all runs", ""], _totals(runs))]
    if kept["controls"]:
        blocks.append(_table(CONTROL_HEAD, map(_control_row, kept["controls"])))
    if kept["power"]:
        blocks.append(_table(["power cut", "acknowledged", "lost"], map(_power_row, kept["power"])))
    return "\n\n".join("\n".join(block) for block in blocks)


def _run_row(run: Kept) -> list[Any]:
    counted = [_sum(run[name]) for name in ("cases", "acknowledged", "kills", "chart_faults")]
    shown = attention([run]).removeprefix("attention: ")
    return [run["seed"], run["events"], run["accepted"], *counted, shown, len(run["findings"]), round(run["seconds"])]


def _control_row(run: Kept) -> list[Any]:
    found = _caught(run)
    first = found[0][:SHOWN_CHARS] if found else "NOT CAUGHT"
    rule = CONTROLS[run["sabotage"]][1]
    return [run["sabotage"], run["seed"], run["events"], rule, len(found), len(run["findings"]), first]


def _power_row(cut: Kept) -> list[Any]:
    what = "fsync taken out" if cut["sabotage"] else "as it is"
    return [what, cut.get("acknowledged", cut.get("skipped")), len(cut["findings"])]


def _totals(runs: list[Kept]) -> Iterable[tuple[str, str]]:
    def counted(name: str) -> str:
        total = sum((Counter(run[name]) for run in runs), Counter())
        return ", ".join(f"{key} {count}" for key, count in total.most_common())

    events = sum(run["events"] for run in runs)
    yield "events written by the hospital", str(events)
    yield "rows in the ledger, with our own writes come back", str(sum(run["accepted"] for run in runs))
    yield "answered 2xx more than once", str(sum(run["repeated"] for run in runs))
    yield "found by reconciliation alone", str(sum(run["only_found"] for run in runs))
    yield "fates", counted("fates")
    yield "cases", counted("cases")
    yield "acknowledged decisions", counted("acknowledged")
    yield "clicks refused", counted("refused")
    yield "notifications", counted("deliveries")
    yield "killed with -9", counted("kills")
    pauses = sum(run.get("dispatcher_pauses", 0) for run in runs)  # records of before have none
    if pauses:
        yield "dispatcher paused for longer than its lease", f"{pauses} times"
    yield "all workers frozen", f"{sum(run['frozen_s'] for run in runs):.0f} s"
    yield "faults at the chart", counted("chart_faults")
    yield "items that demand attention", attention(runs).removeprefix("attention: ")
    yield "looks at the ledger meanwhile", str(sum(run["samples"] for run in runs))
    yield "longest past a deadline, not raised", f"{max((run['late_s'] for run in runs), default=0)} s"
    yield "settled after", f"{max((run['settled_s'] for run in runs), default=0):.0f} s at most"
    found = sum(len(run["findings"]) for run in runs)
    bound = f"; below {300 / events:.2f} % of events at 95 % (rule of three)" if events and not found else ""
    yield "findings", f"{found}{bound}"


def attention(runs: Iterable[Kept]) -> str:
    """Return what became of all that demanded attention in these runs, in one line."""
    return attention_line(Report(_fates(runs)))


def _fates(runs: Iterable[Kept]) -> Counter[Fate]:
    found = Counter[Fate]()
    for run in runs:
        found.update({Fate(name): count for name, count in run.get("attention", {}).items()})  # records of before: none
    return found


def _caught(run: Kept) -> list[str]:
    """Return the findings of the rule that a control must break."""
    return [finding for finding in run["findings"] if finding.startswith(f"{CONTROLS[run['sabotage']][1]} ")]


def _sum(counts: dict[str, int]) -> int:
    return sum(counts.values())


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    return [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]


def _line(cells: Iterable[Any]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"
