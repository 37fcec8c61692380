"""A running Wardflow on real local parts, and what a hospital and its people do with it."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from activities.world import World
from contracts.cases import ENDED
from contracts.errors import WardflowError
from integrations import clock
from integrations.ledger import cases, inbox, tables
from service.operate import integrity
from service.process import settings, wiring
from service.process.secrets import load_secrets
from service.process.temporal import connect

ROOT = Path(__file__).resolve().parents[1]
T = TypeVar("T")
Resource = dict[str, Any]
NURSE, CHARGE = "n-okafor", "c-lindqvist"
AGED_56 = timedelta(days=round(56.8 * 365.25))
LOCKED_S = 1.0
"""Whoever holds the ledger's lock for longer is taken to have been stopped with it."""


class Ward:
    """Runs the module `starter` on a state folder; `config` replaces text of the packaged configuration."""

    JSON: ClassVar = {"Accept": "application/json"}

    def __init__(
        self,
        state: Path,
        config: dict[str, str] | None = None,
        extra: str = "",
        root: Path = ROOT,
        starter: tuple[str, ...] = ("infra.stack",),
        flags: tuple[str, ...] = (),
    ) -> None:
        self.state, self.root, self.starter, self.flags = state, root, starter, flags
        state.mkdir(parents=True, exist_ok=True)
        text = (root / "service" / "process" / "wardflow.toml").read_text()
        for old, new in (config or {}).items():
            assert old in text
            text = text.replace(old, new)
        text += extra
        undo = "[timing]\nundo_s = 0.2\n"  # tests wait for what is written
        if "undo_s" not in text:
            text = text.replace("[timing]\n", undo) if "[timing]\n" in text else f"{text}\n{undo}"
        (state / "wardflow.toml").write_text(text)
        self.stack: subprocess.Popen[bytes] | None = None
        self.pages: dict[str, httpx.Client] = {}
        self.charted: dict[str, dict[str, str]] = {}
        """By stay: the newest version of each resource that its feed tells of."""

    def start(self) -> "Ward":
        argv = [sys.executable, "-m", *self.starter, str(self.state), "--with-parent", *self.flags]
        env = os.environ | {"PYTHONPATH": str(self.root)}
        with (self.state / "stack.log").open("wb") as out:
            self.stack = subprocess.Popen(argv, stdout=out, stderr=out, cwd=self.root, env=env)
        self.until(lambda: (self.state / "stack.log").read_text().count("Wardflow is up") or self._dead(), 90)
        self.settings = settings.load(self.state)
        self.secrets = load_secrets(self.state)
        self.world: World = wiring.world(self.settings, self.secrets, "test")
        self.until(lambda: len(self.world.fhir.search("Subscription?status=active")) >= 2, 20)
        return self

    def _dead(self) -> bool:
        assert self.stack is None or self.stack.poll() is None, (self.state / "stack.log").read_text()
        return False

    def stop(self) -> int:
        for page in self.pages.values():
            page.close()
        self.pages.clear()
        assert self.stack is not None
        self.stack.send_signal(signal.SIGINT)
        code = self.stack.wait(60)
        self.world.close()
        return code

    def pid(self, part: str) -> int:
        return json.loads((self.state / "pids.json").read_text())[part]

    def kill(self, part: str) -> None:
        os.kill(self.pid(part), signal.SIGKILL)

    @contextmanager
    def frozen(self, *parts: str) -> Iterator[None]:
        """Have parts hang: they are there, and answer nothing."""
        stopped: list[int] = []
        try:
            for part in parts:
                pid = self.pid(part)
                self.until(lambda of=pid: self.hold(of))
                stopped.append(pid)
            yield
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

    def hold(self, pid: int) -> bool:
        """Stop a process, but not where it holds the ledger's lock: that would stop all others with it."""
        try:
            os.kill(pid, signal.SIGSTOP)
            ledger = self.state / settings.LEDGER_FILE
            with closing(sqlite3.connect(ledger, timeout=LOCKED_S, isolation_level=None)) as db:
                db.execute("BEGIN IMMEDIATE")
                db.execute("ROLLBACK")
        except ProcessLookupError:
            return False
        except sqlite3.OperationalError:
            os.kill(pid, signal.SIGCONT)
            return False
        return True

    def until(self, ready: Callable[[], T], seconds: float = 30) -> T:
        """Return the first true answer; a real server's state is polled, never slept for."""
        end, last = time.monotonic() + seconds, ""
        while time.monotonic() < end:
            try:
                found = ready()
            except (httpx.TransportError, httpx.HTTPStatusError, WardflowError) as fault:
                if not _may_pass(fault):
                    raise
                found, last = None, f", the last fault was {fault!r}"
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {ready}{last}\n{self._seen()}")

    def _seen(self) -> str:
        """Return what the ward knows and what its parts last wrote, for whoever reads why a test failed."""
        logs = sorted((self.state / "logs").glob("*.log"))
        lines = [f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in logs]
        with suppress(AttributeError, WardflowError, sa.exc.SQLAlchemyError), self.world.records.db.read() as tx:
            lines.insert(0, f"inbox: {inbox.balance(tx)}")
            row = tables.inbox.c
            recent = sa.select(row.event_id, row.resource_id, row.fate, row.reason).order_by(row.event_id.desc())
            lines[1:1] = [str(tuple(event)) for event in tx.execute(recent.limit(8))]
            lines[1:1] = [f"{c.encounter_id} {c.state} version {c.version}" for c in cases.listed(tx)[-4:]]
        return "\n".join(lines)

    # what a hospital does

    def admit(self, encounter: str, complaint: str = "cough", name: str = "", **vitals: float) -> str:
        assert encounter not in self.charted, f"{encounter} is another test's: what is charted twice opens nothing"
        born = (clock.now() - AGED_56).date().isoformat()
        patient: Resource = {"resourceType": "Patient", "id": encounter, "gender": "female", "birthDate": born}
        if name:
            patient["name"] = [{"text": name}]
        arrived = {
            "resourceType": "Encounter",
            "id": encounter,
            "status": "arrived",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER"},
            "subject": {"reference": f"Patient/{encounter}"},
            "period": {"start": clock.now().isoformat()},
            "reasonCode": [{"text": complaint}],
        }
        bodies = [patient, arrived, observation(encounter, "complaint", complaint)]
        bodies += [observation(encounter, key, value) for key, value in vitals.items()]
        versions = self.send(*bodies)
        self.charted[encounter] = {at: version for at, version in versions.items() if not at.startswith("Patient/")}
        return encounter

    def chart(self, encounter: str, **vitals: float) -> None:
        versions = self.send(*(observation(encounter, key, value) for key, value in vitals.items()))
        self.charted.setdefault(encounter, {}).update(versions)

    def send(self, *bodies: Resource) -> dict[str, str]:
        """Write to the chart; return the version of each by its type and id, as in `Observation/x`."""
        entries = self.world.fhir.bundle(
            [{"resource": b, "request": {"method": "PUT", "url": f"{b['resourceType']}/{b['id']}"}} for b in bodies]
        )
        etags = [entry["response"]["etag"] for entry in entries]
        versions = [etag.removeprefix("W/").strip('"') for etag in etags]
        return {f"{b['resourceType']}/{b['id']}": version for b, version in zip(bodies, versions, strict=True)}

    def notify(
        self, body: bytes, token: str | None = None, method: str = "PUT", path: str = "x/y", **headers: str
    ) -> httpx.Response:
        token = self.secrets.feed_secret.get_secret_value() if token is None else token
        url = f"http://127.0.0.1:{self.settings.parts.gateway_port}/feeds/ehr/{path}"
        headers |= {"Authorization": f"Bearer {token}"}
        return httpx.request(method, url, content=body, headers=headers, timeout=30)

    def address(self, process: str) -> str:
        return f"http://127.0.0.1:{getattr(self.settings.parts, f'{process}_port')}"

    def figures(self, process: str) -> dict[tuple[str, ...], float]:
        """Return each sample of the process's `/metrics` by its name and the values of its labels."""
        text = httpx.get(f"{self.address(process)}/metrics").raise_for_status().text
        samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
        return {(s.name, *s.labels.values()): s.value for s in samples}

    # what people do

    def page(self, user: str = NURSE) -> httpx.Client:
        if user not in self.pages:
            base = f"http://127.0.0.1:{self.settings.parts.worklist_port}"
            page = httpx.Client(base_url=base, headers={"Origin": base}, timeout=30)
            page.post("/login", data={"user_id": user})
            self.pages[user] = page
        return self.pages[user]

    def listed(self, encounter: str, user: str = NURSE) -> Resource | None:
        rows = self.page(user).get("/api/cases").raise_for_status().json()
        mine = [row for row in rows if row["encounter_id"] == encounter]
        return max(mine, key=lambda row: row["generation"], default=None)

    def decidable(self, encounter: str, version: int = 1) -> Resource | None:
        """Return the row of the case where it shows this version or a later one, and can be decided.

        What was charted has arrived by then: what is on its way still would make the suggestion stale.
        """
        charted = self.charted.get(encounter, {}).items()
        if not all(newest in self.heard(reference) for reference, newest in charted):
            return None
        row = self.listed(encounter)
        return row if row and row["decidable"] and row["version"] >= version else None

    def suggested(self, encounter: str, version: int = 1, seconds: float = 30) -> Resource:
        """Wait until the case is `decidable`."""
        return self.until(lambda: self.decidable(encounter, version), seconds)

    def decide(
        self, row: Resource, kind: str = "", selected: str = "", reason: str = "", user: str = NURSE, dwell_ms: str = ""
    ) -> httpx.Response:
        """Decide; without a kind, take what is shown, or choose where nothing may be approved."""
        if not kind:
            kind = "approve" if row["approvable"] else "choose"
        selected = selected or (row["choices"][0] if kind == "choose" else "")
        form = self.form(row) | {"kind": kind, "selected": selected, "reason": reason, "dwell_ms": dwell_ms}
        return self.page(user).post(f"/cases/{row['case_id']}/decision", data=form, headers=self.JSON)

    def undo(self, row: Resource, decision_id: str, user: str = NURSE) -> httpx.Response:
        form = {"decision_id": decision_id}
        return self.page(user).post(f"/cases/{row['case_id']}/undo", data=form, headers=self.JSON)

    def form(self, row: Resource) -> dict[str, str]:
        """Return the fields of an approval, as the page sends them."""
        return {
            "kind": "approve",
            "version": str(row["version"]),
            "shown_hash": row["suggestion_hash"],
            "decision_id": uuid.uuid4().hex,
        }

    # what can be looked at afterwards

    def case(self, encounter: str, case_id: str = "") -> cases.CaseRow | None:
        """Return the case of this id, or without one the newest triage of the encounter."""
        with self.world.records.db.read() as tx:
            return cases.find(tx, case_id) if case_id else cases.latest(tx, "ed_triage", encounter)

    def ended(self, encounter: str, seconds: float = 30, case_id: str = "") -> cases.CaseRow:
        """Wait for the end of `case`, and for its trajectory."""

        def ready() -> cases.CaseRow | None:
            row = self.case(encounter, case_id)
            return row if row and row.state in ENDED and self.trajectory_blob(row.case_id) else None

        return self.until(ready, seconds)

    def trajectory_blob(self, case_id: str) -> str | None:
        kept = tables.trajectories.c
        with self.world.records.db.read() as tx:
            row = tx.execute(tables.trajectories.select().where(kept.case_id == case_id)).first()
        return row.blob if row else None

    def fates(self, encounter: str) -> list[tuple[str, str | None]]:
        column = tables.inbox.c
        with self.world.records.db.read() as tx:
            rows = tx.execute(tables.inbox.select().where(column.encounter_id == encounter).order_by(column.event_id))
            return [(row.fate, row.reason) for row in rows]

    def heard(self, reference: str) -> set[str]:
        """Return the versions that feeds told of, of a resource as in `Observation/x`. A search may bring one twice."""
        (type_, id_), column = reference.split("/"), tables.inbox.c
        with self.world.records.db.read() as tx:
            versions = sa.select(column.version_id).where(column.resource_type == type_, column.resource_id == id_)
            return set(tx.scalars(versions))

    def settled(self, seconds: float = 30) -> dict[str, int]:
        """Wait until no event is pending; return the balance of events."""

        def ready() -> dict[str, int] | None:
            with self.world.records.db.read() as tx:
                balance = inbox.balance(tx)
            return balance if not balance["pending"] else None

        return self.until(ready, seconds)

    def audit(self) -> integrity.Report:
        async def check() -> integrity.Report:
            opened = self.settings.parts
            client = await connect(opened.temporal, opened.temporal_namespace, self.secrets.keyring())
            return await integrity.check(self.world, client, self.secrets.verify_key())

        return asyncio.run(check())


def _may_pass(fault: httpx.HTTPError | WardflowError) -> bool:
    """Return whether what was asked may answer later: it was not reached, is busy, or says so."""
    if isinstance(fault, WardflowError):
        return fault.retryable
    return not isinstance(fault, httpx.HTTPStatusError) or fault.response.status_code == 503


def observation(encounter: str, key: str, value: float | str) -> Resource:
    codes = {
        "complaint": "8661-1",
        "hr": "8867-4",
        "rr": "9279-1",
        "spo2": "59408-5",
        "sbp": "8480-6",
        "avpu": "67775-7",
    }
    body: Resource = {
        "resourceType": "Observation",
        "id": f"{encounter}-{key}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": codes[key]}]},
        "subject": {"reference": f"Patient/{encounter}"},
        "encounter": {"reference": f"Encounter/{encounter}"},
        "effectiveDateTime": clock.now().isoformat(),
    }
    if key == "avpu":
        return body | {"valueCodeableConcept": {"text": value}}
    return body | ({"valueString": value} if isinstance(value, str) else {"valueQuantity": {"value": value}})


def checkout(folder: Path) -> Path:
    """Copy the working tree, so that a test may change its code."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.split():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder
