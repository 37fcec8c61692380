"""`wardflow doctor`: a look at every part."""

import json
from pathlib import Path

import typer

from service.commands import console
from service.operate import doctor
from service.operate.findings import Verdict
from service.process import wiring


def run_doctor(state: console.State = Path(".state"), as_json: console.AsJson = False) -> None:
    """Look at every part: OK, WARN or FAIL, each with what to do; exit 1 if anything failed."""

    async def look() -> int:
        opened = wiring.opened(state, "cli")
        given = opened.settings, opened.secrets, opened.world
        findings = await doctor.examine(*given, wiring.feeds(*given))
        if as_json:
            console.say(json.dumps([finding.model_dump() for finding in findings]))
        else:
            width = max(len(f.part) for f in findings)
            console.say("\n".join(f.lines(width) for f in findings))
        return int(any(f.verdict == Verdict.FAIL for f in findings))

    console.finish(look())


def add(app: typer.Typer) -> None:
    """Add this command."""
    app.command(name="doctor")(run_doctor)
