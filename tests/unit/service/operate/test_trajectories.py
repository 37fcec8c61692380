"""What leaves the ledger to train: never a decision that contradicts itself, whatever an older ledger says of it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from activities.record_trajectory import RecordTrajectory
from activities.world import World
from contracts.cases import CaseRef
from contracts.decisions import Decision, DecisionKind
from contracts.suggestions import MadeBy, Suggestion
from contracts.tuning import Arm
from integrations.blobs.store import BlobStore
from integrations.ledger import cases, decisions, tables
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from service.operate import trajectories
from tests.fakes.samples import NOW, decision, shown, suggestion
from tests.fakes.silence import NobodyListens

NOTHING = suggestion(made_by=MadeBy.RULES, model=None, selected=None, support="rules only")


@pytest.fixture
def world(db: Database, blobs: BlobStore) -> World:
    nobody = cast(Any, NobodyListens())
    return World(Records(db, blobs, Auditor("worker", b"a" * 32)), nobody, nobody, {}, {}, "0.1.0")


def kept(world: World, name: str, made: Decision, proposed: Suggestion | None = None) -> None:
    """Decide a case as an older version did, and keep its trajectory as trainable."""
    proposed = proposed or suggestion()
    ref = CaseRef(case_id=name, pathway="ed_triage", encounter_id=f"enc-{name}", generation=1)
    request = shown(ref, hash_=proposed.sha256())
    blob = world.records.blobs.put(proposed.canonical())
    request = request.model_copy(update={"result": request.result.model_copy(update={"suggestion_blob": blob})})
    changes = {"case_id": name, "decision_id": f"d-{name}", "shown_hash": proposed.sha256()}
    with world.records.db.write() as tx:
        cases.open_new(tx, ref, timedelta(minutes=5), NOW)
        cases.show_version(tx, request, "1")
        decisions.decide(tx, made.model_copy(update=changes))
    RecordTrajectory(world)(ref)
    with world.records.db.write() as tx:
        row = tables.trajectories.c.case_id == name
        told = json.loads(
            world.records.blobs.get(next(k.blob for k in trajectories.listed(world.records) if k.case_id == name))
        )
        told["extra"]["wardflow"]["trainable"] = True
        older = world.records.blobs.put(json.dumps(told).encode())
        tx.execute(tables.trajectories.update().where(row).values(trainable=True, blob=older))


def test_a_decision_that_contradicts_itself_trains_nothing_though_an_older_ledger_says_so(
    world: World, tmp_path: Path
) -> None:
    kept(world, "approved", decision())
    kept(world, "changed", decision(kind=DecisionKind.CHANGE, selected="3", reason="Mrs Quillfeather walks"))
    kept(world, "walked", decision(reason="walks normally"))
    kept(world, "swapped", decision(reason="wrong patient"))
    kept(world, "other", decision(selected="4"))
    found = trajectories.decided(world.records, "ed_triage", "tuner")
    assert [(case.row_id, case.arm) for case in found] == [("approved", Arm.SHOWN), ("changed", Arm.SHOWN)]
    assert "Quillfeather" not in found[1].model_dump_json()
    assert trajectories.export(world.records, tmp_path / "out", "tuner", trainable_only=True) == 2
    assert {file.stem for file in (tmp_path / "out").iterdir()} == {"approved", "changed"}
    assert trajectories.export(world.records, tmp_path / "all", "tuner") == 5, "who looks for what went wrong needs all"


def test_a_choice_where_nothing_was_proposed_is_unaided(world: World) -> None:
    kept(world, "chosen", decision(kind=DecisionKind.CHOOSE, selected="4"), NOTHING)
    (found,) = trajectories.decided(world.records, "ed_triage", "tuner")
    assert (found.arm, found.suggested, found.selected, found.source_model) == (Arm.UNAIDED, None, "4", None)
