"""A steady stream of arrivals with their decisions: does anything pile up?"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from statistics import linear_regression, mean
from typing import Any

from integrations.ledger import cases, inbox
from tests.measure.benchmarks import hospital
from tests.measure.benchmarks.measure import Figure, quantile_ms, say
from tests.measure.benchmarks.people import Feed, People, Pool
from tests.measure.benchmarks.site import Site, lock_figures, opened, until
from tests.measure.benchmarks.wire import request

SECONDS, SUBSCRIBED_S = 600.0, 60.0
RATE_PER_S = 5.0  # 155 million visits a year: all emergency departments of the United States (NCHS Data Brief 503)
GROWTH_PER_MIN = 1.0  # of 300 arrivals
SAMPLE_S, AFTER_S = 1.0, 60.0
Tell = Callable[[int], Awaitable[float]]


async def run(seconds: float) -> dict[str, Any]:
    """Tell the gateway directly for the time given, then for a minute by the FHIR server's own Subscriptions."""
    with opened(int(seconds * RATE_PER_S)) as site:
        direct = await _stream(site, Feed(site).tell, seconds)
    subscribed_s = min(seconds, SUBSCRIBED_S)
    with opened(0) as site:
        subscribed = await _stream(site, _charted(site), subscribed_s)
    figures: list[Figure] = []
    for name, told, lasted in (("direct", direct, seconds), ("by Subscriptions", subscribed, subscribed_s)):
        note = f"{name}, {lasted:g} s, {told['decided']} of {told['arrived']} decided"
        figures += [
            Figure(f"encounters decided, {name}", told["rate_per_s"], "/s", 0.98 * RATE_PER_S, False, note=note),
            Figure(f"events, {name}", told["events_per_s"], "/s", 0.98 * RATE_PER_S * hospital.EVENTS_EACH, False),
            Figure(f"growth of what is in progress, {name}", told["growth_per_min"], "cases/min", GROWTH_PER_MIN),
            Figure(f"time from last 2xx to row, p50, {name}", told["row_p50_ms"], "ms"),
            Figure(f"time from last 2xx to row, p99, {name}", told["row_p99_ms"], "ms"),
            *lock_figures(told["lock_times"], name),
        ]
    detail = {"direct": direct, "subscribed": subscribed}
    return {"figures": [figure.as_dict() for figure in figures], "detail": detail}


def _charted(site: Site) -> Tell:
    """Return how an arrival is charted, as clinicians do, so that the FHIR server notifies us by itself."""
    url = site.settings.parts.fhir_url
    pool = Pool(int(url.partition("127.0.0.1:")[2].partition("/")[0]))
    token = site.secrets.fhir_token.get_secret_value()

    async def tell(number: int) -> float:
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [*hospital.entries(hospital.chart(number))]}
        raw = request(
            "POST", "/fhir", json.dumps(bundle).encode(), authorization=f"Bearer {token}",
            content_type="application/fhir+json",
        )  # fmt: skip
        status, body = await pool.send(raw)
        if status != 200:
            raise AssertionError(f"FHIR server answered {status}: {body[:200]}")
        return time.time()

    return tell


async def _stream(site: Site, tell: Tell, seconds: float) -> dict[str, Any]:
    arrived, under_way = int(seconds * RATE_PER_S), set[int]()
    rows: dict[int, float] = {}
    samples: list[tuple[float, int]] = []
    async with People(site) as people:

        async def one(number: int) -> None:
            under_way.add(number)
            told, case_id = await tell(number), site.case_id(number)
            fields = await people.shown(case_id, people.page, seconds=120)
            rows[number] = time.time() - told
            await people.approve(case_id, fields)
            under_way.discard(number)

        async def sampled() -> None:
            while True:
                samples.append((time.time() - begun, len(under_way)))
                await asyncio.sleep(SAMPLE_S)

        before, begun = site.cpu_s(), time.time()
        sampling, running = asyncio.create_task(sampled()), list[asyncio.Task[None]]()
        for number in range(arrived):
            await asyncio.sleep(max(0.0, begun + number / RATE_PER_S - time.time()))
            running.append(asyncio.create_task(one(number)))
            if number % int(60 * RATE_PER_S) == 0:
                say(f"steady: {number} arrived, {len(under_way)} in progress")
        await asyncio.sleep(max(0.0, begun + seconds - time.time()))
        sampling.cancel()
        failed = [f for f in await asyncio.gather(*running, return_exceptions=True) if f]
        wall = time.time() - begun
    await until(lambda: site.kept() >= arrived - len(failed), AFTER_S, "every case to its last step")
    after = site.cpu_s()
    return _told(site, rows, samples, seconds, wall, arrived, failed) | {
        "lock_times": site.lock_times(),
        "cpu_ms_each": {part: round(1000 * (after[part] - before[part]) / arrived, 1) for part in before},
    }


def _told(
    site: Site, rows: dict[int, float], samples: list[tuple[float, int]], seconds: float, wall: float, arrived: int,
    failed: list[Any],
) -> dict[str, Any]:  # fmt: skip
    settled = [(at, count) for at, count in samples if at >= min(10.0, seconds / 3)]
    slope, _ = linear_regression(*zip(*settled, strict=True))
    with site.world.records.db.read() as tx:
        states, events = cases.balance(tx), inbox.balance(tx)
    minute = int(min(60.0, seconds / 2) * RATE_PER_S)
    ordered = [rows[number] for number in sorted(rows)]
    return {
        "arrived": arrived,
        "decided": arrived - len(failed),
        "failed": [type(fault).__name__ for fault in failed[:5]],
        "rate_per_s": round((arrived - len(failed)) / max(seconds, wall - 3), 2),
        "events_per_s": round((events["absorbed"]) / max(seconds, wall - 3), 1),
        "growth_per_min": round(60 * slope, 2),
        "in_progress_mean": round(mean(count for _, count in settled), 1),
        "in_progress_most": max(count for _, count in settled),
        "row_p50_ms": quantile_ms(ordered, 0.5),
        "row_p99_ms": quantile_ms(ordered, 0.99),
        "row_p50_first_minute_ms": quantile_ms(ordered[:minute], 0.5),
        "row_p50_last_minute_ms": quantile_ms(ordered[-minute:], 0.5),
        "cases": states,
        "events": events,
    }
