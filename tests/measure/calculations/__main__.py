"""100 calculations with known answers: how often a model's program gives what the published formula gives.

`python -m tests.measure.calculations --url URL --model NAME` runs them with clincalc as the independent calculator, and
without it. Exit 1 if a wrong number would have been shown.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from agents.pathway import NoReference
from integrations.inference.chat import ChatClient, ChatEndpoint, Dialect, Phi
from integrations.reference.clincalc import Clincalc
from integrations.sandbox.monty import Sandbox
from tests.measure.benchmarks import machine
from tests.measure.calculations import known, measured

TIMEOUT_S = 300.0


async def main(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of both runs."""
    endpoint = ChatEndpoint("code", asked.url, asked.model, Phi.ALLOWED, Dialect(asked.dialect), TIMEOUT_S)
    client, sandbox, clincalc = ChatClient(endpoint), Sandbox(), Clincalc(Path(sys.executable))
    model = measured.Once(client) if asked.once else client
    cases = known.cases(asked.seed, asked.cases)
    about = machine.described()
    result: dict[str, Any] = {
        "model": asked.model,
        "seed": asked.seed,
        "at_once": asked.at_once,
        "each_question_once": asked.once,
        "machine": {name: about[name] for name in ("cpu", "cores", "memory_gib")},
    }
    try:
        for name, reference in (("with_clincalc", clincalc), ("without_clincalc", NoReference())):
            start, load = time.monotonic(), machine.load()
            done = await measured.run(cases, model, sandbox, reference, asked.at_once)
            took = {"seconds": round(time.monotonic() - start, 1), "load": [load, machine.load()]}
            result[name] = measured.summary(done, timed=not asked.once) | took
    finally:
        await client.close()
        await sandbox.close()
        await clincalc.close()
    return result


def told(result: dict[str, Any]) -> str:
    """Return the figures in lines."""
    lines: list[str] = [f"{result['model']}, seed {result['seed']}"]
    for name in ("with_clincalc", "without_clincalc"):
        run = result[name]
        lines += [
            f"{name.replace('_', ' ')}: {run['agreed']} of {run['cases']} programs agree, "
            f"{run['shown']} numbers shown, {run['wrong_shown']} of them wrong, "
            f"{run['tokens_a_calculation']} tokens and {run['seconds_a_calculation']} s a calculation, "
            f"{run['seconds']} s in all",
            *(f"  {formula}: {agreed}" for formula, agreed in run["agreed_by_formula"].items()),
            *(f"  {count}: {why}" for why, count in run["no_opinion"].items()),
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.measure.calculations", description=__doc__)
    parser.add_argument("--url", required=True, help="ends before /chat/completions")
    parser.add_argument("--model", required=True)
    parser.add_argument("--dialect", choices=list(Dialect), default=Dialect.VLLM)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--once", action="store_true", help="ask each question once: no seconds are measured then")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", type=Path, help="write the figures to this file")
    asked = parser.parse_args()
    figures = asyncio.run(main(asked))
    if asked.keep:
        asked.keep.parent.mkdir(parents=True, exist_ok=True)
        asked.keep.write_text(json.dumps(figures, indent=1) + "\n")
    sys.stdout.write((json.dumps(figures) if asked.json else told(figures)) + "\n")
    sys.exit(int(any(figures[name]["wrong_shown"] for name in ("with_clincalc", "without_clincalc"))))
