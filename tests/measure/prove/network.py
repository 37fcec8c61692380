"""The network between Wardflow and its hospital: loses, repeats, delays and cuts, and writes down what it did."""

import heapq
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

AT_WRITES = {"conflict": 1, "fail": 2, "busy": 1, "reset": 2, "hang": 1, "phantom": 2}
AT_WRITES |= {"drop": 4, "lose": 2, "slow": 1, "late": 1}
"""Weights. Not passed on: `conflict` 409, `fail` 500, `busy` 429, `reset`, `hang`, `phantom` 200. Passed on: `drop`
cuts the connection, `lose` answers 500, `slow` outlasts the client; `late` is passed on after that."""
AT_READS = {"fail": 1, "reset": 1}
STATUS = {"conflict": 409, "fail": 500, "busy": 429}
CLIENT_GIVES_UP_S = 5.5  # our FHIR client does after 5 s
DELIVERIES = {"pass": 55, "twice": 15, "late": 15, "drop": 10, "again": 5}
"""Weights of what becomes of a notification; `again` repeats it long after."""
TRIES = 20


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # cut connections are what it is for


class Network:
    """One listening proxy; `relay` answers each request."""

    def __init__(self, relay: "Callable[[Relayed], None]") -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                relay(Relayed(self))

            do_POST = do_PUT = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._http = Server(("127.0.0.1", 0), Handler)
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


class Relayed:
    """A request on its way."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._handler = handler
        self.method, self.path = handler.command, handler.path
        self.body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        dropped = ("host", "connection", "content-length", "accept-encoding")
        self.headers = {k: v for k, v in handler.headers.items() if k.lower() not in dropped}

    def forward(self, port: int, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the real server's answer. Raises OSError or HTTPException."""
        return forward(port, self.method, self.path, body, self.headers)

    def answer(self, status: int, content: bytes = b"{}", **headers: str) -> None:
        self._handler.send_response(status)
        for name, value in {"content-type": "application/fhir+json", **headers}.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.send_header("content-length", str(len(content)))
        self._handler.end_headers()
        self._handler.wfile.write(content)

    def cut(self) -> None:
        self._handler.close_connection = True
        self._handler.connection.shutdown(socket.SHUT_RDWR)


def forward(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    server = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        server.request(method, path, body, headers)
        answer = server.getresponse()
        return answer.status, answer.read()
    finally:
        server.close()


class ChartSide:
    """Between Wardflow and the chart. It also turns our Subscriptions towards the feed's side, so that the chart's
    own notifications take the faulty way; neither end can tell."""

    def __init__(self, seed: int, chart_port: int, gateway_port: int, feed_port: int, share: float) -> None:
        self._rng, self._chart, self.share = random.Random(f"{seed}:chart"), chart_port, share
        self._ours, self._theirs = (f"http://127.0.0.1:{port}/feeds".encode() for port in (gateway_port, feed_port))
        self.taken: Counter[str] = Counter()
        self.asked = 0
        """Reads and transactions while it was faulty."""
        self.faulty = threading.Event()
        self._lock = threading.Lock()
        self._network = Network(self._relay)
        self.url, self.close = f"http://127.0.0.1:{self._network.port}/fhir", self._network.close

    def _relay(self, request: Relayed) -> None:
        fault = self._fault(request)
        if fault == "reset":
            return request.cut()
        if fault in ("hang", "late"):
            time.sleep(CLIENT_GIVES_UP_S)
        if fault == "hang":
            return request.cut()
        if fault in STATUS:
            return request.answer(STATUS[fault], retry_after="1")
        if fault == "phantom":
            return request.answer(200, b'{"resourceType":"Bundle","type":"transaction-response","entry":[]}')
        try:
            status, content = request.forward(self._chart, request.body.replace(self._ours, self._theirs))
        except (OSError, HTTPException):
            return request.cut()  # killed
        if fault == "slow":
            time.sleep(CLIENT_GIVES_UP_S)
        if fault in ("drop", "slow", "late"):
            return request.cut()
        if fault == "lose":
            return request.answer(500)
        return request.answer(status, content.replace(self._theirs, self._ours))

    def _fault(self, request: Relayed) -> str | None:
        write = request.method == "POST"
        if not self.faulty.is_set() or request.method == "PUT":
            return None
        with self._lock:
            self.asked += 1
            if self._rng.random() > (self.share if write else self.share / 12):
                return None
            weights = AT_WRITES if write else AT_READS
            (fault,) = self._rng.choices(list(weights), list(weights.values()))
            # A create that was held up for long has no version to be refused by: docs/reliability.md names it.
            if fault == "late" and b'"ifMatch"' not in request.body:
                fault = "hang"
            self.taken[f"{'write' if write else 'read'}: {fault}"] += 1
            return fault


@dataclass(frozen=True)
class Delivery:
    """One attempt to tell the gateway of one version, and what it answered; None where it did not."""

    resource_type: str
    resource_id: str
    version_id: str
    encounter: str
    value: str
    """What it says, as JSON: another version may say the same."""
    answered_at: float
    status: int | None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.resource_type, self.resource_id, self.version_id

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class FeedSide:
    """Between the chart's notifications and the gateway: the sender's record of what was acknowledged."""

    def __init__(self, seed: int, gateway_port: int) -> None:
        self._seed, self._gateway = seed, gateway_port
        self.sent: list[Delivery] = []
        self.taken: Counter[str] = Counter()
        self.faulty = threading.Event()
        self._order = count()
        self._later: list[tuple[float, int, int, Relayed]] = []
        self._ready = threading.Condition()
        self._open = True
        self._network = Network(self._relay)
        self.port = self._network.port
        self._courier = threading.Thread(target=self._carry, daemon=True)
        self._courier.start()

    def close(self) -> None:
        self._network.close()
        with self._ready:
            self._open = False
            self._ready.notify()
        self._courier.join()

    def waiting(self) -> int:
        """Return how many notifications are still on their way."""
        with self._ready:
            return len(self._later)

    def _relay(self, request: Relayed) -> None:
        type_, id_, version, *_ = named(request.body)
        rng = random.Random(f"{self._seed}:feed:{type_}/{id_}/{version}")  # the same for each try of the sender
        (what,) = rng.choices(list(DELIVERIES), list(DELIVERIES.values())) if self.faulty.is_set() else ("pass",)
        self.taken[what] += 1
        if what == "drop":
            return request.answer(200)
        if what == "late":
            self._postpone(request, rng.uniform(0.2, 3))
            return request.answer(200)
        if what in ("twice", "again"):
            self._postpone(request, rng.uniform(0.05, 1) if what == "twice" else rng.uniform(5, 12))
        status = self._tell(request)
        return request.answer(status or 503)

    def _tell(self, request: Relayed) -> int | None:
        try:
            status = request.forward(self._gateway, request.body)[0]
        except (OSError, HTTPException):
            status = None
        self.sent.append(Delivery(*named(request.body), time.time(), status))
        return status

    def _postpone(self, request: Relayed, seconds: float, tries: int = TRIES) -> None:
        with self._ready:
            heapq.heappush(self._later, (time.monotonic() + seconds, next(self._order), tries, request))
            self._ready.notify()

    def _carry(self) -> None:
        while True:
            with self._ready:
                if not self._open:
                    return
                wait_s = self._later[0][0] - time.monotonic() if self._later else None
                if wait_s is None or wait_s > 0:
                    self._ready.wait(wait_s)
                    continue
                _, _, tries, request = heapq.heappop(self._later)
            status = self._tell(request)
            if tries and (status is None or status >= 500):
                self._postpone(request, 0.5, tries - 1)


def named(body: bytes) -> tuple[str, str, str, str, str]:
    """Return type, id, version, encounter and value of a notified resource."""
    resource = json.loads(body)
    stay = resource.get("encounter", {}).get("reference", "").removeprefix("Encounter/")
    encounter = resource["id"] if resource["resourceType"] == "Encounter" else stay
    return resource["resourceType"], resource["id"], resource["meta"]["versionId"], encounter, value_of(resource)


def value_of(resource: dict[str, Any]) -> str:
    """Return what an Observation says, as JSON."""
    return json.dumps({k: v for k, v in resource.items() if k.startswith("value")}, sort_keys=True)
