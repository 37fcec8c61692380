"""What `wardflow doctor` says of a FHIR server, and of the ways in which its news reach us."""

import pytest

from integrations.fhir.client import FhirClient
from integrations.fhir.feed import Feed
from service.operate import chart_checks
from service.operate.findings import Finding, Verdict
from tests.fakes.chart import StrictServer

TYPES = ("Encounter", "Media", "Binary")


@pytest.fixture
def server() -> StrictServer:
    return StrictServer()


def feed_of(fhir: FhirClient) -> Feed:
    return Feed("ehr", fhir, TYPES, "http://gateway.test/feeds/ehr", "s3cret")


def subscribed(server: StrictServer) -> Feed:
    feed = feed_of(server.client())
    for type_ in TYPES:
        feed.ensure_subscription(type_)
    return feed


def text(findings: list[Finding]) -> str:
    return "\n".join(found.lines(10) for found in findings)


def test_a_server_that_takes_all_of_it_is_well_and_nothing_is_left_in_it(server: StrictServer) -> None:
    server.refused = {}
    feed = subscribed(server)
    found = [*chart_checks.server(feed.fhir, [feed]), *chart_checks.feed(feed)]
    assert {one.verdict for one in found} == {Verdict.OK}
    assert not [key for key in server.kept if key[0] == "Basic"]


def test_a_refused_token_is_named_as_such_and_the_transactions_are_not_blamed(server: StrictServer) -> None:
    feed = feed_of(server.client("wrong"))
    found = [*chart_checks.server(feed.fhir, [feed]), *chart_checks.feed(feed)]
    failed = [one for one in found if one.verdict == Verdict.FAIL]
    assert [one.part for one in failed] == ["fhir", "feed"]
    for one in failed:
        assert one.told.startswith("credentials refused: 401 Unauthorized at GET http://chart.test/fhir/Encounter")
        assert "fhir_token" in one.fix and "keys.json" in one.fix
    assert "transaction" not in text(found)


def test_a_blind_type_is_a_failure_with_address_words_and_setting(server: StrictServer) -> None:
    server.subscriptions = "refused"
    found = list(chart_checks.feed(feed_of(server.client())))
    failed = {one.told for one in found if one.verdict == Verdict.FAIL}
    assert len(failed) == 2 and {one.verdict for one in found} == {Verdict.FAIL, Verdict.WARN}
    assert any("blind: Binary (400 Cannot search on Binary resource type) at GET http://chart.test/fhir/Binary" in told
               for told in failed)  # fmt: skip
    assert "wardflow.toml" in text(found) and "No subscriptions for this client" in text(found)


@pytest.mark.parametrize("subscriptions", ["active", "requested"])
def test_a_type_that_comes_one_way_is_a_warning_and_one_that_comes_neither_way_a_failure(
    server: StrictServer, subscriptions: str
) -> None:
    server.subscriptions = subscriptions
    found = list(chart_checks.feed(subscribed(server)))
    by_verdict = {verdict: [one.told for one in found if one.verdict == verdict] for verdict in Verdict}
    if subscriptions == "active":
        assert not by_verdict[Verdict.FAIL] and len(by_verdict[Verdict.WARN]) == 2
        assert all("by its Subscription alone" in told for told in by_verdict[Verdict.WARN])
    else:
        assert len(by_verdict[Verdict.FAIL]) == 2
        assert by_verdict[Verdict.WARN] == ["ehr: Subscriptions are not active for Encounter"]


def test_a_server_that_keeps_half_of_a_transaction_fails_and_what_it_kept_is_removed(server: StrictServer) -> None:
    server.rolls_back = False
    found = chart_checks.rolls_back(server.client())
    assert found.verdict == Verdict.FAIL and "in part" in found.told
    assert not server.kept


def test_what_cannot_be_removed_is_named(server: StrictServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.rolls_back = False
    client = server.client()
    kept = server.kept

    def forbidden(type_: str, id_: str) -> None:
        server.writes = False
        FhirClient.delete(client, type_, id_)

    monkeypatch.setattr(client, "delete", forbidden)
    found = chart_checks.rolls_back(client)
    ((_, id_),) = kept
    assert f"Basic/{id_} could not be deleted" in found.told


def test_a_server_that_ignores_versions_fails(server: StrictServer) -> None:
    server.checks_versions = False
    found = chart_checks.rolls_back(server.client())
    assert found.verdict == Verdict.FAIL and "If-Match" in found.told and not server.kept


@pytest.mark.parametrize("token", ["t0ken", "wrong"])
def test_a_probe_that_could_not_run_is_not_known_and_never_well(server: StrictServer, token: str) -> None:
    server.writes = False
    found = chart_checks.rolls_back(server.client(token))
    assert found.verdict == Verdict.WARN and found.told.startswith("not known whether")
    assert "403 Forbidden" in found.told or "401 Unauthorized" in found.told


def test_the_text_names_what_mends_it_on_a_line_of_its_own() -> None:
    found = Finding(part="reconciler", verdict=Verdict.FAIL, told="refused", fix="set it")
    assert found.lines(10) == "FAIL reconciler refused\n                mend: set it"
    assert Finding(part="clock", verdict=Verdict.OK, told="well").lines(10) == "OK   clock      well"
