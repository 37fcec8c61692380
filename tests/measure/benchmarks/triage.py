"""One triage with its decision: CPU and time, against the same steps on bare Temporal, in turn in one run."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psutil

from activities.world import World
from infra.processes import end_with_parent, listens
from integrations.fhir import proposals
from tests.measure.benchmarks import hospital
from tests.measure.benchmarks.bare_steps import ref
from tests.measure.benchmarks.measure import Figure, quantile_ms, ratio, say
from tests.measure.benchmarks.people import Feed, People, Pool
from tests.measure.benchmarks.site import OURS, Site, opened, until
from tests.measure.benchmarks.wire import request
from tests.ports import any_port
from tests.ward import ROOT

SECONDS = 120.0
RATE_PER_S, BLOCK_S, DRAIN_S, WARM = 2.0, 10.0, 5.0, 4
MODEL_S, CALLS = 0.05, 2
Triage = Callable[[int], Awaitable[dict[str, float]]]


class Bare:
    """The baseline beside the ward: its processes, and one triage through them."""

    def __init__(self, site: Site) -> None:
        self.port = any_port()
        self._listening = listens(self.port)
        argv = [sys.executable, "-m", "tests.measure.benchmarks.bare"]
        self.running = [
            subprocess.Popen([*argv, part, str(site.state), str(self.port)], cwd=ROOT, preexec_fn=end_with_parent)
            for part in ("gateway", "worker")
        ]
        self._database, self._pool, self._secret = site.state / "bare.db", Pool(self.port), site.secret

    def ready(self) -> bool:
        return self._listening() and self._database.exists()

    def check(self, world: World, numbers: range) -> None:
        """Raise where a triage of the baseline left no result in the chart: it would be cheap for doing nothing."""
        for number in numbers:
            world.fhir.read("Observation", proposals.resource_id(ref(hospital.encounter_id(number)), "result"))

    def close(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()

    def cpu_s(self) -> float:
        return sum(sum(psutil.Process(process.pid).cpu_times()[:2]) for process in self.running)

    def _look(self, encounter: str) -> str | None:
        with sqlite3.connect(self._database) as db:
            row = db.execute("SELECT suggestion FROM rows WHERE encounter = ?", (encounter,)).fetchone()
        return row[0] if row else None

    async def triage(self, number: int) -> dict[str, float]:
        await asyncio.gather(*map(self._pool.send, hospital.notifications(number, self._secret)))
        told, encounter = time.time(), hospital.encounter_id(number)
        while (selected := self._look(encounter)) is None:
            await asyncio.sleep(0.005)
        shown = time.time()
        status, answer = await self._pool.send(request("POST", f"/decisions/{encounter}/{selected}"))
        assert status == 200, answer
        return {"row": shown - told, "decided": time.time() - shown}


async def block(triage: Triage, numbers: range) -> list[dict[str, float]]:
    """Run these triages at the fixed rate; return when the time of the block is over, the same for each block."""
    begun = time.time()
    running: list[asyncio.Future[dict[str, float]]] = []
    for position, number in enumerate(numbers):
        await asyncio.sleep(max(0.0, begun + position / RATE_PER_S - time.time()))
        running.append(asyncio.ensure_future(triage(number)))
    took = list(await asyncio.gather(*running))
    await asyncio.sleep(max(0.0, begun + BLOCK_S + DRAIN_S - time.time()))
    return took


async def run(seconds: float) -> dict[str, Any]:
    """Alternate blocks of Wardflow and of the baseline for about that long."""
    each = int(RATE_PER_S * BLOCK_S)
    pairs = max(2, round(seconds / (BLOCK_S + DRAIN_S) / 2))
    with opened(2 * WARM + 2 * pairs * each) as site:
        bare, feed = Bare(site), Feed(site)
        try:
            await until(bare.ready, 60, "the baseline's processes")
            async with People(site) as people:

                async def ours(number: int) -> dict[str, float]:
                    told, case_id = await feed.tell(number), site.case_id(number)
                    fields = await people.shown(case_id, people.page)
                    shown = time.time()
                    return {"row": shown - told, "decided": await people.approve(case_id, fields) - shown}

                await block(ours, range(WARM))
                await block(bare.triage, range(WARM, 2 * WARM))
                return await _alternate(site, bare, ours, pairs, each)
        finally:
            bare.close()


async def _alternate(site: Site, bare: Bare, ours: Triage, pairs: int, each: int) -> dict[str, Any]:
    took: dict[str, list[dict[str, float]]] = {"wardflow": [], "bare": []}
    cpu: dict[str, list[float]] = {"wardflow": [], "bare": []}
    parts: dict[str, float] = {}
    for turn in range(2 * pairs):
        name, triage = ("bare", bare.triage) if turn % 2 else ("wardflow", ours)
        before, bare_before = site.cpu_s(), bare.cpu_s()
        first = 2 * WARM + turn * each
        numbers = range(first, first + each)
        took[name] += await block(triage, numbers)
        used = {part: 1000 * (now - before[part]) / each for part, now in site.cpu_s().items()}
        own = 1000 * (bare.cpu_s() - bare_before) / each if name == "bare" else sum(used[part] for part in OURS)
        cpu[name].append(own + used["temporal"])
        for part, ms in ({"own": own} | used if name == "bare" else used).items():
            parts[f"{name}.{part}"] = parts.get(f"{name}.{part}", 0.0) + ms / pairs
        if name == "bare":
            bare.check(site.world, numbers)
        say(f"triage: {name} {cpu[name][-1]:.0f} ms CPU")
    return _figures(took, cpu, parts, site.settings.timing.window_quiet_s)


def _figures(
    took: dict[str, list[dict[str, float]]], cpu: dict[str, list[float]], parts: dict[str, float], window_s: float
) -> dict[str, Any]:
    rows, bare_rows = ([one["row"] for one in took[name]] for name in ("wardflow", "bare"))
    own = [row - window_s - CALLS * MODEL_S for row in rows]
    cpu_ratio, cpu_interval = ratio(cpu["wardflow"], cpu["bare"])
    time_ratio, time_interval = ratio(rows, bare_rows)
    figures = [
        Figure("CPU of a triage with its decision, to bare Temporal", cpu_ratio, "times", 1.2, True, cpu_interval),
        Figure("time from last 2xx to row, to bare Temporal", time_ratio, "times", 1.2, True, time_interval),
        Figure("own time from last 2xx to row, p50", quantile_ms(own, 0.5), "ms", 120, note="without window and model"),
        Figure(
            "own time from last 2xx to row, p99", quantile_ms(own, 0.99), "ms", 400, note="without window and model"
        ),
        Figure("time from last 2xx to row, p50", quantile_ms(rows, 0.5), "ms", note="with 1 s window, 2 model calls"),
        Figure("time from last 2xx to row, p99", quantile_ms(rows, 0.99), "ms", note="with 1 s window, 2 model calls"),
        Figure("time of a decision, p50", quantile_ms([one["decided"] for one in took["wardflow"]], 0.5), "ms"),
    ]
    detail = {
        "triages_each": len(rows),
        "cpu_ms": {name: round(ms, 1) for name, ms in sorted(parts.items())},
        "cpu_ms_blocks": {name: [round(ms, 1) for ms in blocks] for name, blocks in cpu.items()},
        "bare_row_ms": [quantile_ms(bare_rows, 0.5), quantile_ms(bare_rows, 0.99)],
        "bare_decided_ms": quantile_ms([one["decided"] for one in took["bare"]], 0.5),
    }
    return {"figures": [figure.as_dict() for figure in figures], "detail": detail}
