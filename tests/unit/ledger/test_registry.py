"""The registry: models as they were made, and what an alias means."""

from collections.abc import Callable

import pytest

from contracts.errors import TuningError
from contracts.tuning import VerdictOutcome
from integrations.ledger import attestation, chains, marks, registry, tables
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.registry import CHAMPION
from tests.fakes.models import model

KEY = b"k" * 32
AUDITOR = Auditor("test", KEY)
Act = Callable[..., object]


@pytest.fixture
def act(db: Database) -> Act:
    def run(function: Callable[..., object], *args: object) -> object:
        with db.write() as tx:
            return function(tx, AUDITOR, *args)

    run(registry.register, model("base", VerdictOutcome.UNTUNED, parent=None))
    for name in ("a", "b"):
        run(registry.register, model(name))
    return run


def meant(db: Database) -> str:
    with db.read() as tx:
        return registry.meant(tx, CHAMPION)


def test_going_back_leads_down_to_the_untuned_model_and_no_further(db: Database, act: Act) -> None:
    assert meant(db) == ""
    act(registry.promote, CHAMPION, "a", "n-okafor", "first")
    act(registry.promote, CHAMPION, "b", "n-okafor", "second")
    assert act(registry.rollback, CHAMPION, "n-okafor", "worse") == meant(db) == "a"
    assert act(registry.rollback, CHAMPION, "n-okafor", "worse") == meant(db) == ""
    with pytest.raises(TuningError, match="nothing_before"):
        act(registry.rollback, CHAMPION, "n-okafor", "worse")


def test_after_going_back_a_promotion_can_be_taken_back_again(db: Database, act: Act) -> None:
    act(registry.promote, CHAMPION, "a", "n-okafor", "first")
    act(registry.promote, CHAMPION, "b", "n-okafor", "second")
    act(registry.rollback, CHAMPION, "n-okafor", "worse")
    act(registry.promote, CHAMPION, "b", "n-okafor", "it was not b")
    assert act(registry.rollback, CHAMPION, "n-okafor", "it was") == meant(db) == "a"


def test_each_deployment_has_its_interval_its_person_and_its_audit_record(db: Database, act: Act) -> None:
    act(registry.promote, CHAMPION, "a", "n-okafor", "first")
    act(registry.rollback, CHAMPION, "c-lindqvist", "worse")
    with db.read() as tx:
        last, first = registry.history(tx, CHAMPION)
        records = [row.record for row in tx.execute(tables.audit.select())]
        read = chains.read(tx, KEY)
        unvouched = list(attestation.differences(tx, KEY, read.latest))
        assert not any("breaks" in line for line in read.findings)
        assert [line for line in unvouched if marks.BOUND_SINCE not in line] == []
    assert (first.name, first.by, first.reason, first.until) == ("a", "n-okafor", "first", last.since)
    assert (last.name, last.by, last.until) == ("", "c-lindqvist", None)
    assert any('"person:c-lindqvist"' in record and '"deploy"' in record for record in records)


@pytest.mark.parametrize(
    ("name", "kind"), [("unknown", "unknown_model"), ("base", "not_better"), ("worse", "not_better"), ("a", "deployed")]
)
def test_only_a_better_model_that_does_not_serve_yet_is_promoted(db: Database, act: Act, name: str, kind: str) -> None:
    act(registry.register, model("worse", VerdictOutcome.NOT_BETTER, "not better: kappa -0.100"))
    act(registry.promote, CHAMPION, "a", "n-okafor", "first")
    with pytest.raises(TuningError, match=kind):
        act(registry.promote, CHAMPION, name, "n-okafor", "again")
    assert meant(db) == "a"


def test_a_model_of_another_base_than_its_parent_is_not_registered(act: Act) -> None:
    with pytest.raises(TuningError, match="other_base"):
        act(registry.register, model("c", base="other"))


def test_a_name_stands_for_the_same_weights_for_ever(db: Database, act: Act) -> None:
    act(registry.register, model("a", VerdictOutcome.NOT_BETTER, "judged anew"))
    with pytest.raises(TuningError, match="name_taken"):
        act(registry.register, model("a", adapter="others"))
    with db.read() as tx:
        found = registry.find(tx, "a")
    assert found is not None
    assert (found.verdict, found.adapter_sha256) == ("judged anew", "a")
