"""`make prove`: runs with one safety taken out at a time, each of which must be found out; then long seeded runs.

Exit code 0 only if no run found anything, every control was caught, and no acknowledged event was lost with the power.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests import powercut
from tests.measure.prove import power, report
from tests.measure.prove.run import Plan, run
from tests.measure.prove.sabotage import CONTROLS

KEPT = Path("docs/reliability/prove.json")
FIRST_SEED, CONTROL_SEED = 100, 900


def main() -> int:
    options = _options()
    kept: dict[str, Any] = {
        "command": f"python -m tests.measure.prove {' '.join(sys.argv[1:])}".strip(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _output("git", "rev-parse", "--short", "HEAD"),
        "machine": report.machine(),
        "runs": [],
        "controls": [],
        "power": [],
    }
    folder = Path(tempfile.mkdtemp(prefix="wardflow-prove-"))
    for number, name in enumerate(options.controls):
        if name == "fsync":
            kept["power"] = [
                _told(f"power cut, {what or 'as it is'}", lambda w=what: _cut(folder, w)) for what in ("", name)
            ]
        else:
            plan = Plan(options.control_seed + number, options.control_events, name)
            kept["controls"].append(_told(f"without {name}", lambda p=plan: _played(p, folder)))
        report.keep(kept, options.out)
    for seed, events in _slices(options.events, options.each, options.first_seed):
        kept["runs"].append(_told(f"seed {seed}", lambda s=seed, e=events: _played(Plan(s, e), folder)))
        report.keep(kept, options.out)
    wrong = report.verdict(kept)
    sys.stdout.write(json.dumps(kept) + "\n" if options.json else report.tables(kept) + "\n")
    for line in wrong:
        _say(line)
    if wrong:
        _say(f"states and logs: {folder}")
    else:
        shutil.rmtree(folder)
    return int(bool(wrong))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.measure.prove", description=__doc__)
    parser.add_argument("--events", type=int, default=3000, help="versions that the hospital writes, in all")
    parser.add_argument("--each", type=int, default=250, help="of them in one run, on fresh parts with its own seed")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--control-events", type=int, default=150, help="in each run without one safety")
    parser.add_argument("--control-seed", type=int, default=CONTROL_SEED)
    parser.add_argument("--controls", nargs="*", choices=list(CONTROLS), default=list(CONTROLS))
    parser.add_argument(
        "--out", type=Path, default=KEPT, help="kept after each run; docs/reliability.md is made from it"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _slices(events: int, each: int, first: int) -> list[tuple[int, int]]:
    return [(first + n, min(each, events - n * each)) for n in range(-(-events // each))]


def _played(plan: Plan, folder: Path) -> dict[str, Any]:
    state = folder / f"{plan.seed}-{plan.sabotage or 'whole'}"
    result = asdict(run(plan, state)[0])
    if not result["findings"] or plan.sabotage:
        shutil.rmtree(state)
    return result


def _cut(folder: Path, sabotage: str) -> dict[str, Any]:
    reason = powercut.unavailable()
    if reason:
        return {"sabotage": sabotage, "skipped": reason, "findings": []}
    acknowledged, findings = power.fails(folder / f"power-{sabotage}", sabotage)
    return {"sabotage": sabotage, "acknowledged": acknowledged, "findings": [str(finding) for finding in findings]}


def _told(what: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    begun = time.monotonic()
    result = work()
    shown = f", {report.attention([result])}" if "attention" in result else ""
    _say(f"{what}: {len(result['findings'])} findings, {time.monotonic() - begun:.0f} s{shown}")
    for finding in result["findings"][:5]:
        _say(f"  {finding}")
    return result


def _say(line: str) -> None:
    sys.stderr.write(f"prove: {line}\n")
    sys.stderr.flush()


def _output(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
