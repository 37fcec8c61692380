"""A thousand cases that wait: what the worker keeps of each, and whether a new one is any slower."""

import asyncio
import time
from typing import Any

from integrations.ledger import cases
from tests.measure.benchmarks.measure import Figure, quantile_ms, ratio, say
from tests.measure.benchmarks.people import Feed, People
from tests.measure.benchmarks.site import Site, opened, until
from workflows import policies

SECONDS = 125.0
RATE_PER_S, NEW_PER_S, NEW = 8.0, 2.0, 20
BOUND_KB = 256.0


async def run(seconds: float) -> dict[str, Any]:
    """Let 8 cases for each second wait, 1,000 by default; measure new triages before and after."""
    waiting = int(seconds * RATE_PER_S)
    with opened(waiting + 2 * NEW + 4) as site:
        feed = Feed(site)
        async with People(site) as people:
            await _new(site, feed, people, range(waiting, waiting + 4))
            before = await _new(site, feed, people, range(waiting + 4, waiting + 4 + NEW))
            memory = [_rss_kb(site)]
            for part in range(2):
                await _wait(site, feed, range(part * waiting // 2, (part + 1) * waiting // 2))
                memory.append(_rss_kb(site))
            after = await _new(site, feed, people, range(waiting + 4 + NEW, waiting + 4 + 2 * NEW))
            start = time.time()
            await people.get("/?fragment=true")
            listed_s = time.time() - start
    cached = min(waiting, policies.CACHED_CASES)
    times, interval = ratio(after, before)
    figures = [
        Figure("worker memory for each cached case", round((memory[2] - memory[0]) / cached), "KB", BOUND_KB),
        Figure("worker memory, second half to first", round((memory[2] - memory[1]) / max(1, memory[1] - memory[0]), 2),
               "times", note=f"the cache holds {policies.CACHED_CASES}"),
        Figure(f"time of a new triage with {waiting} waiting, to none", times, "times", 1.2, True, interval),
        Figure(f"the list itself with {waiting} waiting", round(1000 * listed_s), "ms"),
    ]  # fmt: skip
    detail = {
        "waiting": waiting,
        "worker_rss_kb": memory,
        "new_before_ms": [quantile_ms(before, 0.5), quantile_ms(before, 0.99)],
        "new_after_ms": [quantile_ms(after, 0.5), quantile_ms(after, 0.99)],
    }
    return {"figures": [figure.as_dict() for figure in figures], "detail": detail}


async def _new(site: Site, feed: Feed, people: People, numbers: range) -> list[float]:
    async def one(number: int) -> float:
        told, case_id = await feed.tell(number), site.case_id(number)
        fields = await people.shown(case_id, people.page)
        shown = time.time()
        await people.approve(case_id, fields)
        return shown - told

    running: list[asyncio.Task[float]] = []
    for number in numbers:
        running.append(asyncio.create_task(one(number)))
        await asyncio.sleep(1 / NEW_PER_S)
    return list(await asyncio.gather(*running))


async def _wait(site: Site, feed: Feed, numbers: range) -> None:
    begun, telling = time.time(), list[asyncio.Task[float]]()
    for position, number in enumerate(numbers):
        await asyncio.sleep(max(0.0, begun + position / RATE_PER_S - time.time()))
        telling.append(asyncio.create_task(feed.tell(number)))
    await asyncio.gather(*telling)

    def shown() -> bool:
        with site.world.records.db.read() as tx:
            return sum(bool(case.version) for case in cases.listed(tx) if not case.ended_at) >= numbers.stop

    await until(shown, 180, f"{numbers.stop} cases shown")
    say(f"waiting: {numbers.stop} cases wait")


def _rss_kb(site: Site) -> int:
    return site.processes()["worker"].memory_info().rss // 1024
