"""What looks into the ledger during a run find: what may follow a state, and how many cases may be open."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.measure.prove.samples import Samples


def found(*looks: list[tuple[str, str, str]]) -> list[str]:
    """Return the findings of several looks at cases: id, pathway and state of each."""
    samples = Samples(Path("unused"))
    told: list[str] = []
    for cases in looks:
        with closing(sqlite3.connect(":memory:")) as db:
            db.executescript(
                "CREATE TABLE counters (name, count); CREATE TABLE inbox (event_id, fate, case_id, encounter_id);"
                "CREATE TABLE cases (case_id, encounter_id, pathway, state, due_at, escalated_at, generation);"
                "CREATE TABLE decisions (case_id, decision_id); CREATE TABLE audit (chain, position);"
            )
            db.execute("INSERT INTO counters VALUES ('cases_opened', ?)", [len(cases)])
            for case_id, pathway, state in cases:
                row = (case_id, "e", pathway, state, "2126-01-01T00:00:00+00:00", None, 1)
                db.execute("INSERT INTO cases VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            told += map(str, samples._look(db))
    return told


def test_of_a_stay_and_pathway_one_case_is_open() -> None:
    assert found([("c1", "ed_triage", "open"), ("c2", "ed_triage", "open")]) == ["I3 e: 2 open cases of ed_triage"]


def test_a_decided_case_holds_up_no_next_one_and_other_pathways_count_for_themselves() -> None:
    assert found([("c1", "ed_triage", "decided"), ("c2", "ed_triage", "open"), ("c3", "dictation", "open")]) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [("open", "decided"), ("open", "stay_ended"), ("decided", "open"), ("decided", "continued"), ("open", "open")],
)
def test_a_case_becomes_what_may_follow(before: str, after: str) -> None:
    assert found([("c1", "ed_triage", before)], [("c1", "ed_triage", after)]) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [("decided", "closed_undecided"), ("decided", "stay_ended"), ("continued", "open"), ("stay_ended", "written")],
)
def test_a_case_becomes_nothing_else(before: str, after: str) -> None:
    assert found([("c1", "ed_triage", before)], [("c1", "ed_triage", after)]) == [
        f"I1 c1: case was {before} and became {after}"
    ]
