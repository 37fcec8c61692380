"""Simulated people at the worklist's real door: they look, decide, click twice, race each other, or stay silent."""

import random
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from contracts.cases import ENDED
from tests.ward import Resource

USERS = ("n-okafor", "c-lindqvist", "p-third")
DECIDERS = {"ed_triage": USERS, "result_followup": USERS[1:]}
"""Who may decide on a pathway, by their roles; to dictations nobody listens."""
THIRD = '\n[users.p-third]\nname = "Physician Third (simulated)"\nrole = "physician"\n'
ACTIONS = {"approve": 0.70, "change": 0.15, "reject": 0.15}
SILENT, NEVER = 0.08, 0.04
"""Shares of the encounters that nobody decides before they are escalated, or ever."""
DOUBLED, HESITANT = 0.40, 0.25
LOOK_S, AGAIN_S, PATIENCE_S = 0.4, 0.5, 90.0


@dataclass(frozen=True)
class Click:
    """What one person did with what they were shown, and the last answer that they got."""

    case_id: str
    encounter: str
    user: str
    kind: str
    selected: str | None
    """What they were told would be written."""
    version: int
    shown_hash: str
    sent_at: float
    """The first time."""
    status: int | None
    answer: Resource

    @property
    def acknowledged(self) -> bool:
        return self.status == 200


@dataclass
class Seen:
    """When somebody looking at the page first saw a case, and saw it raised or over."""

    pathway: str
    encounter: str
    generation: int
    listed_at: float
    raised_at: float | None = None
    over_at: float | None = None


@dataclass
class People:
    """`clicks` and `seen` are their record; `looks` counts the pages that each was given."""

    seed: int
    base_url: str
    clicks: list[Click] = field(default_factory=list)
    seen: dict[str, Seen] = field(default_factory=dict)
    looks: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._pages = {
            user: httpx.Client(base_url=self.base_url, headers={"Origin": self.base_url}, timeout=25) for user in USERS
        }
        self._tried: set[tuple[str, int]] = set()
        self._done: set[str] = set()

    def acknowledged(self) -> int:
        return sum(click.acknowledged for click in tuple(self.clicks))

    def work(self, over: threading.Event) -> None:
        """Look and decide until it is over, then wait for the answers that are still due."""
        with ThreadPoolExecutor(24) as hands:
            due, turn = [], 0
            while not over.is_set():
                turn += 1
                user = USERS[turn % len(USERS)]
                for row in self._look(user):
                    due += [hands.submit(self._click, *click) for click in self._moved_by(row)]
                over.wait(LOOK_S)
            for click in due:
                click.result()
        for page in self._pages.values():
            page.close()

    def _look(self, user: str) -> list[Resource]:
        try:
            page = self._pages[user]
            if "wardflow_user" not in page.cookies:
                page.post("/login", data={"user_id": user})
            answer = page.get("/api/cases")
        except httpx.HTTPError:
            return []  # killed
        if answer.status_code != 200:
            return []
        self.looks[user] += 1
        at = time.time()
        for row in answer.json():
            first = Seen(row["pathway"], row["encounter_id"], row["generation"], at)
            seen = self.seen.setdefault(row["case_id"], first)
            seen.raised_at = seen.raised_at or (at if row["escalated_at"] else None)
            seen.over_at = seen.over_at or (at if row["state"] in ("decided", *ENDED) else None)
        return answer.json()

    def _moved_by(self, row: Resource) -> list[tuple[Resource, str, str, float]]:
        """Return who clicks what, and after how long, at this version of this case."""
        shown, deciders = (row["case_id"], row["version"]), DECIDERS.get(row["pathway"], ())
        name = f"{row['pathway']}:{row['encounter_id']}:{row['generation']}"
        if not deciders or not row["decidable"] or shown in self._tried or row["case_id"] in self._done:
            return []
        rng = random.Random(f"{self.seed}:people:{name}")
        patience = rng.random() if row["generation"] == 1 else 1.0
        if patience < NEVER or (patience < NEVER + SILENT and not row["escalated_at"]):
            return []
        self._tried.add(shown)
        rng = random.Random(f"{self.seed}:people:{name}:{row['version']}")
        people = rng.sample(deciders, 2 if rng.random() < DOUBLED else 1)
        think_s = rng.uniform(2, 4) if rng.random() < HESITANT else rng.uniform(0.05, 0.8)
        kinds = rng.choices(list(ACTIONS), list(ACTIONS.values()), k=len(people))
        return [(row, user, kind, think_s) for user, kind in zip(people, kinds, strict=True)]

    def _click(self, row: Resource, user: str, kind: str, think_s: float) -> None:
        time.sleep(think_s)
        others = [code for code in row["choices"] if code != row["selected"]]
        selected = {"approve": row["selected"], "change": others[0], "reject": None}[kind]
        if kind != "reject" and not row["approvable"]:  # nothing is proposed: the person chooses
            kind, selected = "choose", others[0]
        if kind == "reject" and kind not in row["kinds"]:  # something that was decided before is in question
            kind = ("keep", "withdraw")[row["version"] % 2]
        form = {
            "kind": kind,
            "version": row["version"],
            "shown_hash": row["suggestion_hash"],
            "decision_id": uuid.uuid4().hex,
            "selected": (kind in ("change", "choose") and selected) or "",
            "reason": "clinical judgement" if kind in ("change", "reject", "withdraw") else "",
        }
        sent_at = time.time()
        status, answer = self._answered(user, f"/cases/{row['case_id']}/decision", form)
        self.clicks.append(
            Click(
                case_id=row["case_id"],
                encounter=row["encounter_id"],
                user=user,
                kind=kind,
                selected=selected,
                version=row["version"],
                shown_hash=row["suggestion_hash"],
                sent_at=sent_at,
                status=status,
                answer=answer,
            )
        )
        if status == 200 or answer.get("refused") in ("decided", "not_open"):
            self._done.add(row["case_id"])
        elif answer.get("refused") != "stale":
            self._tried.discard((row["case_id"], row["version"]))

    def _answered(self, user: str, url: str, form: dict[str, Any]) -> tuple[int | None, Resource]:
        """Send the same click again until there is an answer: a person presses the button that seems dead."""
        end = time.monotonic() + PATIENCE_S
        status, told = None, {}
        while time.monotonic() < end:
            try:
                answer = self._pages[user].post(url, data=form, headers={"Accept": "application/json"})
                status, told = answer.status_code, answer.json()
            except (httpx.HTTPError, ValueError):
                status, told = None, {}
            if status in (200, 409):
                break
            time.sleep(AGAIN_S)
        return status, told
