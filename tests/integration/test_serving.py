"""What the alias means is what serves: the next model starts beside the one that answers."""

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from agents.ed_triage import prompts
from agents.ed_triage.scales import scale_named
from contracts.tuning import VerdictOutcome
from infra import models, serving
from infra.ports import Ports
from integrations.inference import router
from integrations.inference.chat import ChatClient, ChatEndpoint, Dialect, Phi
from integrations.ledger import registry
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.registry import CHAMPION
from service.process.secrets import create_secrets
from tests.fakes import samples
from tests.fakes.models import model
from tests.ward import ROOT

pytestmark = pytest.mark.integration
AUDITOR = Auditor("test", b"k" * 32)
BASE, BROKEN = "untuned", "broken"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def serve(_venv: Path, folder: Path, port: int, name: str) -> tuple[list[str], dict[str, str]]:
        assert folder.exists()
        argv = ["false"] if name == BROKEN else [sys.executable, "-m", "tests.fakes.model_server", str(port), name]
        return argv, {"PYTHONPATH": str(ROOT)}

    monkeypatch.setattr(models, "serve_command", serve)
    for folder in ("logs", BASE, "tuning/copy/merged", f"tuning/{BROKEN}/merged"):
        (tmp_path / folder).mkdir(parents=True)
    create_secrets(tmp_path)
    db = Database(f"sqlite:///{tmp_path}/ledger.db")
    db.create()
    with db.write() as tx:
        registry.register(tx, AUDITOR, model(BASE, VerdictOutcome.UNTUNED, parent=None))
        for name in ("copy", BROKEN):
            registry.register(tx, AUDITOR, model(name, parent=BASE))
    return tmp_path


@pytest.fixture
def champion(state: Path) -> Iterator[serving.Serving]:
    with Ports() as reserved:
        built = serving.Serving(state, Path("venv"), state / BASE, reserved)
        yield built
        built.stop()


@pytest.fixture
def db(state: Path) -> Database:
    return Database(f"sqlite:///{state}/ledger.db")


async def asked(db: Database) -> str:
    """Return which model answers a worker, who was never restarted."""
    endpoint = ChatEndpoint("reasoning", "", "alias:champion", Phi.ALLOWED, Dialect.VLLM, timeout_s=5)
    client = ChatClient(endpoint, partial(router.resolve, db))
    try:
        return (await client.ask(prompts.judge(samples.facts(hr=80), scale_named("esi")))).model
    finally:
        await client.close()


def up(db: Database) -> str | None:
    with db.read() as tx:
        served = registry.served(tx, CHAMPION)
    return served.name if served else None


async def stepped(champion: serving.Serving, until: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        champion.step()
        time.sleep(0.05)


async def test_a_promotion_and_the_way_back_switch_without_a_gap(champion: serving.Serving, db: Database) -> None:
    await stepped(champion, lambda: up(db) == BASE)
    assert await asked(db) == BASE
    with db.write() as tx:
        registry.promote(tx, AUDITOR, CHAMPION, "copy", "n-okafor", "better")
    champion.step()
    assert await asked(db) == BASE, "until the next one answers, and labelled so"
    old = champion.parts()[0]
    await stepped(champion, lambda: up(db) == "copy")
    assert await asked(db) == "copy"
    assert old.ended() and len(champion.parts()) == 1
    with db.write() as tx:
        registry.rollback(tx, AUDITOR, CHAMPION, "n-okafor", "worse")
    await stepped(champion, lambda: up(db) == BASE)
    assert await asked(db) == BASE
    champion.stop()
    assert up(db) is None


async def test_a_model_that_does_not_start_leaves_the_one_before_it(
    champion: serving.Serving, db: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    await stepped(champion, lambda: up(db) == BASE)
    with db.write() as tx:
        registry.promote(tx, AUDITOR, CHAMPION, BROKEN, "n-okafor", "better")
    said: list[str] = []
    await stepped(champion, lambda: "broken did not start" in (said.append(capfd.readouterr().err) or "".join(said)))
    champion.step()
    assert await asked(db) == BASE and len(champion.parts()) == 1
    with db.write() as tx:
        registry.promote(tx, AUDITOR, CHAMPION, "copy", "n-okafor", "mended")
    await stepped(champion, lambda: up(db) == "copy")


async def test_a_server_that_is_killed_is_started_again(champion: serving.Serving, db: Database) -> None:
    await stepped(champion, lambda: up(db) == BASE)
    (part,) = champion.parts()
    assert part.process
    killed = part.process
    killed.kill()
    await stepped(champion, lambda: part.process is not killed)


def test_what_an_earlier_start_had_up_is_forgotten(champion: serving.Serving, state: Path, db: Database) -> None:
    with db.write() as tx:
        registry.set_served(tx, AUDITOR, CHAMPION, registry.Served(name=BASE, url="http://127.0.0.1:9/v1"))
    serving.Serving(state, Path("venv"), state / BASE, Ports())
    assert up(db) is None
