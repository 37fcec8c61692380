"""One ward for all integration tests of a session, with a model stand-in that a test may break and mend."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.model_server import ModelServer, model_config
from tests.fakes.scribe import Scribe
from tests.fakes.trace_collector import TraceCollector
from tests.ward import Ward


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    with closing(ModelServer()) as server:
        yield server


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    """A stand-in of its own, for wards that are not shared."""
    with closing(ModelServer()) as server:
        yield server


@pytest.fixture(scope="module")
def scribe() -> Iterator[Scribe]:
    with closing(Scribe()) as server:
        yield server


@pytest.fixture(scope="module")
def spoken_ward(tmp_path_factory: pytest.TempPathFactory, scribe: Scribe) -> Iterator[Ward]:
    """A ward that hears what `scribe` is told to."""
    state: Path = tmp_path_factory.mktemp("spoken")
    (state / "speech.key").write_text(scribe.key)
    ward = Ward(state, extra=scribe.config(str(state / "speech.key"))).start()
    yield ward
    ward.stop()


@pytest.fixture(scope="session")
def collector() -> Iterator[TraceCollector]:
    with closing(TraceCollector()) as collector:
        yield collector


@pytest.fixture(scope="session")
def shared_ward(
    tmp_path_factory: pytest.TempPathFactory, model_server: ModelServer, collector: TraceCollector
) -> Iterator[Ward]:
    """Traced, and quick to tell which parts are away."""
    state: Path = tmp_path_factory.mktemp("ward")
    watched = f'\n[timing]\nhealth_s = 1.0\nevidence_s = 5.0\n[tracing]\nendpoint = "{collector.endpoint}"\n'
    ward = Ward(state, extra=model_config(model_server) + watched).start()
    yield ward
    ward.stop()


@pytest.fixture
def ward(shared_ward: Ward, model_server: ModelServer) -> Ward:
    model_server.mode, model_server.level, model_server.stall = "good", "3", None
    return shared_ward
