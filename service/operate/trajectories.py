"""The trajectories for those who tune: listed, read, taken out as ATIF files, and made into decided cases."""

from pathlib import Path

from activities.world import World
from contracts.charts import FactKind
from contracts.errors import TuningError, TuningFault
from contracts.trajectories import Trajectory
from contracts.tuning import Arm, DecidedCase
from integrations.ledger import cases, decisions, outcomes
from integrations.ledger import trajectories as index
from integrations.ledger.audit import Action
from integrations.ledger.records import Records
from integrations.ledger.trajectories import TrajectoryRow
from tuning import reading, trajectory


def listed(records: Records, *, trainable_only: bool = False) -> list[TrajectoryRow]:
    """Return the index, the oldest first."""
    with records.db.read() as tx:
        return index.listed(tx, trainable_only=trainable_only)


def export(records: Records, folder: Path, by: str, *, trainable_only: bool = False) -> int:
    """Write each trajectory as `CASE.json`, readable by its owner only; each is audited first. Return how many.

    The files hold patient data: nothing in them is de-identified.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = 0
    for row in listed(records, trainable_only=trainable_only):
        _audit(records, Action.EXPORT, row, by)
        content = records.blobs.get(row.blob)
        if trainable_only and reading.contradictory(trajectory.read(content)):
            continue  # kept before such decisions were known not to train
        path = folder / f"{row.case_id}.json"
        path.touch(mode=0o600)
        path.write_bytes(content)
        written += 1
    return written


def show(records: Records, name: str, by: str) -> list[str]:
    """Return a trajectory as lines; audited. `name` is a case's id, or how one begins. Raises TuningError."""
    row, opened = _opened(records, name, by)
    with records.db.read() as tx:
        return reading.steps(opened, outcomes.of_case(tx, row.case_id))


def diff(world: World, left: str, right: str, by: str) -> list[str]:
    """Return what differs between two trajectories, or versions (`CASE@VERSION`); audited. Raises TuningError."""
    return reading.differences(_version(world, left, by), _version(world, right, by))


def decided(records: Records, pathway: str, by: str) -> list[DecidedCase]:
    """Return what people decided beside a model's suggestion or none, the oldest first; audited, nobody named (I13).

    The facts that name the patient stay out, and the reviewer is a keyed hash. Decisions that contradict themselves
    stay out too, whatever their file says.
    """
    found: list[DecidedCase] = []
    for row in listed(records, trainable_only=True):
        if row.pathway != pathway:
            continue
        _audit(records, Action.EXPORT, row, by)
        with records.db.read() as tx:
            decision = decisions.of_case(tx, row.case_id)
            assert decision is not None
            shown = cases.suggestion_blob(tx, row.case_id, decision.version)
            assert shown is not None
            later = outcomes.of_case(tx, row.case_id)
        suggestion = records.suggestion(shown)
        facts = suggestion.facts
        unnamed = tuple(fact for fact in facts.facts if fact.kind != FactKind.IDENTITY)
        case = DecidedCase(
            row_id=row.case_id,
            facts=facts.model_copy(update={"facts": unnamed}),
            kind=decision.kind,
            suggested=suggestion.selected,
            selected=decision.selected,
            reasoned=bool(decision.reason.strip()),
            made_by=suggestion.made_by,
            source_model=suggestion.model,
            decision_id=decision.decision_id,
            reviewer_id=records.blobs.keyring.name("reviewer", decision.reviewer.reviewer_id),
            reviewer_role=decision.reviewer.role,
            decided_at=decision.decided_at,
            dwell_ms=decision.dwell_ms,
            arm=Arm.UNAIDED if suggestion.selected is None else Arm.SHOWN,
            outcomes=later,
        )
        if not case.contradiction():
            found.append(case)
    return found


def _version(world: World, name: str, by: str) -> reading.Version:
    case, _, number = name.partition("@")
    if number and not number.isdigit():
        raise TuningError(TuningFault.NO_VERSION, f"{name}: CASE@VERSION names a version by its number")
    row, opened = _opened(world.records, case, by)
    step = reading.version(opened, int(number) if number else None)
    with world.records.db.read() as tx:
        found = cases.find(tx, row.case_id)
    assert found is not None
    facts = world.facts(row.pathway, found.encounter_id, step.shown.snapshot_blob)
    return reading.Version(facts=facts, suggestion=step.shown.suggestion, decision=step.decision)


def _opened(records: Records, name: str, by: str) -> tuple[TrajectoryRow, Trajectory]:
    matching = [row for row in listed(records) if row.case_id.startswith(name)]
    if len(matching) != 1:
        raise TuningError(TuningFault.NO_TRAJECTORY, f"{len(matching)} trajectories begin with {name!r}")
    _audit(records, Action.VIEW, matching[0], by)
    return matching[0], trajectory.read(records.blobs.get(matching[0].blob))


def _audit(records: Records, action: Action, row: TrajectoryRow, by: str) -> None:
    with records.db.write() as tx:
        records.auditor.append(tx, action, f"trajectory {row.blob[:16]}", actor=f"person:{by}", case_id=row.case_id)
