"""Without an endpoint nothing is traced, and nothing is imported for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import ConfigurationError
from integrations import traces
from tests.fakes.samples import NOW

ROOT = Path(__file__).parents[2]


def test_a_process_that_is_not_traced_does_not_load_the_libraries() -> None:
    look = "import sys, service.commands.cli; print([m for m in sys.modules if m.startswith('opentelemetry.exporter')])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_not_traced_runs_as_it_is() -> None:
    traces.root("c" * 40, "receive", NOW)
    with traces.span("dispatch", "c" * 40, events=1), traces.span("chart"):
        ran = True
    assert ran
    with pytest.raises(ZeroDivisionError), traces.span("decide"):
        _ = 1 / 0
    traces.stop()


def test_a_missing_library_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigurationError, match=r"wardflow\[traces\]"):
        traces.start("http://127.0.0.1:4318", "gateway")
