"""Kills and freezes the real processes, and watches from outside which of them answer."""

import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import sqlalchemy as sa

from integrations import clock
from integrations.ledger import tables
from tests.fakes.model_server import ModelServer
from tests.ward import Ward

KILLED = {"worker": 4, "gateway": 3, "dispatcher": 3, "temporal": 2, "fhir": 2, "worklist": 1, "valkey": 1}
"""Weights; each once first."""
EVERY_S, BACK_S = (0.6, 2.2), 30.0
FROZEN_FROM, PAST_S = 0.45, 7.0
"""When in the run all workers hang, and until how long after a deadline, so that it passes without them."""
PAUSED_S, PAUSES_EVERY_S = 4.0, (4.0, 8.0)
"""A dispatcher stands still for longer than its lease of 3 s, and how long it runs between two pauses."""
MOODS = {"good": 8, "failing": 1, "nonsense": 1, "truncated": 1}
WATCHED = ("gateway", "worklist")


@dataclass
class Harm:
    seed: int
    ward: Ward
    watch: "Watch"
    kills: Counter[str] = field(default_factory=Counter)
    frozen: threading.Event = field(default_factory=threading.Event)
    """Meanwhile the gateway lives: its watchdog is what raises."""
    frozen_s: float = 0.0
    pauses: int = 0
    """Of the dispatcher, each longer than its lease."""

    def kill(self, calm: threading.Event) -> None:
        """Kill one part after the other with -9, each a little after the last is back: a slow machine gets on too."""
        rng = random.Random(f"{self.seed}:kills")
        first = rng.sample(list(KILLED), len(KILLED))
        while not calm.wait(rng.uniform(*EVERY_S)):
            part = first.pop() if first else rng.choices(list(KILLED), list(KILLED.values()))[0]
            if part == "gateway" and self.frozen.is_set():
                first.insert(0, part)
                continue
            killed = self._pid(part)
            if killed:
                with suppress(ProcessLookupError):  # it ended by itself
                    os.kill(killed, signal.SIGKILL)
                    self.kills[part] += 1
                end = time.monotonic() + BACK_S
                while self._pid(part) in (None, killed) and time.monotonic() < end:
                    time.sleep(0.1)
                while part in self.watch.urls and not self.watch.answers(part) and time.monotonic() < end:
                    time.sleep(0.1)

    def _pid(self, part: str) -> int | None:
        try:
            return self.ward.pid(part)
        except ValueError:
            return None  # the list of processes is just being written

    def freeze(self, start: float, seconds: float) -> None:
        """Stop whichever worker there is, without ending it, until a case is well past its deadline unless raised."""
        time.sleep(max(0.0, start + FROZEN_FROM * seconds - time.monotonic()))
        due, begun, stopped = self._due(start + seconds), time.time(), set[int]()
        self.frozen.set()
        while not self.watch.answers("gateway"):
            time.sleep(0.2)
        while time.time() < due + PAST_S:
            pid = self._pid("worker")  # another one, if it was killed meanwhile
            if pid and pid not in stopped and self.ward.hold(pid):
                stopped.add(pid)
            time.sleep(0.2)
        self.frozen_s = time.time() - begun
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.frozen.clear()

    def pause(self, calm: threading.Event) -> None:
        """Stop the dispatcher beyond its lease, again and again: when it goes on, it must write nothing under it."""
        rng = random.Random(f"{self.seed}:pauses")
        while not calm.wait(rng.uniform(*PAUSES_EVERY_S)):
            pid = self._pid("dispatcher")
            if pid and self.ward.hold(pid):
                calm.wait(PAUSED_S)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
                    self.pauses += 1

    def _due(self, end: float) -> float:
        """Return the third deadline still ahead of open cases, or the last, once there is one."""
        case = tables.cases.c
        while time.monotonic() < end:
            with self.ward.world.records.db.read() as tx:
                ahead = (case.state == "open", case.due_at > clock.now())
                due = list(tx.scalars(sa.select(case.due_at).where(*ahead).order_by(case.due_at).limit(3)))
            if due:
                return due[-1].timestamp()
            time.sleep(0.2)
        return time.time()

    def sicken(self, model: ModelServer, calm: threading.Event) -> None:
        """Let the model fail, babble or break off now and then."""
        rng = random.Random(f"{self.seed}:model")
        while not calm.wait(rng.uniform(0.3, 1)):
            (model.mode,) = rng.choices(list(MOODS), list(MOODS.values()))
        model.mode = "good"


@dataclass
class Watch:
    """Times at which a process did not answer, as seen from outside."""

    urls: dict[str, str]
    away: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def look(self, over: threading.Event) -> None:
        self.away = {name: [] for name in self.urls}
        since: dict[str, float] = {}
        last = dict.fromkeys(self.urls, time.time())
        while not over.is_set():
            for name in self.urls:
                if self.answers(name):
                    last[name] = time.time()
                    if name in since:
                        self.away[name].append((since.pop(name), last[name]))
                else:
                    since.setdefault(name, last[name])
            over.wait(0.25)
        self.away = {n: [*gaps, *([(since[n], time.time())] if n in since else [])] for n, gaps in self.away.items()}

    def answers(self, name: str) -> bool:
        try:
            return httpx.get(f"{self.urls[name]}/livez", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False
