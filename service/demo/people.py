"""The simulated people of a demonstration: what each decides, the same for the same seed and encounter."""

import csv
import random
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from agents.ed_triage.graph import PATHWAY
from service.process.settings import Settings

SHARES = {"approve": 0.70, "change": 0.15, "reject": 0.10, "silent": 0.05}
"""What the simulated people do; the silent ones wait until they are escalated, and approve then."""
UNHEARD = "not listened to: the person is simulated"


@dataclass
class People:
    seed: int
    levels: Mapping[str, str]
    """Triage level that was decided, by encounter; empty: they decide by `SHARES`."""
    decided: set[str] = field(default_factory=set)
    """Case ids."""
    mix: Counter[str] = field(default_factory=Counter)
    """What was done, and how often."""

    async def decide(self, page: httpx.AsyncClient) -> None:
        """Decide every case that waits on the worklist. Raises HTTPError where it is away."""
        for row in (await page.get("/api/cases")).raise_for_status().json():
            if row["decidable"] and row["case_id"] not in self.decided:
                await self._decide(page, row)

    async def _decide(self, page: httpx.AsyncClient, row: dict[str, Any]) -> None:
        action, selected = self.choice(row)
        if action == "silent" and not row["escalated_at"]:
            return
        kind = "approve" if action == "silent" else action
        if kind in ("approve", "change") and not row["approvable"]:  # nothing is proposed: the person chooses
            kind, selected = "choose", selected or row["selected"] or row["choices"][len(row["choices"]) // 2]
        if kind == "reject" and kind not in row["kinds"]:  # something that was decided before is in question
            kind = "withdraw"
        form = {
            "kind": kind,
            "version": row["version"],
            "shown_hash": row["suggestion_hash"],
            "decision_id": uuid.uuid4().hex,
            "selected": selected,
            "reason": "clinical judgement" if kind in ("change", "reject", "withdraw") else "",
        }
        # Who is simulated listens to nothing: what is marked is confirmed, and what nobody heard is said so.
        for item in (item for item in row["items"] if item["doubt"]):
            form |= {f"item-{item['key']}": item["text"] or UNHEARD, f"confirm-{item['key']}": "on"}
        url = f"/cases/{row['case_id']}/decision"
        answer = await page.post(url, data=form, headers={"Accept": "application/json"})
        if answer.status_code == 200:
            self.decided.add(row["case_id"])
            self.mix[action] += 1

    def choice(self, row: dict[str, Any]) -> tuple[str, str]:
        """Return what the person does with this case, and the level where it is another one."""
        if self.levels:  # of triage; what was decided of an encounter says nothing of its laboratory results
            level = row["selected"]
            if row["pathway"] == PATHWAY:
                level = self.levels.get(row["encounter_id"], level)
            return ("approve" if level == row["selected"] else "change"), str(level or "")
        rng = random.Random(f"{self.seed}:{row['encounter_id']}")
        (action,) = rng.choices(list(SHARES), list(SHARES.values()))
        others = [code for code in row["choices"] if code != row["selected"]]
        if action == "change" and not others:
            action = "approve"  # a note has one answer; its words were corrected
        return action, rng.choice(others) if action == "change" else ""


def decider(opened: Settings) -> str:
    """Return a person who may decide on every pathway, since a case that nobody decides would never end the demo."""
    pathways = opened.pathways.values()
    able = (id_ for id_, user in opened.users.items() if all(user.role in pathway.roles for pathway in pathways))
    return next(able, next(iter(opened.users)))


def levels(file: Path | None, column: str) -> dict[str, str]:
    """Return the decided level by encounter of a CSV with the column case_id, nothing without a file."""
    if file is None:
        return {}
    with file.open() as rows:
        return {row["case_id"]: row[column] for row in csv.DictReader(rows)}
