"""A chart that refuses: what still comes is shown, and what does not come is said where people look."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from service.gateway.reconciler import MOST_PAUSE_S
from tests.fakes.chart_proxy import ChartProxy
from tests.ward import Ward

pytestmark = pytest.mark.integration
BINARY = (400, "Cannot search on Binary resource type")
QUICK = "\n[timing]\nhealth_s = 1.0\nreconcile_s = 2.0\n"


@dataclass
class Refusing:
    ward: Ward
    proxy: ChartProxy

    def ready(self, process: str) -> tuple[int, dict[str, Any]]:
        port = getattr(self.ward.settings.parts, f"{process}_port")
        answer = httpx.get(f"http://127.0.0.1:{port}/readyz")
        return answer.status_code, answer.json()["parts"]

    def logged(self, event: str, **wanted: object) -> dict[str, Any] | None:
        lines = (self.ward.state / "logs" / "gateway.log").read_text().splitlines()
        told = [json.loads(line) for line in lines if f'"event": "{event}"' in line]
        return next((line for line in told if wanted.items() <= line.items()), None)


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refusing]:
    state = tmp_path_factory.mktemp("refusing")
    proxy = ChartProxy(lambda: json.loads((state / "ports.json").read_text())["fhir"])
    proxy.refused = {"Binary": BINARY, "Media": (403, "Forbidden")}
    ward = Ward(state, extra=f'{QUICK}[parts]\nfhir_url = "{proxy.url}"\n').start()
    yield Refusing(ward, proxy)
    ward.stop()
    proxy.close()


def test_refused_types_are_named_and_the_other_types_go_on(refusing: Refusing) -> None:
    ward, page = refusing.ward, refusing.ward.page()
    row = ward.suggested(ward.admit("beside", hr=90))
    ward.until(lambda: refusing.ready("worklist")[0] == 200 and refusing.ready("gateway")[0] == 200)
    for process in ("gateway", "worklist"):
        for refused in ("Binary (400 Cannot search on Binary resource type)", "Media (403 Forbidden)"):
            ward.until(lambda at=process, part=refused: part in refusing.ready(at)[1]["feed:ehr"]["reason"])
        assert refusing.ready(process)[1]["feed:ehr"]["state"] == "partly"
    text = ward.until(lambda: (t := page.get("/?fragment=true").text) and "recordings" in t and t)
    assert "Some new recordings" in text and "the chart refuses them" in text
    assert "No one is waiting" not in text
    assert ward.decide(row).status_code == 200
    ward.ended("beside")


def test_the_log_has_status_address_and_the_words_of_the_server(refusing: Refusing) -> None:
    line = refusing.ward.until(lambda: refusing.logged("feed_not_read", part="Binary", status=BINARY[0]))
    assert (line["status"], line["diagnostics"]) == BINARY
    assert line["url"].startswith(f"GET {refusing.proxy.url}/Binary?_lastUpdated=ge")


def test_a_version_that_a_feed_claims_in_advance_does_not_hide_the_change_that_gets_it(refusing: Refusing) -> None:
    ward = refusing.ward
    encounter = ward.admit("foreseen", hr=80, spo2=98)
    before = ward.suggested(encounter)
    ward.settled()
    real = ward.world.fhir.read("Observation", f"{encounter}-spo2")
    claimed = real | {"meta": real["meta"] | {"versionId": str(int(real["meta"]["versionId"]) + 1)}}
    assert ward.notify(json.dumps(claimed).encode()).status_code == 200
    ward.settled()
    known = len(ward.fates(encounter))
    ward.chart(encounter, spo2=72)
    ward.until(lambda: len(ward.fates(encounter)) > known)
    ward.settled()
    row = ward.suggested(encounter, version=before["version"] + 1)
    assert "72 %" in ward.page().get(f"/cases/{row['case_id']}").text
    assert ward.decide(row).status_code == 200


def test_a_refused_token_is_no_empty_waiting_room(refusing: Refusing) -> None:
    ward, page = refusing.ward, refusing.ward.page()
    refusing.proxy.refused = {}
    ward.until(lambda: refusing.ready("worklist")[1]["feed:ehr"]["state"] == "live", MOST_PAUSE_S + 10)
    assert "Not connected" not in page.get("/").text
    refusing.proxy.unauthorized = True
    try:
        ward.until(lambda: [refusing.ready(process)[0] for process in ("gateway", "worklist")] == [503, 503])
        text = page.get("/").text
        assert "Not connected to the chart since" in text and "new arrivals are not shown" in text
        assert "No one is waiting" not in text
        ward.until(lambda: refusing.ready("worklist")[1]["chart"]["state"] == "away")
        seen = refusing.ready("worklist")[1]
        assert seen["feed:ehr"]["state"] == seen["chart"]["state"] == "away"
        assert "401 Unauthorized" in seen["feed:ehr"]["reason"] and seen["chart"]["reason"] == "401 Unauthorized"
    finally:
        refusing.proxy.unauthorized = False
    ward.until(lambda: refusing.ready("worklist")[0] == 200 and "Not connected" not in page.get("/").text, 40)
    assert ward.decide(ward.suggested(ward.admit("after-401", hr=90))).status_code == 200


def test_a_chart_that_hangs_is_no_empty_waiting_room(refusing: Refusing) -> None:
    ward, page = refusing.ward, refusing.ward.page()
    with ward.frozen("fhir"):
        ward.until(lambda: [refusing.ready(process)[0] for process in ("gateway", "worklist")] == [503, 503])
        text = page.get("/").text
        assert "Not connected to the chart since" in text and "No one is waiting" not in text
    ward.until(lambda: refusing.ready("worklist")[0] == 200, 40)
