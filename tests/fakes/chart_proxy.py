"""Stands between Wardflow and the real FHIR server, and does to the next transactions what bad networks do."""

import http.client
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

THROTTLE_S = 3
HANG_S = 7.0  # longer than our client waits


class ChartProxy:
    """`faults` are taken in turn by transactions that write one of our Tasks; `port` tells where the server is.

    `conflict`, `precondition`, `refuse`, `fail`: answered without being passed on; `phantom`: answered 201, not passed
    on; `drop`: passed on, and the connection cut before the answer; `hang`: passed on, answered when nobody waits any
    more; `throttle`, `throttle-date`: 429 with a Retry-After of `THROTTLE_S` as seconds or as a date.

    `refused` are types whose every GET is answered with that status and those words; while `unauthorized`, all but the
    metadata is answered 401.
    """

    def __init__(self, port: Callable[[], int]) -> None:
        self.faults: deque[str] = deque()
        self.refused: dict[str, tuple[int, str]] = {}
        self.unauthorized = False
        self.taken: list[str] = []
        self.not_before: dict[str, float] = {}
        """Until when a Task's sender was asked to wait."""
        self.too_early: list[str] = []
        """The Tasks that came again before."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def relay(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                refusal = proxy.refusal_of(self.command, self.path)
                if refusal:
                    issue = {"severity": "error", "code": "security", "diagnostics": refusal[1]}
                    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
                    return self.reply(refusal[0], json.dumps(outcome).encode())
                task = proxy.task_of(self.command, body)
                fault = proxy.fault_for(task)
                refused = {"conflict": 409, "precondition": 412, "refuse": 403, "fail": 500}.get(fault or "")
                if refused:
                    return self.reply(refused, b"{}")
                if fault in ("throttle", "throttle-date"):
                    now = time.time()
                    until = int(now) + THROTTLE_S if fault == "throttle-date" else now + THROTTLE_S
                    proxy.not_before[task or ""] = until
                    as_date = self.date_time_string(int(until))
                    return self.reply(429, b"{}", as_date if fault == "throttle-date" else str(THROTTLE_S))
                if fault == "phantom":
                    return self.reply(201, b'{"resourceType":"Bundle","type":"transaction-response","entry":[]}')
                server = http.client.HTTPConnection("127.0.0.1", port(), timeout=30)
                kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                server.request(self.command, self.path, body, kept)
                answer = server.getresponse()
                content = answer.read()
                server.close()
                if fault == "hang":
                    time.sleep(HANG_S)
                if fault in ("drop", "hang"):
                    self.close_connection = True
                    self.connection.close()
                    return None
                return self.reply(answer.status, content)

            def reply(self, status: int, content: bytes, retry_after: str = "") -> None:
                self.send_response(status)
                if retry_after:
                    self.send_header("retry-after", retry_after)
                self.send_header("content-type", "application/fhir+json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = relay

            def log_message(self, *_args: Any) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_args: Any) -> None:
                return  # cut connections are what it is for

        self._http = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/fhir"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def refusal_of(self, method: str, path: str) -> tuple[int, str] | None:
        type_ = path.removeprefix("/fhir").strip("/").partition("?")[0].partition("/")[0]
        if self.unauthorized and type_ != "metadata":
            return 401, "Unauthorized"
        return self.refused.get(type_) if method == "GET" else None

    def task_of(self, method: str, body: bytes) -> str | None:
        if method != "POST":
            return None
        resources = [entry["resource"] for entry in json.loads(body).get("entry", [])]
        return next((r["id"] for r in resources if r["resourceType"] == "Task"), None)

    def fault_for(self, task: str | None) -> str | None:
        if task is None:
            return None
        if time.time() < self.not_before.get(task, 0.0):
            self.too_early.append(task)
        if not self.faults:
            return None
        self.taken.append(self.faults.popleft())
        return self.taken[-1]
