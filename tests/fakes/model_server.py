"""An OpenAI-compatible chat endpoint with vLLM's extras, over real HTTP; passes tests/integration/test_model.py."""

import json
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import log
from typing import Any, Protocol

NAME = "fake-model-1"


class Answers:
    """`mode` is `good`, `nonsense`, `truncated`, `failing`, `busy` (says when to come again) or `stalled`.

    `stall` holds one step back.
    """

    def __init__(self, name: str = NAME) -> None:
        self.name = name
        self.mode = "good"
        self.level = "3"
        self.program = "x = 1"
        self.asked: Counter[str] = Counter()
        self.prompts: list[str] = []
        self.stall: str | None = None
        self.retry_after_s = 2
        self.released = threading.Event()

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        step = "judge" if "structured_outputs" in body else "explain" if "response_format" in body else "program"
        self.asked[step] += 1
        self.prompts.append(body["messages"][-1]["content"])
        if self.stall == step or self.mode == "stalled":
            self.released.wait(60)
        if self.mode in ("failing", "busy"):
            return (500, {"error": "down"}) if self.mode == "failing" else (503, {"error": "busy"})
        if step == "judge":
            choices = body["structured_outputs"]["choice"]
            text = "banana" if self.mode == "nonsense" else self.level
            return 200, self._completion(body, [text, "<end>"], text, choices)
        if step == "program":
            return 200, self._completion(body, [self.program, "<end>"], self.program, [])
        text = (
            '{"reasons": [{"text": "Complaint as told", "cites": ["complaint"]}, {"text": "HR 999", "cites": ["hr"]}]}'
        )
        if self.mode == "truncated":
            return 200, self._completion(body, [text[:20]], text[:20], [], "length")
        return 200, self._completion(body, [text[:30], text[30:], "<end>"], text, [])

    def _completion(
        self, body: dict[str, Any], tokens: list[str], content: str, choices: list[str], finish: str = "stop"
    ) -> dict[str, Any]:
        def top(token: str) -> list[dict[str, Any]]:
            rest = [c for c in choices if c != token]
            others = [{"token": c, "logprob": log(0.4 / len(rest))} for c in rest]
            return [{"token": token, "logprob": log(0.6)}, *others] if choices and token != "<end>" else []

        return {
            "id": f"fake-{time.time_ns()}",
            "model": self.name,
            "choices": [
                {
                    "message": {"role": "assistant", "content": content},
                    "finish_reason": finish,
                    "logprobs": {
                        "content": [{"token": t, "logprob": log(0.6), "top_logprobs": top(t)} for t in tokens]
                    },
                    "token_ids": [100 + n for n in range(len(tokens))],
                }
            ],
            "prompt_token_ids": list(range(len(json.dumps(body["messages"])) // 4)),
            "usage": {"completion_tokens": len(tokens)},
        }


class ModelServer(Answers):
    """Serves them, a thread for each request."""

    def __init__(self, port: int = 0, name: str = NAME) -> None:
        super().__init__(name)
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, answer = server.answer(body)
                raw = json.dumps(answer).encode()
                try:
                    self.send_response(status)
                    if status == 503:
                        self.send_header("retry-after", str(server.retry_after_s))
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(raw)))
                    self.end_headers()
                    self.wfile.write(raw)
                except OSError:
                    return  # the client was killed

            def do_GET(self) -> None:
                raw = json.dumps({"data": [{"id": "fake"}]}).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_args: Any) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()


if __name__ == "__main__":
    ModelServer(int(sys.argv[1]), sys.argv[2]).released.wait()


class HasUrl(Protocol):
    url: str


def model_config(server: HasUrl, timeout_s: float = 5, role: str = "reasoning") -> str:
    """Return the configuration by which a ward asks this server in that role."""
    return f"""
[models.{role}]
url = "{server.url}"
model = "fake"
phi = "allowed"
dialect = "vllm"
timeout_s = {timeout_s}
measured_on = ["ed_triage", "result_followup"]
"""
