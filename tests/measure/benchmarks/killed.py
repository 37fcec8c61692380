"""The worker is killed with -9 while 50 cases wait, and 50 people decide at once."""

import asyncio
import time
from typing import Any

from tests.measure.benchmarks.measure import Figure, say
from tests.measure.benchmarks.people import Feed, People
from tests.measure.benchmarks.site import Site, opened, until

SECONDS = 30.0
WAITING, AIM_S = 50, 5.0


async def run(seconds: float) -> dict[str, Any]:
    """Measure from the new worker's first word until every decision is acknowledged and written."""
    with opened(WAITING) as site:
        feed = Feed(site)
        async with People(site) as people:

            async def shown(number: int) -> dict[str, str]:
                await feed.tell(number)
                return await people.shown(site.case_id(number), people.page)

            forms = await asyncio.gather(*map(shown, range(WAITING)))
            started = _started(site)
            site.kill("worker")
            killed = time.time()
            deciding = [
                asyncio.create_task(people.approve(site.case_id(number), fields)) for number, fields in enumerate(forms)
            ]
            await until(lambda: _started(site) > started, 60, "the worker's return")
            back = time.time()
            decided = max(await asyncio.gather(*deciding))
            await until(lambda: site.kept() == WAITING, 60, "every case to its last step")
            written = time.time()
        asked = (await site.stub.told())["asked"]
        findings = (await asyncio.to_thread(site.audit)).findings
    repeated = sum(asked.values()) - 2 * WAITING + len(findings)
    say(f"killed: back after {back - killed:.1f} s, decided {decided - back:.1f} s later")
    figures = [
        Figure("from the worker's return until all 50 are decided", round(max(0.0, decided - back), 2), "s", AIM_S),
        Figure("model calls and writes repeated", repeated, "", 0, note="by the model's count and the audit"),
        Figure(
            "from the kill until the worker is back", round(back - killed, 2), "s", note="1 s of it is the launcher's"
        ),
        Figure("from its return until all are in the chart", round(written - back, 2), "s"),
    ]
    return {"figures": [f.as_dict() for f in figures], "detail": {"asked": asked, "findings": list(findings)}}


def _started(site: Site) -> int:
    return (site.state / "logs" / "worker.log").read_text().count("worker_ready")
