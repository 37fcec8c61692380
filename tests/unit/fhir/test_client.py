"""Our calls to the chart, answered in memory by httpx itself."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import httpx
import pytest

from contracts.errors import FhirError, FhirFault
from integrations.fhir import client as fhir
from integrations.fhir.client import FhirClient, Resource
from integrations.fhir.feed import Feed
from integrations.telemetry import LOG_KEYS
from tests.fakes.chart import StrictServer
from tests.fakes.samples import NOW

BASE = "http://chart.test/fhir"
TASK = {"resourceType": "Task", "id": "1"}


def client(answer: Callable[[httpx.Request], httpx.Response]) -> FhirClient:
    return FhirClient(BASE, "t0ken", transport=httpx.MockTransport(answer))


def page(*resources: Resource, following: str | None = None) -> httpx.Response:
    links = [{"relation": "next", "url": following}] if following else []
    entries = [{"resource": r} for r in resources]
    return httpx.Response(200, json={"resourceType": "Bundle", "entry": entries, "link": links})


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


def test_no_answer_and_what_is_not_the_resource_may_be_tried_again() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("away", request=request)

    bodies = (b"<html>", b"[]", b"null", b"[" * 100_000, b'{"resourceType": "Patient", "id": "1"}', b'{"id": "1"}')
    odd = [lambda _, body=body: httpx.Response(200, content=body) for body in bodies]
    for answer in (away, *odd):
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
    found = client(lambda _: httpx.Response(200, json={"resourceType": "Bundle", "entry": entries})).search("Task")
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
    made = client(lambda _: httpx.Response(200, json=TASK, headers=date))
    made.read("Task", "1")
    assert made.server_time == known


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("after", "wait_s"),
    [("7", 7), ("Mon, 05 Jan 2026 08:30:07 GMT", 7), ("86400", 60), ("Tue, 05 Jan 2027 08:30:00 GMT", 60),
     ("Mon, 05 Jan 2026 08:29:00 GMT", None), ("soon", None), ("-1", None), ("9" * 5000, None), (None, None)],
    ids=str,
)  # fmt: skip
def test_a_server_that_names_a_time_is_not_asked_before(
    monkeypatch: pytest.MonkeyPatch, status: int, after: str | None, wait_s: float | None
) -> None:
    clock, asked = [100.0], []
    monkeypatch.setattr(fhir.time, "monotonic", lambda: clock[0])

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(clock[0])
        headers = {"date": "Mon, 05 Jan 2026 08:30:00 GMT"} | ({"retry-after": after} if after else {})
        return httpx.Response(status, headers=headers) if len(asked) == 1 else httpx.Response(200, json=TASK)

    made = client(answer)
    with pytest.raises(FhirError) as refused:
        made.read("Task", "1")
    assert refused.value.retry_after == (timedelta(seconds=wait_s) if wait_s else None)
    if wait_s:
        clock[0] += wait_s - 1
        with pytest.raises(FhirError) as early:
            made.search("Patient")
        assert (early.value.retryable, early.value.retry_after) == (True, timedelta(seconds=1))
        assert asked == [100.0], "nothing is asked meanwhile"
        clock[0] += 1
    made.read("Task", "1")
    assert asked == [100.0, clock[0]]


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir, "WHOLE_S", 0.1)
    monkeypatch.setattr(fhir, "MOST_BYTES", 10_000)

    class Endless(httpx.SyncByteStream):
        def __init__(self, chunk: bytes, pause_s: float) -> None:
            self.chunk, self.pause_s = chunk, pause_s

        def __iter__(self) -> Iterator[bytes]:
            for _ in range(100):
                time.sleep(self.pause_s)
                yield self.chunk
            raise AssertionError("read on")

    for stream in (Endless(b" ", 0.01), Endless(b" " * 1000, 0)):
        with pytest.raises(FhirError, match="answer without end"):
            client(lambda _, stream=stream: httpx.Response(200, stream=stream)).read("Task", "1")


def test_pages_without_end_are_given_up() -> None:
    with pytest.raises(FhirError, match="more than 200 pages"):
        client(lambda _: page({"id": "1"}, following=f"{BASE}?page=2")).search("Task")


def test_a_stopped_subscription_is_asked_for_again_and_an_active_one_is_left() -> None:
    kept: dict[str, Resource] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "PUT":
            kept[path] = json.loads(request.content)
        return httpx.Response(200, json=kept[path]) if path in kept else httpx.Response(404)

    feed = Feed("ehr", client(answer), ("Encounter",), "http://gateway.test/feeds/ehr", "s3cret")
    assert feed.ensure_subscription("Encounter") is False
    (subscription,) = kept.values()
    assert subscription["channel"]["header"] == ["Authorization: Bearer s3cret"]
    subscription["status"] = "active"
    assert feed.ensure_subscription("Encounter") is True
    subscription["status"] = "error"
    assert feed.ensure_subscription("Encounter") is False


def test_reconciliation_finds_what_changed() -> None:
    encounter = {"resourceType": "Encounter", "id": "1", "meta": {"versionId": "2"}}
    feed = Feed("ehr", client(lambda _: page(encounter)), ("Encounter",), "", "")
    assert [e.resource_id for e in feed.changed_since("Encounter", NOW - timedelta(minutes=5))] == ["1"]


@pytest.mark.parametrize("odd", [{"resourceType": "OperationOutcome"}, {"resourceType": "Encounter", "id": "2"}])
def test_a_match_that_is_no_versioned_resource_does_not_hide_the_others(odd: Resource) -> None:
    encounter = {"resourceType": "Encounter", "id": "1", "meta": {"versionId": "2"}}
    feed = Feed("ehr", client(lambda _: page(odd, encounter)), ("Encounter",), "", "")
    left, right = feed.changed_since("Encounter", NOW)
    assert left.quarantine
    assert (right.resource_id, right.quarantine) == ("1", None)


@pytest.mark.parametrize(
    "body",
    [{}, {"resourceType": "OperationOutcome"}, {"resourceType": "Bundle", "entry": [7]},
     {"resourceType": "Bundle", "entry": 7}, {"resourceType": "Bundle", "link": [{"relation": "next"}]}],
    ids=str,
)  # fmt: skip
def test_what_is_no_searchset_is_a_fault_and_no_chart_without_news(body: Resource) -> None:
    with pytest.raises(FhirError, match="answered a search with"):
        client(lambda _: httpx.Response(200, json=body)).search("Task")


def test_a_refusal_carries_status_address_and_the_servers_words_and_says_none_of_it_in_its_message() -> None:
    with pytest.raises(FhirError) as refused:
        StrictServer().client().search("Binary?_lastUpdated=ge2026-01-05&_count=10")
    assert (refused.value.status, refused.value.diagnostics) == (400, "Cannot search on Binary resource type")
    assert refused.value.url == f"GET {BASE}/Binary?_lastUpdated=ge2026-01-05&_count=10"
    assert refused.value.answer == "400 Cannot search on Binary resource type"
    assert "Cannot search" not in str(refused.value)
    assert refused.value.log_fields().keys() <= LOG_KEYS
