"""Measures the alert burden of result follow-up: how often people must look, and look again, on synthetic stays.

`python -m tests.measure.burden --stays 300 --seed 1` compares the rules on the same stays and the same people, and
prints one table; beside each rule stands how many results that demand a look nobody was ever shown. `--what-if` adds
mends and other settings of a hospital, on as many of the first stays as it says.
"""

import argparse
import json
import logging
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from tests.measure.benchmarks import machine
from tests.measure.burden import assumptions, life, report
from tests.measure.burden.life import Outcome
from tests.measure.burden.looks import Brings
from tests.measure.burden.report import Figures
from tests.measure.burden.stays import Setting
from tests.measure.burden.variants import AS_IT_IS, MENDS, RULES, Variant

ROOT = Path(__file__).parents[3]
AS_ASSUMED = Setting()
SETTINGS = (
    Setting("as many abnormal results as in Calgary", abnormal=1.9),
    Setting("no flag and no range, as Synthea charts", silent=True),
    Setting("each result a report of its own", singly=True),
    Setting("people decide as they did in Toronto", others_min=assumptions.SLOW_MIN.value),
)
PRODUCT = ("activities", "agents", "contracts", "integrations", "service")
EXAMPLES = 3
"""Of each kind of look that are printed."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.measure.burden", description=__doc__)
    parser.add_argument("--stays", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--what-if", type=int, default=0, metavar="STAYS", help="also mends, and other settings")
    parser.add_argument("--examples", action="store_true", help="print looks by what they bring instead of figures")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", type=Path, help="write the figures to this file, and the tables to the .md beside it")
    asked = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    if asked.examples:
        outcomes = life.run(AS_IT_IS, AS_ASSUMED, asked.seed, asked.stays)
        sys.stdout.write("\n".join(examples(outcomes)) + "\n")
        return 0
    figures = measured(asked.seed, asked.stays, asked.what_if)
    if asked.keep:
        asked.keep.write_text(json.dumps(figures, indent=1) + "\n")
        report.keep(figures, asked.keep.with_suffix(".md"))
    sys.stdout.write((json.dumps(figures) if asked.json else report.page(figures)) + "\n")
    return 0


def measured(seed: int, stays: int, what_if: int = 0) -> Figures:
    """Return the figures of all runs, with the machine and the assumptions."""
    begun, load = time.process_time(), machine.load()
    about = machine.described()
    more = f" --what-if {what_if}" if what_if else ""
    figures: Figures = {
        "command": f"python -m tests.measure.burden --stays {stays} --seed {seed}{more}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {name: about[name] for name in ("cpu", "cores", "memory_gib", "python")},
        "seed": seed,
        "stays": stays,
        "what_if_stays": what_if,
        "rules": [_run(rule, AS_ASSUMED, seed, stays) for rule in RULES],
    }
    if what_if:
        figures["mends"] = [_run(mend, AS_ASSUMED, seed, what_if) for mend in (AS_IT_IS, *MENDS)]
        figures["settings"] = [_run(AS_IT_IS, setting, seed, what_if) for setting in SETTINGS]
    about_time = {"load": [load, machine.load()], "seconds": round(time.process_time() - begun)}
    return figures | about_time | report.assumed()


def examples(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the first looks of each kind, in lines."""
    looks = [look for one in outcomes for look in one.looks if look.again]
    lines: list[str] = []
    for kind in Brings:
        found = [look for look in looks if look.brings == kind]
        lines.append(f"{kind}: {len(found)}")
        lines += [f"  stay {look.stay}, case {look.generation}, version {look.version}: {'; '.join(look.told)}"
                  for look in found[:EXAMPLES]]  # fmt: skip
    return lines


def _run(rule: Variant, setting: Setting, seed: int, stays: int) -> Figures:
    sys.stderr.write(f"{rule.name}, {setting.name}\n")
    outcomes = life.run(rule, setting, seed, stays)
    name = rule.name if setting is AS_ASSUMED else setting.name
    return {"name": name, **report.summary(outcomes), "streams": report.streams(outcomes)}


def _commit() -> str:
    """Return the commit, and whether the product differs from it."""
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    changed = subprocess.run(["git", "--no-optional-locks", "diff", "--quiet", "HEAD", "--", *PRODUCT], cwd=ROOT)
    return f"{told} with changes" if changed.returncode else told


if __name__ == "__main__":
    sys.exit(main())
