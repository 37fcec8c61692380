"""The chart is read whole: every page, every version, and what was deleted."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import httpx
import pytest

from tests.measure.oracle import chart
from tests.unit.measure_oracle.made import result

AT = datetime(2026, 11, 28, tzinfo=UTC)
BASE = "http://chart.example/fhir"


def served(answers: Mapping[str, object], refused: int = 404) -> httpx.Client:
    """Return a client of a server that knows these paths, and has nothing at all others but histories."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().removeprefix("/fhir/")
        assert request.url.host == "chart.example" and request.headers["Authorization"] == "Bearer t"
        if path not in answers and "_history" in path:
            return httpx.Response(refused)
        return httpx.Response(200, content=json.dumps(answers.get(path, {"entry": []})))

    return httpx.Client(transport=httpx.MockTransport(answer))


def page(*resources: dict, following: str = "") -> dict:
    link = [{"relation": "next", "url": following}] if following else []
    return {"entry": [{"resource": r, "request": {"method": "PUT"}} for r in resources], "link": link}


@pytest.mark.parametrize(
    "following",
    [
        f"{BASE}/Observation?page=2",
        "http://chart.svc.cluster.local/fhir/Observation?page=2",
        "/fhir/Observation?page=2",
        "Observation?page=2",
    ],
)
def test_next_pages_are_read_however_their_address_is_spelled(following: str) -> None:
    pages = {"Observation?_count=500": page(result("a"), following=following), "Observation?page=2": page(result("b"))}
    found = chart.read(BASE, "t", AT, served(pages))
    assert set(found.current) == {"Observation/a", "Observation/b"}


def test_old_versions_and_deletions_are_known_from_the_history() -> None:
    deletion = {"request": {"method": "DELETE", "url": "Observation/gone"}}
    history = page(result("a", 4.2, version=2), result("a", 7.2, version=1), result("gone"))
    restored = {"request": {"method": "DELETE", "url": "Observation/a"}}
    answers = {
        "Observation?_count=500": page(result("a", 4.2, version=2)),
        "Observation/_history?_count=500": history | {"entry": [deletion, restored, *history["entry"]]},
    }
    found = chart.read(BASE, "t", AT, served(answers))
    was = found.was("Observation/a", "1")
    assert was and was["valueQuantity"]["value"] == 7.2
    assert found.deleted == {"Observation/gone"} and "Observation/gone" not in found.current
    assert found.was("Observation/gone", "1") is not None and found.was("Observation/a", "9") is None


def test_a_server_without_history_is_read_as_far_as_it_goes() -> None:
    found = chart.read(BASE, "t", AT, served({"Observation?_count=500": page(result("a"))}))
    assert found.without_history == {"Encounter", "Observation", "Patient"}
    assert found.was("Observation/a", "1") is not None


def test_a_server_that_fails_is_no_empty_chart() -> None:
    with pytest.raises(httpx.HTTPStatusError):
        chart.read(BASE, "t", AT, served({}, refused=500))
