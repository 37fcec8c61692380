"""Whatever is done to a ledger behind our back is found, or stands in the list of what nobody vouches for."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from activities.world import World
from contracts.decisions import Decision, DecisionKind
from contracts.tuning import VerdictOutcome
from integrations import clock
from integrations.ledger import attestation, audit, marks, tables
from integrations.ledger import inbox as inbox_of
from integrations.ledger.audit import Action, Auditor
from integrations.ledger.registry import CHAMPION, SERVED
from service.gateway import anchors
from service.operate import ledger_checks
from tests.fakes import full_ledger
from tests.fakes.full_ledger import KEY, SIGNER, Full
from tests.fakes.samples import event

Lie = Callable[[sa.Connection, Full], None]
cases, decisions, kept_audit, inbox = tables.cases, tables.decisions, tables.audit, tables.inbox


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Full:
    return full_ledger.fill(tmp_path_factory.mktemp("full"))


@pytest.fixture
def copy(full: Full, tmp_path: Path) -> Iterator[World]:
    full.world.records.db.copy_to(tmp_path / "copy.db")
    with full.opened(tmp_path / "copy.db") as world:
        yield world


def lied(full: Full, world: World, lie: Lie) -> list[str]:
    with world.records.db.write() as tx:
        lie(tx, full)
    return full.found(world)


def test_a_ledger_that_nobody_touched_is_clean(full: Full, copy: World) -> None:
    assert full.found(copy) == []
    with copy.records.db.read() as tx:
        states = set(tx.scalars(sa.select(cases.c.state)))
        fates = set(tx.scalars(sa.select(inbox.c.fate)))
        empty = [table.name for table in tables.metadata.sorted_tables if not tx.execute(table.select()).first()]
        empty = [name for name in empty if f"{name}." not in attestation.DERIVED]
    assert states == {"open", "decided", "written", "rejected", "closed_undecided"} and empty == []
    assert fates == {"pending", "ignored", "superseded", "quarantined", "absorbed"}


def of(full: Full, name: str) -> sa.ColumnElement[bool]:
    return cases.c.case_id == full.refs[name].case_id


def cut_every_chain(tx: sa.Connection, _full: Full) -> None:
    for chain, end in audit.heads(tx).items():
        tx.execute(kept_audit.delete().where(kept_audit.c.chain == chain, kept_audit.c.position > end - 5))


def cut_to_the_first(tx: sa.Connection, _full: Full) -> None:
    tx.execute(kept_audit.delete().where(kept_audit.c.chain == "gateway", kept_audit.c.position > 1))


def delete_a_chain(tx: sa.Connection, _full: Full) -> None:
    tx.execute(kept_audit.delete().where(kept_audit.c.chain == "gateway"))


def delete_all_records(tx: sa.Connection, _full: Full) -> None:
    tx.execute(kept_audit.delete())
    marks.set_mark(tx, "audit_exported", "0")


def change_an_actor(tx: sa.Connection, _full: Full) -> None:
    row = tx.execute(kept_audit.select().where(kept_audit.c.position == 3).limit(1)).one()
    record = json.dumps(json.loads(row.record) | {"actor": "person:nobody"})
    tx.execute(kept_audit.update().where(kept_audit.c.seq == row.seq).values(record=record))


def delete_a_record(tx: sa.Connection, _full: Full) -> None:
    tx.execute(kept_audit.delete().where(kept_audit.c.position == 3, kept_audit.c.chain == "worker"))


def rewritten(**changes: Any) -> Lie:
    def lie(tx: sa.Connection, _full: Full) -> None:
        one = decisions.c.decision_id == "d-changed"
        document = json.loads(tx.scalar(sa.select(decisions.c.document).where(one)) or "")
        reviewer = document["reviewer"] | changes.pop("reviewer", {})
        after = json.dumps(document | changes | {"reviewer": reviewer})
        tx.execute(decisions.update().where(one).values(document=after))

    return lie


def another_reviewer_column(tx: sa.Connection, _full: Full) -> None:
    tx.execute(decisions.update().where(decisions.c.decision_id == "d-changed").values(reviewer="d-silva"))


def anothers_suggestion(tx: sa.Connection, full: Full) -> None:
    """Put the suggestion of another patient under an open case, consistently in every table."""
    other = tx.execute(cases.select().where(of(full, "written"))).one()
    shown = {"suggestion_blob": other.suggestion_blob, "snapshot_blob": other.snapshot_blob}
    tx.execute(cases.update().where(of(full, "open")).values(**shown, suggestion_hash=other.suggestion_hash))
    tx.execute(tables.runs.update().where(tables.runs.c.case_id == full.refs["open"].case_id).values(**shown))


def made_trainable(tx: sa.Connection, full: Full) -> None:
    kept = tables.trajectories
    tx.execute(kept.update().where(kept.c.case_id == full.refs["changed"].case_id).values(trainable=True))


def a_better_model(tx: sa.Connection, _full: Full) -> None:
    made = full_ledger.model("better-model", VerdictOutcome.BETTER)
    row = {"name": made.name, "pathway": made.pathway, "document": made.model_dump_json()}
    tx.execute(tables.models.insert().values(**row, registered_at=clock.now()))
    now_one = (tables.deployments.c.until.is_(None), tables.deployments.c.alias == CHAMPION)
    tx.execute(tables.deployments.update().where(*now_one).values(until=clock.now()))
    deployed = {"alias": CHAMPION, "name": made.name, "by": "n-okafor", "reason": "better"}
    tx.execute(tables.deployments.insert().values(**deployed, since=clock.now(), replaced="two"))


def served_elsewhere(tx: sa.Connection, _full: Full) -> None:
    marks.set_mark(tx, SERVED + CHAMPION, json.dumps({"name": "one", "url": "http://attacker.example/v1"}))


def started_again(tx: sa.Connection, _full: Full) -> None:
    tx.execute(tables.marks.delete().where(tables.marks.c.name == "stopped:model:code"))


def absorbed_to_ignored(tx: sa.Connection, _full: Full) -> None:
    five = sa.select(inbox.c.event_id).where(inbox.c.fate == "absorbed").limit(5)
    tx.execute(inbox.update().where(inbox.c.event_id.in_(five)).values(fate="ignored", reason="no_trigger"))


def a_year_later(tx: sa.Connection, _full: Full) -> None:
    for row in tx.execute(cases.select()).all():
        later = row.due_at + timedelta(days=365)
        tx.execute(cases.update().where(cases.c.case_id == row.case_id).values(due_at=later))


def erased(tx: sa.Connection, full: Full) -> None:
    case_id = full.refs["open"].case_id
    for table in (tables.deliveries, tables.runs, tables.own_writes, cases):
        tx.execute(table.delete().where(table.c.case_id == case_id))
    gone = tx.execute(inbox.delete().where(inbox.c.encounter_id == full.refs["open"].encounter_id)).rowcount
    for name, by in (("events_accepted", gone), ("cases_opened", 1)):
        same = tables.counters.c.name == name
        tx.execute(tables.counters.update().where(same).values(count=tables.counters.c.count - by))


LIES: dict[str, tuple[Lie, str]] = {
    "the end of each chain cut": (cut_every_chain, "the FHIR server has its record"),
    "a chain cut to its first record": (cut_to_the_first, "chain gateway ends at 1"),
    "a chain deleted": (delete_a_chain, "chain gateway ends at 0"),
    "all audit records deleted": (delete_all_records, "chain worker ends at 0"),
    "an actor changed": (change_an_actor, "breaks at 3"),
    "a record deleted in the middle": (delete_a_record, "chain worker breaks at 4"),
    "the reviewer's name": (rewritten(reviewer={"name": "Nobody"}), "its signature is not ours"),
    "the reviewer's column": (another_reviewer_column, "its columns are not what was signed"),
    "the signature removed": (rewritten(signature=""), "its signature is not ours"),
    "the reason": (rewritten(reason="no reason"), "its signature is not ours"),
    "the time": (rewritten(decided_at="2026-01-01T00:00:00Z"), "its signature is not ours"),
    "the level": (rewritten(selected="5"), "its columns are not what was signed"),
    "another patient's suggestion": (anothers_suggestion, "its suggestion is of another encounter"),
    "a trajectory made trainable": (made_trainable, "its file says otherwise"),
    "a model registered and deployed": (a_better_model, "model better-model is in the ledger, and in no audit record"),
    "a model served elsewhere": (served_elsewhere, "mark served:champion is not as its audit record left it"),
    "a stopped model started": (started_again, "mark stopped:model:code is in the audit, and no more in the ledger"),
    "events from absorbed to ignored": (absorbed_to_ignored, "and is ignored"),
    "deadlines a year later": (a_year_later, "opened"),
    "an open case erased": (erased, "and no more in the ledger"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found(full: Full, copy: World, name: str) -> None:
    lie, words = LIES[name]
    found = lied(full, copy, lie)
    assert any(words in line for line in found), found


def test_a_chain_that_was_deleted_is_found_where_the_chart_counts_nothing(full: Full, copy: World) -> None:
    full.chart.counts = False
    try:
        assert full.found(copy) == []
        assert any("chain gateway ends at 0" in line for line in lied(full, copy, delete_a_chain))
    finally:
        full.chart.counts = True


def test_a_second_baseline_legitimises_nothing(full: Full, copy: World) -> None:
    with copy.records.db.write() as tx:
        a_better_model(tx, full)
        tx.execute(tables.marks.delete().where(tables.marks.c.name == audit.ROWS_ATTESTED))
    audit.begin(copy.records.db, Auditor("worker", KEY))
    assert "the audit has 2 baselines, and each ledger has one" in full.found(copy)


def test_audit_records_that_the_chart_lost_are_found(full: Full, copy: World) -> None:
    lost = full.chart.kept.pop("wardflow-worker-3")
    try:
        assert any("the FHIR server has" in line for line in full.found(copy))
    finally:
        full.chart.kept["wardflow-worker-3"] = lost


def test_heads_that_another_host_kept_find_a_chain_cut_in_ledger_and_chart(
    full: Full, copy: World, tmp_path: Path
) -> None:
    file = tmp_path / anchors.HEADS_FILE
    anchors.write_heads(copy.records.db, file, full_ledger.HEADS)
    assert file.stat().st_mode & 0o777 == 0o600
    assert full.found(copy, file) == []
    with copy.records.db.write() as tx:
        tx.execute(kept_audit.delete().where(kept_audit.c.chain == "gateway", kept_audit.c.position > 2))
    assert any("audit-heads.jsonl has its record" in line for line in full.found(copy, file))
    text = file.read_text()
    file.write_text(text.replace('"worker":[', '"worker":[1'))
    assert "audit-heads.jsonl line 1 is not signed with our key" in full.found(copy, file)
    file.write_text("")
    assert "audit-heads.jsonl holds no signed head" in full.found(copy, file)


def test_records_older_than_their_hashes_are_accepted_once(full: Full, copy: World) -> None:
    """An upgrade: no record carries hashes; the baseline vouches for what is there, and a lie after it is found."""
    with copy.records.db.write() as tx:
        records = tx.execute(kept_audit.select().order_by(kept_audit.c.seq)).all()
        tx.execute(kept_audit.delete())
        tx.execute(
            tables.marks.delete().where(tables.marks.c.name.in_([audit.ROWS_ATTESTED, attestation.EVENTS_ATTESTED]))
        )
        marks.set_mark(tx, "audit_exported", "0")
        for row in records:
            record = json.loads(row.record)
            if record["action"] not in ("baseline", "attest"):
                fields = {name: record[name] for name in ("actor", "case_id", "encounter_id", "detail")}
                Auditor(row.chain, KEY).append(tx, Action(record["action"]), record["what"], **fields)
    kept, full.chart.kept = full.chart.kept, {}
    try:
        assert any("has 0 baselines" in line for line in full.found(copy))
        audit.begin(copy.records.db, Auditor("cli", KEY))
        assert audit.attest_events(copy.records.db, Auditor("gateway", KEY)) and full.found(copy) == []
        found = lied(full, copy, a_year_later)
        assert any("opened" in line and "not as its audit record left it" in line for line in found)
    finally:
        full.chart.kept = kept


def test_a_decision_that_contradicts_its_kind_is_listed_without_its_reason(full: Full, copy: World) -> None:
    with copy.records.db.write() as tx:
        old = Decision.model_validate_json(
            tx.scalar(sa.select(decisions.c.document).where(decisions.c.decision_id == "d-written")) or ""
        )
        unsigned = old.model_copy(update={"reason": "Zebedee walks normally"})
        signed = unsigned.model_copy(update={"signature": SIGNER.sign(unsigned.signed_bytes()).hex()})
        same = decisions.c.decision_id == "d-written"
        tx.execute(decisions.update().where(same).values(document=signed.model_dump_json()))
    with copy.records.db.read() as tx:
        (listed,) = ledger_checks.contradictions(copy.records, tx)
    assert (listed.decision_id, listed.kind, listed.reviewer_id) == ("d-written", DecisionKind.APPROVE, "n-okafor")
    assert "an approval with a reason" in str(listed) and "Zebedee" not in str(listed) + listed.model_dump_json()


def test_a_decision_whose_cell_is_no_text_hides_no_other(full: Full, copy: World) -> None:
    with copy.records.db.write() as tx:
        tx.exec_driver_sql("UPDATE decisions SET kind = x'ff' WHERE decision_id = 'd-written'")
        same = decisions.c.decision_id == "d-changed"
        tx.execute(decisions.update().where(same).values(reviewer="d-silva"))
    found = full.found(copy)
    for decision in ("d-written", "d-changed"):
        assert f"decision {decision}: its columns are not what was signed" in found
    with copy.records.db.read() as tx:
        assert list(ledger_checks.contradictions(copy.records, tx)) == []


# Any cell, any row


def cells(full: Full, *, one: bool = False) -> list[tuple[str, int, str | None]]:
    """Return every cell (table, number of the row, column), and every row as the column None.

    With `one`, only those of the last row of a table whose rows are alike.
    """
    found: list[tuple[str, int, str | None]] = []
    with full.world.records.db.read() as tx:
        for table in tables.metadata.sorted_tables:
            rows = tx.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            columns = [None, *(column.name for column in table.columns)]
            found += [
                (table.name, row, column)
                for row in range(rows)[-1 if one and table.name not in ("marks", "counters") else 0 :]
                for column in columns
            ]
    return found


def exempt(table: str, row: dict[str, Any], attested_until: int) -> bool:
    if table == "inbox":
        return row["event_id"] > attested_until
    if table == "own_writes":
        return row["version_id"] == ""
    name = f"{table}.{row.get('name', '')}"
    return any(name.startswith(known) for known in attestation.DERIVED if known not in ("inbox.", "own_writes."))


OTHERS = {
    "text": st.text("abcdef0123456789-:/", min_size=1, max_size=20),
    "number": st.integers(0, 10_000),
    "time": st.datetimes(timezones=st.just(UTC)),
}  # fmt: skip


def another(data: st.DataObject, column: sa.Column[Any]) -> Any:
    """Draw a value of the column's type, or nothing where the column may be empty."""
    if isinstance(column.type, sa.Boolean):
        return data.draw(st.booleans())
    of_type = {sa.Integer: "number", tables.UtcTime: "time"}
    drawn = OTHERS[next((kind for type_, kind in of_type.items() if isinstance(column.type, type_)), "text")]
    drawn = drawn.map(str.encode) if isinstance(column.type, sa.LargeBinary) else drawn
    return data.draw(drawn | st.none() if column.nullable else drawn)


def missed(full: Full, name: str, number: int, column: str | None, value: Any) -> str | None:
    """Write over one cell, or delete a row, in a transaction that is taken back; return what nobody noticed."""
    table = tables.metadata.tables[name]
    with full.world.records.db.write() as tx, tx.begin_nested() as taken_back:
        row = dict(tx.execute(table.select().offset(number).limit(1)).mappings().one())
        same = (table.c[key.name] == row[key.name] for key in table.primary_key.columns)
        if exempt(name, row, int(marks.mark(tx, attestation.EVENTS_ATTESTED) or 0)):
            return None
        try:
            change = (
                table.delete()
                if column is None
                else table.update().values({column: value(row[column], table.c[column])})
            )
            tx.execute(change.where(*same))
        except IntegrityError:  # the database refuses it
            return None
        found = full.found_in(tx)
        taken_back.rollback()
        return None if found else f"{name} {row} {column}"


def altered(value: Any, column: sa.Column[Any]) -> Any:
    """Return another value of the column's type."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case datetime():
            return value + timedelta(seconds=1)
        case bytes():
            return value + b"x"
        case None if isinstance(column.type, tables.UtcTime):
            return datetime(2026, 1, 1, tzinfo=UTC)
        case None:
            return "x"
        case _:
            return f"{value}x"


def test_each_column_is_vouched_for_or_listed(full: Full) -> None:
    unnoticed = [missed(full, *cell, altered) for cell in cells(full, one=True) if cell[2] != "body"]
    assert [line for line in unnoticed if line] == []


@given(st.data())
def test_any_cell_that_is_changed_is_found_or_listed(full: Full, data: st.DataObject) -> None:
    name, number, column = data.draw(st.sampled_from(cells(full)))
    drawn = another(data, tables.metadata.tables[name].c[column]) if column else None
    assert missed(full, name, number, column, lambda now, of: altered(now, of) if drawn == now else drawn) is None


def test_what_more_an_hour_brought_is_counted_in_a_row_that_is_attested_already(full: Full, copy: World) -> None:
    broken = [event(str(n), quarantine="unreadable") for n in range(3)]
    for one in broken:
        inbox_of.accept(copy.records.db, copy.records.blobs, [one], unreadable_an_hour=1)
        with copy.records.db.write() as tx:  # the event that waits holds up the ranges
            tx.execute(inbox.update().where(inbox.c.fate == "pending").values(fate="superseded"))
        audit.attest_events(copy.records.db, Auditor("gateway", KEY))
    with copy.records.db.read() as tx:
        reasons = list(tx.scalars(sa.select(inbox.c.reason).where(inbox.c.resource_id.startswith("rest-"))))
        more = [row.count for row in tx.execute(tables.counters.select()) if row.name.startswith("unreadable:")]
    assert (len(reasons), more, full.found(copy)) == (1, [3], [])
