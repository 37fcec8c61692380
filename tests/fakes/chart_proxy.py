"""Stands between Wardflow and the real FHIR server, and does to the next transactions what bad networks do."""

import http.client
import json
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ChartProxy:
    """`faults` are taken in turn by transactions that write one of our Tasks; `port` tells where the server is.

    `conflict`, `refuse`, `fail`: answered without being passed on; `phantom`: answered 200, not passed on;
    `drop`: passed on, and the connection cut before the answer.
    """

    def __init__(self, port: Callable[[], int]) -> None:
        self.faults: deque[str] = deque()
        self.taken: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def relay(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                fault = proxy.fault_for(self.command, body)
                refused = {"conflict": 409, "refuse": 403, "fail": 500}.get(fault or "")
                if refused:
                    return self.reply(refused, b"{}")
                if fault == "phantom":
                    return self.reply(200, b'{"resourceType":"Bundle","type":"transaction-response","entry":[]}')
                server = http.client.HTTPConnection("127.0.0.1", port(), timeout=30)
                kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                server.request(self.command, self.path, body, kept)
                answer = server.getresponse()
                content = answer.read()
                server.close()
                if fault == "drop":
                    self.close_connection = True
                    self.connection.close()
                    return None
                return self.reply(answer.status, content)

            def reply(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/fhir+json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = relay

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

    def fault_for(self, method: str, body: bytes) -> str | None:
        if method != "POST" or not self.faults:
            return None
        entries = json.loads(body).get("entry", [])
        if not any(e["resource"]["resourceType"] == "Task" for e in entries):
            return None
        self.taken.append(self.faults.popleft())
        return self.taken[-1]
