"""The power fails while a gateway accepts: what it answered 2xx must be on the disk. The one fault no kill can show."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx

from infra import stack
from infra.ports import Ports
from service.process import settings
from service.process.secrets import load_secrets
from tests import powercut
from tests.measure.prove import rules
from tests.measure.prove.finding import Finding
from tests.measure.prove.network import Delivery, named
from tests.ward import observation

SENDERS, SENDING_S = 8, 2.5


def fails(folder: Path, sabotage: str = "") -> tuple[int, list[Finding]]:
    """Return how many events were acknowledged, and which of them the ledger lacks once the power is back."""
    with powercut.disk(folder, megabytes=768) as disk, Ports() as reserved:
        gateway = _gateway(folder / "state", reserved, sabotage)
        url = f"http://127.0.0.1:{json.loads((folder / 'state' / 'ports.json').read_text())['gateway']}/feeds/ehr"
        secret = load_secrets(folder / "state").feed_secret.get_secret_value()
        gateway.start(folder / "state" / "logs")
        assert gateway.process
        try:
            end = time.monotonic() + stack.READY_S
            while not gateway.ready():
                assert gateway.process.poll() is None and time.monotonic() < end
                time.sleep(0.1)
            sent = _sent_until(url, secret, disk.cut)
        finally:
            gateway.process.kill()
            gateway.process.wait()
        disk.unmount()
        disk.mount()
        inbox = list(_kept(folder / "state" / settings.LEDGER_FILE))
    return sum(d.accepted for d in sent), list(rules.unkept(sent, inbox))


def _gateway(state: Path, reserved: Ports, sabotage: str) -> stack.Part:
    state.mkdir()
    (gateway,) = [part for part in stack.prepare(state, reserved) if part.name == "gateway"]
    if sabotage:
        at = gateway.argv.index("service.commands.cli")
        gateway.argv[at : at + 1] = ["tests.measure.prove.sabotage", sabotage]
    return gateway


def _sent_until(url: str, secret: str, cut: Callable[[], None]) -> list[Delivery]:
    """Send from several hands at once; in the midst of it the power fails."""
    sent: list[Delivery] = []
    over = threading.Event()

    def send(hand: int) -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {secret}"}, timeout=2) as http:
            number = 0
            while not over.is_set():
                number += 1
                body = observation(f"power-{hand}-{number}", "hr", 80) | {"meta": {"versionId": "1"}}
                raw = json.dumps(body).encode()
                try:
                    status = http.put(url, content=raw).status_code
                except httpx.HTTPError:
                    status = None
                sent.append(Delivery(*named(raw), time.time(), status))

    with ThreadPoolExecutor(SENDERS) as hands:
        sending = [hands.submit(send, hand) for hand in range(SENDERS)]
        time.sleep(SENDING_S)
        cut()
        over.set()
        for work in sending:
            work.result()
    return sent


def _kept(ledger: Path) -> Iterator[rules.Row]:
    with closing(sqlite3.connect(ledger)) as db:
        db.row_factory = sqlite3.Row
        try:
            yield from map(dict, db.execute("SELECT * FROM inbox").fetchall())
        except sqlite3.DatabaseError:
            return  # not even the tables are there
