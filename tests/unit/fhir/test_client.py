"""Our calls to the chart, answered in memory by httpx itself."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest

from contracts.errors import FhirError, FhirFault
from integrations.fhir.client import FhirClient, Resource
from integrations.fhir.feed import Feed
from tests.fakes.samples import NOW

BASE = "http://chart.test/fhir"


def client(answer: Callable[[httpx.Request], httpx.Response]) -> FhirClient:
    made = FhirClient(BASE, "t0ken")
    made._http = httpx.Client(transport=httpx.MockTransport(answer), headers=made._http.headers)
    return made


def page(*resources: Resource, following: str | None = None) -> httpx.Response:
    links = [{"relation": "next", "url": following}] if following else []
    return httpx.Response(200, json={"entry": [{"resource": r} for r in resources], "link": links})


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (409, FhirFault.CONFLICT, False),
        (412, FhirFault.CONFLICT, False),
        (404, FhirFault.MISSING, False),
        (410, FhirFault.MISSING, False),
        (400, FhirFault.REFUSED, False),
        (422, FhirFault.REFUSED, False),
        (429, FhirFault.UNREACHABLE, True),
        (503, FhirFault.UNREACHABLE, True),
    ],
)
def test_faults_are_classified_where_they_are_seen(status: int, kind: FhirFault, retryable: bool) -> None:
    with pytest.raises(FhirError) as refused:
        client(lambda _: httpx.Response(status, text="Zebedee has a rash")).read("Task", "1")
    assert (refused.value.kind, refused.value.retryable) == (kind, retryable)
    assert "Zebedee" not in str(refused.value)


def test_no_answer_and_no_json_may_be_tried_again() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("away", request=request)

    for answer in (away, lambda _: httpx.Response(200, text="<html>")):
        with pytest.raises(FhirError) as refused:
            client(answer).read("Task", "1")
        assert (refused.value.kind, refused.value.retryable) == (FhirFault.UNREACHABLE, True)


def test_a_search_reads_all_matches_of_all_pages() -> None:
    seen: list[str] = []

    def paged(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        if "page" in request.url.params:
            return page({"id": "2"})
        return page({"id": "1"}, following=f"{BASE}?page=2")

    assert [r["id"] for r in client(paged).search("Task?code=x")] == ["1", "2"]
    assert seen == [f"{BASE}/Task?code=x&_count=500", f"{BASE}?page=2"]


def test_what_comes_with_the_matches_is_no_match() -> None:
    entries = [{"resource": {"id": mode}, "search": {"mode": mode}} for mode in ("match", "include", "outcome")]
    found = client(lambda _: httpx.Response(200, json={"entry": entries})).search("Task")
    assert [r["id"] for r in found] == ["match"]


@pytest.mark.parametrize("elsewhere", ["http://elsewhere.test/fhir/Task?page=2", f"{BASE}.evil.test/?page=2"])
def test_our_token_follows_no_page_to_another_address(elsewhere: str) -> None:
    asked: list[str] = []

    def paged(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return page({"id": "1"}, following=elsewhere)

    with pytest.raises(FhirError) as refused:
        client(paged).search("Task")
    assert (refused.value.kind, asked) == (FhirFault.REFUSED, ["chart.test"])


@pytest.mark.parametrize(
    ("date", "known"), [({"date": "Mon, 05 Jan 2026 08:30:00 GMT"}, NOW), ({}, None), ({"date": "now"}, None)]
)
def test_the_servers_clock_is_kept_where_it_tells(date: dict[str, str], known: datetime | None) -> None:
    made = client(lambda _: httpx.Response(200, json={}, headers=date))
    made.read("Task", "1")
    assert made.server_time == known


def test_a_stopped_subscription_is_asked_for_again_and_an_active_one_is_left() -> None:
    kept: dict[str, Resource] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "PUT":
            kept[path] = json.loads(request.content)
        return httpx.Response(200, json=kept[path]) if path in kept else httpx.Response(404)

    feed = Feed("ehr", client(answer), ("Encounter",), "http://gateway.test/feeds/ehr", "s3cret")
    assert feed.ensure_subscriptions() == ["Encounter"]
    (subscription,) = kept.values()
    assert subscription["channel"]["header"] == ["Authorization: Bearer s3cret"]
    subscription["status"] = "active"
    assert feed.ensure_subscriptions() == []
    subscription["status"] = "error"
    assert feed.ensure_subscriptions() == ["Encounter"]


def test_reconciliation_finds_what_changed() -> None:
    encounter = {"resourceType": "Encounter", "id": "1", "meta": {"versionId": "2"}}
    feed = Feed("ehr", client(lambda _: page(encounter)), ("Encounter",), "", "")
    assert [e.resource_id for e in feed.changed_since(NOW - timedelta(minutes=5))] == ["1"]


@pytest.mark.parametrize("odd", [{"resourceType": "OperationOutcome"}, {"resourceType": "Encounter", "id": "2"}])
def test_a_match_that_is_no_versioned_resource_does_not_hide_the_others(odd: Resource) -> None:
    encounter = {"resourceType": "Encounter", "id": "1", "meta": {"versionId": "2"}}
    feed = Feed("ehr", client(lambda _: page(odd, encounter)), ("Encounter",), "", "")
    left, right = feed.changed_since(NOW)
    assert left.quarantine
    assert (right.resource_id, right.quarantine) == ("1", None)
