"""What an alias means, from the ledger, at each call."""

from dataclasses import replace

import pytest

from contracts.errors import ModelError
from contracts.tuning import VerdictOutcome
from integrations.inference import router
from integrations.inference.chat import ChatEndpoint
from integrations.ledger import registry
from integrations.ledger.database import Database
from integrations.ledger.registry import CHAMPION, Served
from tests.fakes.models import AUDITOR, endpoint, model, promote


def test_a_server_of_its_own_url_is_asked_for_what_was_promoted(db: Database) -> None:
    assert router.resolve(db, endpoint("http://gpu/v1")).model == "untuned"
    promote(db)
    asked = router.resolve(db, endpoint("http://gpu/v1"))
    assert (asked.model, asked.url) == ("a", "http://gpu/v1")


def test_a_local_server_counts_as_what_is_up_and_not_as_what_was_promoted(db: Database) -> None:
    with db.write() as tx:
        registry.set_served(tx, AUDITOR, CHAMPION, Served(name="untuned", url="http://127.0.0.1:1/v1"))
    promote(db)
    asked = router.resolve(db, endpoint(""))
    assert (asked.model, asked.url) == ("untuned", "http://127.0.0.1:1/v1")
    with db.write() as tx:
        registry.set_served(tx, AUDITOR, CHAMPION, None)
    with pytest.raises(ModelError, match="unreachable"):
        router.resolve(db, endpoint(""))


def test_where_a_model_was_measured_is_its_own_verdict_or_what_the_configuration_says_of_the_base(db: Database) -> None:
    def measured_on(url: str, *configured: str) -> tuple[str, ...]:
        return router.resolve(db, replace(endpoint(url), measured_on=configured)).measured_on

    assert measured_on("http://gpu/v1") == ()
    assert measured_on("http://gpu/v1", "dictation") == ("dictation",)
    with db.write() as tx:
        registry.set_served(tx, AUDITOR, CHAMPION, Served(name="untuned", url="http://127.0.0.1:1/v1"))
    promote(db)
    assert measured_on("http://gpu/v1", "dictation") == ("ed_triage",), "a tuned model is another than the base"
    assert measured_on("") == (), "the base is still up"
    with db.write() as tx:
        registry.set_served(tx, AUDITOR, CHAMPION, Served(name="a", url="http://127.0.0.1:1/v1"))
    assert measured_on("") == ("ed_triage",)
    with db.write() as tx:  # measured again, and worse
        registry.register(tx, AUDITOR, model("a", VerdictOutcome.NOT_BETTER, parent="untuned"))
    assert measured_on("") == measured_on("http://gpu/v1", "ed_triage") == ()


def test_a_name_is_no_alias(db: Database) -> None:
    named = endpoint("http://gpu/v1", "base-model")
    assert router.alias_of(named) is None
    assert router.resolve(db, named) == named


def test_what_was_tuned_for_one_pathway_answers_no_other_until_it_is_gone(db: Database) -> None:
    local, own = endpoint(""), endpoint("http://gpu/v1")

    def elsewhere(asked: ChatEndpoint, pathway: str) -> bool:
        with db.read() as tx:
            return router.tuned_elsewhere(tx, asked, pathway)

    assert not elsewhere(own, "result_followup")
    promote(db)
    with db.write() as tx:
        registry.set_served(tx, AUDITOR, CHAMPION, Served(name="a", url="http://127.0.0.1:1/v1"))
    assert elsewhere(own, "result_followup") and elsewhere(local, "result_followup")
    assert not elsewhere(own, "ed_triage")
    assert not elsewhere(endpoint("http://gpu/v1", "base-model"), "result_followup")
    with db.write() as tx:
        registry.rollback(tx, AUDITOR, CHAMPION, "n-okafor", "worse")
    assert not elsewhere(own, "result_followup")
    assert elsewhere(local, "result_followup"), "it is up until the one before it answers"


def test_a_mark_that_leads_to_another_machine_is_not_followed(db: Database) -> None:
    with db.write() as tx:
        registry.set_served(tx, AUDITOR, CHAMPION, Served(name="untuned", url="https://evil.test/v1"))
    with pytest.raises(ModelError, match="forbidden"):
        router.resolve(db, endpoint(""))
