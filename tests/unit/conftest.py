"""What every unit test stands on: no socket, and a real ledger and blob store in a folder of its own."""

import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from integrations.blobs.store import BlobStore
from integrations.ledger.database import Database
from tests.fakes.samples import KEYRING

# The same examples at every run, so that a change fails by what it changes; `--hypothesis-profile=explore` looks for
# new ones.
quick = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}
settings.register_profile("unit", max_examples=60, derandomize=True, **quick)
settings.register_profile("explore", max_examples=5000, **quick)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a unit test opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def db(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path}/ledger.db")
    database.create()
    return database


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore.at(f"{tmp_path}/blobs", KEYRING)
