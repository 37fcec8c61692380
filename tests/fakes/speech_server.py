"""Speech endpoints in OpenAI's multipart shape and in Azure's, over real HTTP, that refuse whatever else is sent.

The shapes are those of OpenAI's API reference (`audio/transcriptions`), and of Azure's pages on LLM Speech (REST) and
MAI-Transcribe, api-version 2025-10-15.
"""

import json
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "sp33ch"
MODEL = "speech-1"
WORDS = (("Metoprolol", 0.2, 0.9), ("forty", 1.0, 1.3), ("milligrams.", 1.3, 2.0))
TEXT, DURATION_S = "Metoprolol forty milligrams.", 2.5


@dataclass(frozen=True)
class FormPart:
    name: str
    filename: str | None
    media_type: str
    content: bytes


class SpeechServer:
    """`dialect` is `openai_audio`, `faster_whisper` or `azure_speech`; `mode` is `good`, or what goes wrong."""

    def __init__(self, dialect: str) -> None:
        self.dialect, self.mode, self.refused = dialect, "good", ""
        self.audio: list[bytes] = []
        self.names: list[str] = []
        self.released = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if server.mode == "slow":
                    server.released.wait(30)
                try:
                    form = parts_of(self.headers["content-type"], body)
                    check = server._check_azure if dialect == "azure_speech" else server._check_openai
                    check(self.path, {k.lower(): v for k, v in self.headers.items()}, form)
                except AssertionError as wrong:
                    server.refused = str(wrong)
                    self._answer(400, {"error": {"message": str(wrong)}})
                    return
                self._answer(*server._told())

            def do_GET(self) -> None:
                path, headers = urlsplit(self.path), self.headers
                if dialect == "azure_speech":
                    asked = {"api-version": ["2025-10-15"], "top": ["1"]}
                    right = path.path == "/speechtotext/models/base" and parse_qs(path.query) == asked
                    self._answer(200 if right and headers["ocp-apim-subscription-key"] == KEY else 401, {"values": []})
                else:
                    right = path.path == "/v1/models" and headers["authorization"] == f"Bearer {KEY}"
                    self._answer(200 if right else 401, {"data": [{"id": MODEL, "object": "model"}]})

            def _answer(self, status: int, answer: Any) -> None:
                raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                try:
                    self.send_response(status)
                    self.send_header("content-type", "application/json")
                    if status == 429:
                        self.send_header("retry-after", "7")
                    self.send_header("content-length", str(len(raw)))
                    self.end_headers()
                    self.wfile.write(raw)
                except OSError:
                    return  # the client has gone

            def log_message(self, *_args: Any) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        base = f"http://127.0.0.1:{self._http.server_port}"
        self.url = base if dialect == "azure_speech" else f"{base}/v1"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()

    def _check_openai(self, path: str, headers: dict[str, str], form: list[FormPart]) -> None:
        assert path == "/v1/audio/transcriptions", path
        assert headers.get("authorization") == f"Bearer {KEY}", "authorization"
        assert "ocp-apim-subscription-key" not in headers, "Azure's header"
        fields = [(part.name, part.content.decode()) for part in form if part.filename is None]
        names = "hotwords" if self.dialect == "faster_whisper" else "prompt"
        said = [value for name, value in fields if name == names]
        assert len(said) <= 1 and all(said), names
        wanted = {
            ("model", MODEL), ("language", "en"), ("response_format", "verbose_json"), ("temperature", "0"),
            ("timestamp_granularities[]", "word"), ("timestamp_granularities[]", "segment"),
        }  # fmt: skip
        rest = [field for field in fields if field[0] != names]
        assert set(rest) == wanted and len(rest) == len(wanted), f"fields {rest}"
        self.names = said[0].split(", ") if said else []
        self._take(form, "file")

    def _check_azure(self, path: str, headers: dict[str, str], form: list[FormPart]) -> None:
        where = urlsplit(path)
        assert where.path == "/speechtotext/transcriptions:transcribe", where.path
        assert parse_qs(where.query) == {"api-version": ["2025-10-15"]}, where.query
        assert headers.get("ocp-apim-subscription-key") == KEY, "key"
        assert "authorization" not in headers, "authorization"
        told = [part for part in form if part.name == "definition"]
        assert len(told) == 1 and told[0].filename is None, "definition"
        assert told[0].media_type == "application/json", told[0].media_type
        definition = json.loads(told[0].content)
        phrases = definition.pop("phraseList", None)
        assert phrases is None or (list(phrases) == ["phrases"] and phrases["phrases"]), "phraseList"
        enhanced = {"enabled": True, "model": MODEL, "modelOptions": {"timestamps": "word"}}
        assert definition == {"locales": ["en"], "enhancedMode": enhanced}, definition
        self.names = phrases["phrases"] if phrases else []
        assert len(form) == 2, "parts"
        self._take(form, "audio")

    def _take(self, form: list[FormPart], name: str) -> None:
        files = [part for part in form if part.filename is not None]
        assert len(files) == 1 and files[0].name == name, "files"
        assert (files[0].filename, files[0].media_type) == ("recording.ogg", "audio/ogg"), files[0].filename
        self.audio.append(files[0].content)

    def _told(self) -> tuple[int, Any]:
        if self.mode.isdigit():
            return int(self.mode), {"error": {"message": "Zebedee"}}
        answer = _azure() if self.dialect == "azure_speech" else _openai(self.dialect == "faster_whisper")
        if self.mode == "half":
            return 200, json.dumps(answer).encode()[:-40]
        if self.mode == "cut":
            (answer["phrases"][0] if self.dialect == "azure_speech" else answer)["words"][1:] = []
        if self.mode == "no words":
            (answer["phrases"][0] if self.dialect == "azure_speech" else answer).pop("words")
        return 200, [] if self.mode == "nonsense" else answer


def parts_of(content_type: str, body: bytes) -> list[FormPart]:
    """Return the parts of a multipart/form-data body; anything else is an AssertionError."""
    assert content_type.startswith("multipart/form-data; boundary="), content_type
    whole = BytesParser(policy=HTTP).parsebytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body)
    assert isinstance(whole, EmailMessage) and whole.is_multipart(), "no parts"
    found: list[FormPart] = []
    for part in whole.iter_parts():
        assert part.get_content_disposition() == "form-data", "disposition"
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(name, str) and isinstance(content, bytes), "name"
        found.append(FormPart(name, part.get_filename(), part.get_content_type(), content))
    return found


def _openai(probabilities: bool) -> dict[str, Any]:
    words: list[dict[str, Any]] = [{"word": text, "start": start, "end": end} for text, start, end in WORDS]
    if probabilities:
        words = [word | {"probability": 0.5} for word in words]
    segment = {"id": 0, "start": 0.2, "end": 2.0, "text": f" {TEXT}", "avg_logprob": -0.2, "no_speech_prob": 0.0}
    shape = {"task": "transcribe", "language": "english", "duration": DURATION_S, "text": TEXT}
    return shape | {"segments": [segment], "words": words}


def _azure() -> dict[str, Any]:
    def timed(text: str, start: float, end: float) -> dict[str, Any]:
        return {
            "text": text,
            "offsetMilliseconds": round(start * 1000),
            "durationMilliseconds": round((end - start) * 1000),
        }

    words = [timed(*word) for word in WORDS]
    phrase = timed(TEXT, WORDS[0][1], WORDS[-1][2]) | {"words": words, "locale": "en-us", "confidence": 0}
    return {"durationMilliseconds": 2500, "combinedPhrases": [{"text": TEXT}], "phrases": [phrase]}
