"""A model with 16 slots and 32 open cases: does the model ever wait for us?"""

import asyncio
from typing import Any

from tests.measure.benchmarks.measure import Figure
from tests.measure.benchmarks.people import Feed, People
from tests.measure.benchmarks.site import opened

SECONDS, RAMP_S = 30.0, 12.0
SLOTS, OPEN, CALL_S = 16, 32, 2.0
AIM = 0.9


async def run(seconds: float) -> dict[str, Any]:
    """Keep 32 cases open, each new one as the last is decided; return the share of slot time that was used."""
    most = int((seconds + RAMP_S + 20) * SLOTS / (2 * CALL_S)) + OPEN
    numbers = iter(range(most))
    with opened(most, model_s=CALL_S, slots=SLOTS) as site:
        feed = Feed(site)
        async with People(site) as people:

            async def chair() -> None:
                for number in numbers:
                    await feed.tell(number)
                    case_id = site.case_id(number)
                    await people.approve(case_id, await people.shown(case_id, people.page))

            chairs = [asyncio.create_task(chair()) for _ in range(OPEN)]
            await asyncio.sleep(RAMP_S)
            before = await site.stub.told()
            await asyncio.sleep(seconds)
            after = await site.stub.told()
            for task in chairs:
                task.cancel()
            ended = await asyncio.gather(*chairs, return_exceptions=True)
    faults = [repr(fault) for fault in ended if isinstance(fault, Exception)]
    busy = (after["busy_s"] - before["busy_s"]) / (SLOTS * seconds)
    figures = [
        Figure(f"occupancy of {SLOTS} slots at {OPEN} open cases", round(busy, 3), "", AIM, False,
               note=f"{CALL_S:g} s a call, two calls a case"),
    ]  # fmt: skip
    detail = {"calls_per_s": round((after["calls"] - before["calls"]) / seconds, 2), "faults": faults}
    return {"figures": [figure.as_dict() for figure in figures], "detail": detail}
