"""A ward under measurement: charts already in the FHIR server, a model stub, and what each process has used."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from infra import stack
from integrations.ledger import tables
from integrations.ledger.lock_times import HISTOGRAM, LONGEST
from tests.fakes.model_server import model_config
from tests.measure.benchmarks import hospital
from tests.measure.benchmarks.measure import Figure
from tests.measure.benchmarks.wire import Wire
from tests.ward import ROOT, Ward

OURS = ("gateway", "dispatcher", "worklist", "worker")
LOCK_MS = 10.0
PARTS = (*OURS, "temporal", "fhir", "valkey")


class ModelStub:
    """The process of `model_stub`; `url` ends as a chat endpoint's does."""

    def __init__(self, seconds: float, slots: int) -> None:
        argv = [sys.executable, "-m", "tests.measure.benchmarks.model_stub", str(seconds), str(slots)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=ROOT, preexec_fn=stack.end_with_parent)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    async def told(self) -> dict[str, Any]:
        wire = await Wire.to(self.port)
        answer = json.loads(await wire.ask("GET", "/"))
        wire.close()
        return answer


class Site(Ward):
    """A ward with its charts, its stub and its measures."""

    stub: ModelStub

    @property
    def secret(self) -> str:
        return self.secrets.feed_secret.get_secret_value()

    def case_id(self, number: int) -> str:
        return self.world.records.blobs.keyring.name("case", "ed_triage", hospital.encounter_id(number), "1")

    def kept(self) -> int:
        """Return how many cases are over to the last step."""
        with self.world.records.db.read() as tx:
            return tx.scalar(sa.select(sa.func.count()).select_from(tables.trajectories)) or 0

    def lock_times(self) -> dict[str, dict[str, float]]:
        """Return for each process how long its write transactions held the ledger's lock, with their commits."""
        return {part: self._lock_times(part) for part in OURS}

    def _lock_times(self, part: str) -> dict[str, float]:
        figures = self.figures(part)  # the worker's have a label more

        def of(name: str, *labels: str) -> float:
            return next(value for key, value in figures.items() if key[0] == name and {*labels} <= {*key[1:]})

        written = of(f"{HISTOGRAM}_count")
        return {
            "longest_ms": round(1000 * of(LONGEST), 1),
            "written": written,
            "beyond": written - of(f"{HISTOGRAM}_bucket", "0.01"),
        }

    def processes(self) -> dict[str, psutil.Process]:
        return {part: psutil.Process(self.pid(part)) for part in PARTS}

    def cpu_s(self) -> dict[str, float]:
        """Return the CPU seconds that each part has used; a part that was started again begins anew."""
        return {part: sum(process.cpu_times()[:2]) for part, process in self.processes().items()}


def lock_figures(times: dict[str, dict[str, float]], name: str) -> list[Figure]:
    """Return the longest write transaction of each process, cold starts among them, and how many were too long."""
    return [
        Figure(
            f"longest write transaction, {part}, {name}", one["longest_ms"], "ms", LOCK_MS,
            note=f"{one['beyond']:g} of {one['written']:g} longer than {LOCK_MS:g} ms",
        )
        for part, one in times.items()
    ]  # fmt: skip


@contextmanager
def opened(
    charts: int,
    *,
    model_s: float = 0.05,
    slots: int = 64,
    fast: bool = False,
    timing: str = "",
    deadline_s: int = 3600,
    root: Path | None = None,
) -> Iterator[Site]:
    """Start a fresh one and remove it afterwards."""
    state = Path(tempfile.mkdtemp(prefix="wardflow-bench-"))
    stub = ModelStub(model_s, slots)
    extra = model_config(stub, timeout_s=30) + (f"\n[timing]\n{timing}\n" if timing else "")
    config = {"deadline_s = 300": f"deadline_s = {deadline_s}"}
    site = Site(state, config, extra, root or ROOT, ("tests.measure.benchmarks.fast",) if fast else ("infra.stack",))
    site.stub = stub
    hospital.preload(state, charts)
    try:
        site.start()
        yield site
    finally:
        if hasattr(site, "world"):
            site.stop()
        elif site.stack:  # it never came up, and says why
            site.stack.terminate()
            site.stack.wait(30)
        stub.close()
        shutil.rmtree(state, ignore_errors=True)


async def until(ready: Any, seconds: float, what: str) -> None:
    """Wait until `ready()` is true, looking ten times a second. Raises TimeoutError that says what was missing."""
    end = asyncio.get_running_loop().time() + seconds
    while not await asyncio.to_thread(ready):
        if asyncio.get_running_loop().time() > end:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.1)
