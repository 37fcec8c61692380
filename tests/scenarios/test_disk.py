"""A disk that is full, and a disk whose power is cut: nothing that was acknowledged is missing afterwards."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from infra import stack
from integrations.blobs.store import BlobStore
from integrations.ledger import inbox, tables
from integrations.ledger.database import Database
from tests import powercut
from tests.fakes.samples import KEYRING, event
from tests.ports import any_port
from tests.ward import ROOT, Ward

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(powercut.unavailable() is not None, reason=f"no disk to cut: {powercut.unavailable()}"),
]
LARGE = "x" * (inbox.BODY_BYTES + 1)


class Sender:
    """A feed that sends new Observations as fast as they are answered, and keeps what was acknowledged."""

    def __init__(self, ward: Ward, name: str) -> None:
        self.name, self.acknowledged = name, dict[str, bytes]()
        self._ward, self._number, self._stopping = ward, 0, False
        self._thread = threading.Thread(target=self._run)

    def send(self) -> int:
        """Send one, every fourth large enough for a blob; return the status."""
        self._number += 1
        id_ = f"{self.name}-{self._number}"
        padding = LARGE if self._number % 4 == 0 else ""
        body = {"resourceType": "Observation", "id": id_, "meta": {"versionId": "1"}, "note": [{"text": padding}]}
        raw = json.dumps(body).encode()
        status = self._ward.notify(raw).status_code
        if status == 200:
            self.acknowledged[id_] = raw
        return status

    def _run(self) -> None:
        with suppress(httpx.TransportError):
            while not self._stopping:
                self.send()

    def __enter__(self) -> "Sender":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join()

    def lost(self) -> list[str]:
        """Return what was acknowledged and is not in the ledger as it was sent."""
        kept: dict[str, int] = {}
        with self._ward.world.records.db.read() as tx:
            for row in tx.execute(tables.inbox.select()):
                kept[row.resource_id] = row.event_id
            bodies = {
                id_: inbox.body(tx, self._ward.world.records.blobs, kept[id_])
                for id_ in self.acknowledged
                if id_ in kept
            }
        return [id_ for id_, raw in self.acknowledged.items() if bodies.get(id_) != raw]


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ward, powercut.Disk]]:
    """A ward whose state is a disk of its own, but for the chart, which is another machine's."""
    folder = tmp_path_factory.mktemp("disk")
    with powercut.disk(folder / "state", megabytes=768) as disk:
        (folder / "chart").mkdir()
        (disk.folder / "fhir").symlink_to(folder / "chart")
        ward = Ward(disk.folder).start()
        yield ward, disk
        ward.stop()


def test_a_full_disk_refuses_says_so_and_goes_on_when_there_is_space(on_disk: tuple[Ward, powercut.Disk]) -> None:
    ward, disk = on_disk
    row = ward.suggested(ward.admit("disk-open", hr=90))
    sender = Sender(ward, "full")
    filler = disk.folder / "filler"
    fill(filler)
    statuses = ward.until(lambda: (status := sender.send()) == 503 and [status])
    assert statuses == [503]
    page = ward.until(lambda: (answer := ward.page().get("/")).status_code == 503 and answer)
    assert "cannot keep its records" in page.text and "Nothing was written" in page.text
    refused = ward.decide(row)
    assert refused.status_code == 503 and "Nothing was written" in refused.json()["error"]
    ward.admit("disk-meanwhile", hr=120)
    assert {sender.send() for _ in range(8)} <= {200, 503}
    assert ward.case("disk-meanwhile") is None

    filler.unlink()
    ward.until(lambda: sender.send() == 200)
    ward.suggested("disk-meanwhile", seconds=60)
    # until the feed is read again the page says "2 of those that are seen waiting"
    ward.until(lambda: "2 waiting" in ward.page().get("/").text)
    for encounter in ("disk-open", "disk-meanwhile"):
        assert ward.decide(ward.suggested(encounter)).status_code == 200
        assert ward.ended(encounter).state == "written"
    ward.settled()
    assert sender.lost() == []
    assert not [path for path in (disk.folder / "blobs").rglob("*.*") if path.is_file()], "no halves of blobs"
    assert ward.audit().findings == ()


def test_after_a_power_cut_everything_acknowledged_is_there(on_disk: tuple[Ward, powercut.Disk]) -> None:
    ward, disk = on_disk
    decided = [ward.admit(f"cut-decided-{n}", hr=70 + n) for n in range(2)]
    still_open = [ward.admit(f"cut-open-{n}", hr=80 + n) for n in range(2)]
    for encounter in decided:
        assert ward.decide(ward.suggested(encounter)).status_code == 200
    rows = [ward.suggested(encounter) for encounter in still_open]
    with Sender(ward, "cut") as sender:
        ward.until(lambda: len(sender.acknowledged) > 40)
        assert ward.decide(rows[0]).status_code == 200  # its write to the chart is cut off, or just done
        pids = json.loads((ward.state / "pids.json").read_text())
        disk.cut()
        end_at_once(ward, pids)
    disk.unmount()
    disk.mount()
    ward.start()
    assert sender.lost() == []
    for encounter in (*decided, still_open[0]):
        assert ward.ended(encounter, 60).state == "written"
    for encounter in still_open[1:]:
        assert ward.decide(ward.suggested(encounter, seconds=60)).status_code == 200
        assert ward.ended(encounter, 60).state == "written"
    ward.settled()
    assert ward.audit().findings == (), "Temporal too knows every case"
    print(f"{len(sender.acknowledged)} events acknowledged before the cut, 0 lost")


# The checks have teeth: with the faster setting of the same stores, the same cut loses what was acknowledged.


@pytest.mark.parametrize(("setting", "loses"), [("FULL", False), ("NORMAL", True)])
def test_only_the_durable_setting_of_the_ledger_survives_a_cut(tmp_path: Path, setting: str, loses: bool) -> None:
    with powercut.disk(tmp_path / "disk", megabytes=64) as disk:
        ledger_url = f"sqlite:///{disk.folder}/ledger.db"
        made = Database(ledger_url)
        made.create()
        made.close()
        argv = [sys.executable, "-m", "tests.scenarios.test_disk", ledger_url, setting]
        writer = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert writer.stdout
        acknowledged = [writer.stdout.readline().strip() for _ in range(60)]
        disk.cut()
        writer.kill()
        writer.communicate()
        disk.unmount()
        disk.mount()
        left = Database(ledger_url)
        with left.read() as tx:
            kept = {row.resource_id for row in tx.execute(tables.inbox.select())}
        left.close()
    lost = set(acknowledged) - kept
    print(f"synchronous={setting}: {len(lost)} of {len(acknowledged)} acknowledged events lost")
    assert bool(lost) is loses


@pytest.mark.parametrize(("setting", "loses"), [("FULL", False), ("NORMAL", True)])
def test_only_the_durable_setting_of_temporal_survives_a_cut(tmp_path: Path, setting: str, loses: bool) -> None:
    (tmp_path / "logs").mkdir()
    port = any_port()
    logs = tmp_path / "logs"
    with powercut.disk(tmp_path / "disk", megabytes=64) as disk:
        part = stack.temporal(disk.folder, port)
        asyncio.run(started(part, port, logs, 0))
        part.stop()  # its tables are on the disk
        part.argv = [word.replace("synchronous=FULL", f"synchronous={setting}") for word in part.argv]
        part.argv += ["--sqlite-pragma", "wal_autocheckpoint=0"]  # one at the right moment would hide the loss
        acknowledged = asyncio.run(started(part, port, logs, 40))
        disk.cut()
        assert part.process
        part.process.kill()
        part.process.wait()
        disk.unmount()
        disk.mount()
        try:
            lost = asyncio.run(unknown(part, port, logs, acknowledged))
        finally:
            part.stop()
    print(f"synchronous={setting}: {len(lost)} of {len(acknowledged)} acknowledged starts lost")
    assert bool(lost) is loses


async def connected(part: stack.Part, port: int, logs: Path) -> Client:
    part.start(logs)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with suppress(RuntimeError):
            return await Client.connect(f"127.0.0.1:{port}")
        await asyncio.sleep(0.1)
    raise AssertionError("Temporal did not start")


async def started(part: stack.Part, port: int, logs: Path, count: int) -> list[str]:
    client = await connected(part, port, logs)
    ids = [f"w-{n}" for n in range(count)]
    for id_ in ids:
        await client.start_workflow("nobody", id=id_, task_queue="nobody", rpc_timeout=timedelta(seconds=10))
    return ids


async def unknown(part: stack.Part, port: int, logs: Path, ids: list[str]) -> list[str]:
    client = await connected(part, port, logs)
    lost: list[str] = []
    for id_ in ids:
        try:
            await client.get_workflow_handle(id_).describe()
        except RPCError as fault:
            if fault.status != RPCStatusCode.NOT_FOUND:
                raise
            lost.append(id_)
    return lost


def fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096, 512):
            with suppress(OSError):
                while True:
                    file.write(b"0" * size)
        with suppress(OSError):
            os.fsync(file.fileno())


def end_at_once(ward: Ward, pids: dict[str, int]) -> None:
    """Kill all processes of the stack, as the cut does."""
    assert ward.stack
    ward.stack.kill()
    ward.stack.wait()
    for pid in pids.values():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    ward.world.close()
    for page in ward.pages.values():
        page.close()
    ward.pages.clear()


def write_events(ledger_url: str, setting: str) -> None:
    """Accept events one by one, and print the id of each when it is acknowledged."""
    db = Database(ledger_url)

    @sa.event.listens_for(db._writing, "connect")
    def _set(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA synchronous={setting}")
        connection.execute("PRAGMA wal_autocheckpoint=0")  # a checkpoint would make durable what the setting does not

    blobs = BlobStore.at("nowhere", KEYRING)
    for number in itertools.count():
        inbox.accept(db, blobs, [event(f"obs-{number}")])
        print(f"obs-{number}", flush=True)


if __name__ == "__main__":
    write_events(*sys.argv[1:])
