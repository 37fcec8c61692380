"""What a newcomer meets: one line for what is missing and what to do, and a model that joins by itself."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from contracts.errors import ConfigurationError
from infra import embedded, models, stack
from infra.ports import Ports
from infra.processes import Part
from service.process import settings
from tests.ward import ROOT, Ward, checkout

pytestmark = pytest.mark.integration
MAIN = 'if __name__ == "__main__":'
STAND_IN = """
import time


def install(venv, cache, names):
    say("installing what is needed")
    while not Path("installed").exists():
        time.sleep(0.1)
    for name in names:
        (cache / name).mkdir(parents=True, exist_ok=True)


def serve_command(venv, model_dir, port, name, *_how):
    return [sys.executable, "-m", "tests.fakes.model_server", str(port), name], {}


def hear_command(venv, model_dir, port, name):
    return serve_command(venv, model_dir, port, name)


"""


@pytest.fixture
def joining(tmp_path: Path) -> Iterator[Ward]:
    """A ward whose embedded model is the stand-in, which takes as long to install as the test wants."""
    root = checkout(tmp_path / "checkout")
    code = root / "infra" / "models.py"
    text = code.read_text()
    assert text.count(MAIN) == 1
    code.write_text(text.replace(MAIN, STAND_IN + MAIN))
    ward = Ward(tmp_path / "state", root=root, flags=("--models", "wanted")).start()
    yield ward
    ward.stop()


def test_the_worklist_opens_by_rules_and_the_model_joins_by_itself_and_again_after_a_kill(joining: Ward) -> None:
    ward = joining
    said = ward.state / "stack.log"
    assert ward.suggested(ward.admit("before", hr=80))["made_by"] == "rules"
    ward.until(lambda: "models: installing what is needed" in said.read_text())
    (ward.root / "installed").touch()
    ward.until(lambda: f"model: {models.MODEL_NAME} serves from now on" in said.read_text())
    assert ward.suggested(ward.admit("after", hr=80))["made_by"] == "model"
    killed = ward.pid("model")
    ward.kill("model")
    ward.until(lambda: ward.pid("model") != killed)
    assert f"model: {models.MODEL_NAME} ended; starting it again" in said.read_text()
    code = next(model.name for model in embedded.DEFAULTS if model.role == "code")
    ward.until(lambda: f"model: {code} serves from now on" in said.read_text())
    told = said.read_text()
    assert told.index(f"{models.MODEL_NAME} serves") < told.index(f"{code} serves"), "one after the other"
    killed = ward.pid("model-code")
    ward.kill("model-code")
    ward.until(lambda: ward.pid("model-code") != killed)
    url = settings.load(ward.state).models["code"].url
    assert ward.until(lambda: httpx.get(f"{url}/models").status_code == 200)


def test_a_part_that_ends_at_once_again_and_again_waits_longer_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = Part("brief", [sys.executable, "-c", "raise SystemExit(3)"], lambda: False)
    part.start(tmp_path)
    for _ in range(2):
        assert part.process
        part.process.wait(10)
        part.keep(tmp_path)
    assert part.short_lives == 2 and part.next_try, "the first time it was started again at once"
    assert capsys.readouterr().err.splitlines() == [
        f"brief ended (3); starting it again. See {tmp_path}/brief.log",
        f"brief ended (3); starting it again in 1 s. See {tmp_path}/brief.log",
    ]


def up(state: Path) -> tuple[int, str]:
    argv = [sys.executable, "-m", "service.commands.cli", "up", "--state", str(state)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60)
    return done.returncode, done.stderr


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        (tmp_path / "ports.json").write_text(f'{{"temporal": {port}}}')
        code, said = up(tmp_path)
    assert code == 2
    assert said == (
        f"wardflow: port_in_use: port {port} of temporal: end what uses it, or change {tmp_path / 'ports.json'}\n"
    )


def test_a_full_disk_is_told_before_anything_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(total=10**9, used=9 * 10**8, free=10**8))
    with (
        Ports() as reserved,
        pytest.raises(ConfigurationError, match=r"disk_full: 95 MiB are left for .*: free the disk"),
    ):
        stack.prepare(tmp_path / "state", reserved)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SystemExit, match=r"models: .* has 0.1 GiB free, 6 are needed: free the disk"):
        models.install(tmp_path / "venv", tmp_path / "cache", [])


def test_an_installation_without_a_network_ends_with_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    env = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")} | nowhere
    argv = [sys.executable, "-m", "infra.models", "install", "--venv", str(tmp_path / "venv")]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, env=env, timeout=120)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert last.startswith(f"models: install {models.TORCH} failed (ERROR: No matching distribution")
    assert "Is the package index reachable" in last and "`make models` tries again" in last
