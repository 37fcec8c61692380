"""Embedded models on the engines that serve patients."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from infra import embedded, models
from infra.embedded import Embedded
from infra.serving import Fixed
from tests.ports import any_port
from tests.ward import ROOT

START_S = 300
WHISPER = next(model for model in embedded.MODELS if model.role == "transcription")


@contextmanager
def serving(model: Embedded, log: Path) -> Iterator[str]:
    """Serve it, and give the URL that ends before `/chat/completions`."""
    folder = ROOT / models.CACHE / model.name
    assert folder.exists(), f"run `.venv/bin/wardflow models pull {model.name}` first"
    port = any_port()
    argv, env = models.serve_command(ROOT / models.VENV, folder, port, model.name, model)
    with log.open("wb") as out:
        server = subprocess.Popen(argv, env=os.environ | env, stdout=out, stderr=out, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}/v1"
        for _ in range(START_S):
            try:
                if httpx.get(f"{url}/models", timeout=1).status_code == 200:
                    break
            except httpx.TransportError:
                assert server.poll() is None, log.read_text()[-3000:]
                time.sleep(1)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def until_it_answers(fixed: Fixed) -> None:
    """Start the speech server and wait until it answers, 60 s at most."""
    end = time.monotonic() + 60
    fixed.step()
    while not fixed.parts()[0].ready():
        assert time.monotonic() < end, "did not answer"
        time.sleep(0.2)
        fixed.step()
