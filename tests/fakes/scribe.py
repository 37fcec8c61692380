"""A speech endpoint that hears what the test wrote down: one thing with a list of names, another without."""

from typing import Any

from tests.fakes.speech_server import KEY, MODEL, FormPart, SpeechServer

SECONDS_A_WORD = 0.4


class Scribe(SpeechServer):
    """`with_names` and `without` are told by the names that a request holds; `mode` as its parent's."""

    def __init__(self) -> None:
        super().__init__("faster_whisper")
        self.with_names = self.without = ""
        self.heard_names: list[list[str]] = []

    def says(self, with_names: str, without: str | None = None) -> None:
        self.with_names, self.without = with_names, with_names if without is None else without

    def config(self, key_file: str) -> str:
        """Return the block of the configuration that leads here; the key is to be put into that file."""
        return f"""
[models.transcription]
url = "{self.url}"
model = "{MODEL}"
phi = "allowed"
dialect = "faster_whisper"
api_key_file = "{key_file}"
"""

    @property
    def key(self) -> str:
        return KEY

    def _take(self, form: list[FormPart], name: str) -> None:
        (file,) = (part for part in form if part.filename is not None)
        assert file.name == name and file.content, "files"
        self.audio.append(file.content)
        self.heard_names.append(self.names)

    def _told(self) -> tuple[int, Any]:
        if self.mode.isdigit():
            return int(self.mode), {"error": {"message": "down"}}
        text = self.with_names if self.names else self.without
        words = [
            {"word": word, "start": n * SECONDS_A_WORD, "end": (n + 0.9) * SECONDS_A_WORD, "probability": 0.9}
            for n, word in enumerate(text.split())
        ]
        seconds = len(words) * SECONDS_A_WORD
        segment = {
            "id": 0,
            "start": 0.0,
            "end": seconds,
            "text": f" {text}",
            "avg_logprob": -0.2,
            "no_speech_prob": 0.0,
        }
        shape = {"task": "transcribe", "language": "english", "duration": seconds, "text": text}
        return 200, shape | {"segments": [segment], "words": words}
