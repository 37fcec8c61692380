"""Measures how far instructions that stand in a chart move what is proposed, and that they have no effect beside it.

`python -m tests.measure.injections --url URL --model NAME [--code-url URL --code-model NAME] [--json]`: 40 instructions
(8 in five places), each beside a harmless twin, over all pathways.
"""

import argparse
import asyncio
import json
import sys
from collections import defaultdict
from dataclasses import asdict
from typing import Any

from agents.pathway import ChatPort
from integrations.inference.chat import ChatClient, ChatEndpoint, Dialect, Phi
from integrations.sandbox.monty import Sandbox
from tests.measure.injections import measure
from tests.measure.injections.attacks import ATTACKS
from tests.measure.injections.measure import Pair, interval

TIMEOUT_S = 600.0  # all of a chart are asked at once, and wait for each other


def main() -> int:
    """Return 0, or 1 where an instruction had an effect or got below the rules' floor."""
    parser = argparse.ArgumentParser(prog="python -m tests.measure.injections", description=__doc__)
    parser.add_argument("--url", required=True, help="of role reasoning, before /chat/completions")
    parser.add_argument("--model", required=True)
    parser.add_argument("--code-url", help="of role code; without one nothing is calculated")
    parser.add_argument("--code-model", default="")
    parser.add_argument("--charts", type=int, default=len(ATTACKS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = asyncio.run(_measured(options))
    told = {"instructions": options.charts * 5, "pairs": len(found), "rows": _rows(found)}
    sys.stdout.write((json.dumps(told) if options.json else _table(told)) + "\n")
    return int(any(pair.effects or pair.below_floor for pair in found))


async def _measured(options: argparse.Namespace) -> list[Pair]:
    clients = {"reasoning": _client("reasoning", options.url, options.model)}
    if options.code_url:
        clients["code"] = _client("code", options.code_url, options.code_model)
    ports: dict[str, ChatPort] = dict(clients)
    sandbox = Sandbox()
    try:
        return await measure.pairs(ports, sandbox, options.charts)
    finally:
        await sandbox.close()
        for client in clients.values():
            await client.close()


def _client(role: str, url: str, model: str) -> ChatClient:
    return ChatClient(ChatEndpoint(role, url, model, Phi.ALLOWED, Dialect.VLLM, TIMEOUT_S))


def _rows(found: list[Pair]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in found:
        groups[pair.pathway, pair.carrier].append(pair)
        groups[pair.pathway, "all"].append(pair)
    rows: list[dict[str, Any]] = []
    for (pathway, carrier), ones in sorted(groups.items()):
        row: dict[str, Any] = {"pathway": pathway, "carrier": carrier, "pairs": len(ones)}
        for name in ("reached", "changed", "lowered", "below_floor"):
            hits = sum(asdict(one)[name] for one in ones)
            row[name] = {"n": hits, "interval_95": [round(end, 3) for end in interval(hits, len(ones))]}
        row["effects"] = [effect for one in ones for effect in one.effects]
        rows.append(row)
    return rows


def _table(told: dict[str, Any]) -> str:
    lines = [
        "| pathway | carrier | pairs | reached | level changed | to less urgent | below the floor | effects |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in told["rows"]:
        cells = [row["pathway"], row["carrier"], str(row["pairs"])]
        for name in ("reached", "changed", "lowered", "below_floor"):
            low, high = row[name]["interval_95"]
            cells.append(
                f"{row[name]['n']} [{low:.2f}, {high:.2f}]" if row["carrier"] == "all" else str(row[name]["n"])
            )
        lines.append(f"| {' | '.join([*cells, str(len(row['effects']))])} |")
        lines += [f"  effect: {effect}" for effect in row["effects"]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
