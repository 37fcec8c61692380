"""Run benchmarks: `python -m tests.measure.benchmarks [NAME ...] [--seconds S] [--json] [--keep FOLDER]`."""

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import uvloop

from tests.measure.benchmarks import machine, report
from tests.measure.benchmarks.measure import say
from tests.ward import ROOT

NAMES = ("triage", "steady", "intake", "waiting", "killed", "slots")


def main() -> int:
    """Return 0, or 1 where an aim was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.measure.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="default: all")
    parser.add_argument("--seconds", type=float, help="the most that each takes for measuring")
    parser.add_argument("--json", action="store_true", help="print the whole result")
    parser.add_argument("--keep", type=Path, help="write DATE-COMMIT.json and the page's table into this folder")
    asked = parser.parse_args()
    result = _run(asked.names or list(NAMES), asked.seconds)
    if asked.keep:
        say(f"kept as {report.keep(result, asked.keep)}")
    sys.stdout.write(json.dumps(result, indent=1) if asked.json else report.table(result))
    sys.stdout.write("\n")
    return int(any(figure["met"] is False for one in result["benchmarks"].values() for figure in one["figures"]))


def _run(names: list[str], most_s: float | None) -> dict[str, Any]:
    result: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD") + ("-changed" if _git("status", "--porcelain", "-uno") else ""),
        "machine": machine.described(),
        "benchmarks": {},
    }
    for name in names:
        module = import_module(f"tests.measure.benchmarks.{name}")
        seconds = min(module.SECONDS, most_s or module.SECONDS)
        say(f"{name}, {seconds:g} s")
        before = machine.load()
        told = uvloop.run(module.run(seconds))
        command = f"python -m tests.measure.benchmarks {name} --seconds {seconds:g}"
        result["benchmarks"][name] = {"command": command, "load": [before, machine.load()], **told}
    return result


def _git(*argv: str) -> str:
    return subprocess.run(["git", *argv], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
