"""An OpenTelemetry collector: takes OTLP over HTTP, and keeps what it was told."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class TraceCollector:
    def __init__(self) -> None:
        self.received: list[bytes] = []
        """Bodies as they came, unzipped."""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                zipped = self.headers.get("content-encoding") == "gzip"
                collector.received.append(gzip.decompress(body) if zipped else body)
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def trace(self, trace_id: str) -> dict[bytes, tuple[str, Span]]:
        """Return each span of a trace by its id, with the process that told it."""
        found: dict[bytes, tuple[str, Span]] = {}
        for body in list(self.received):
            for told in ExportTraceServiceRequest.FromString(body).resource_spans:
                process = next(a.value.string_value for a in told.resource.attributes if a.key == "service.name")
                spans = (span for scope in told.scope_spans for span in scope.spans)
                found |= {span.span_id: (process, span) for span in spans if span.trace_id.hex() == trace_id}
        return found
