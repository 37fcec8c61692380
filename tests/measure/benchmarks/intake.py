"""Notifications accepted by the whole gateway, each on disk before its 2xx, by 100 senders at once."""

import asyncio
import time
from typing import Any

from integrations.ledger import inbox
from tests.measure.benchmarks import hospital
from tests.measure.benchmarks.measure import Figure, quantile_ms, say
from tests.measure.benchmarks.site import Site, lock_figures, opened
from tests.measure.benchmarks.wire import Wire

SECONDS = 10.0
SENDERS = 100
RATE_PER_S, P99_MS = 4000, 70


async def run(seconds: float) -> dict[str, Any]:
    """Measure as it is shipped, and with `synchronous=NORMAL`, which loses messages at a power cut."""
    durable, fast = await _accept(seconds, fast=False), await _accept(seconds, fast=True)
    figures = [
        Figure("notifications accepted, fsync before each 2xx", durable["rate_per_s"], "/s", RATE_PER_S, most=False),
        Figure("their time at 100 wide, p99", durable["p99_ms"], "ms", P99_MS),
        *lock_figures(durable["lock_times"], "fsync before each 2xx"),
        Figure(
            "accepted with synchronous=NORMAL", fast["rate_per_s"], "/s", note="not shipped: shows what fsync costs"
        ),
        Figure("their time at 100 wide, p99, synchronous=NORMAL", fast["p99_ms"], "ms"),
    ]
    return {"figures": [figure.as_dict() for figure in figures], "detail": {"durable": durable, "fast": fast}}


async def _accept(seconds: float, *, fast: bool) -> dict[str, Any]:
    with opened(1, fast=fast) as site:
        took: list[float] = []
        before, start = site.cpu_s(), time.monotonic()
        await asyncio.gather(*(_sender(site, number, start + seconds, took) for number in range(SENDERS)))
        wall, after = time.monotonic() - start, site.cpu_s()
        with site.world.records.db.read() as tx:
            kept = inbox.balance(tx)["accepted"]
        if kept != len(took):
            raise AssertionError(f"{len(took)} answered 2xx, {kept} in the ledger")
        said = {
            "rate_per_s": round(len(took) / wall),
            "p50_ms": quantile_ms(took, 0.5),
            "p99_ms": quantile_ms(took, 0.99),
            "accepted": len(took),
            "lock_times": site.lock_times(),
            "gateway_cpu_us_each": round(1e6 * (after["gateway"] - before["gateway"]) / len(took)),
        }
        say(f"intake: {said}")
        return said


async def _sender(site: Site, number: int, end: float, took: list[float]) -> None:
    wire, sent, model = await Wire.to(site.settings.parts.gateway_port), 0, hospital.chart(0)[-1]
    while time.monotonic() < end:
        encounter = {"reference": f"Encounter/intake-{number}-{sent // hospital.EVENTS_EACH}"}
        body = model | {"id": f"intake-{number}-{sent}", "meta": {"versionId": "1"}, "encounter": encounter}
        raw = hospital.notification(body, site.secret)
        start = time.monotonic()
        await wire.send(raw)
        took.append(time.monotonic() - start)
        if wire.status != 200:
            raise AssertionError(f"answered {wire.status}")
        sent += 1
    wire.close()
