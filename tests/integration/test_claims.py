"""What a feed claims hides nothing: the chart is read again, and decides."""

import json

import pytest

from tests.ward import Resource, Ward

pytestmark = pytest.mark.integration


def page_of(ward: Ward, row: Resource) -> str:
    return ward.page().get(f"/cases/{row['case_id']}").raise_for_status().text


def test_a_version_that_a_feed_claims_does_not_hide_the_real_change_after_it(ward: Ward) -> None:
    encounter = ward.admit("claimed", hr=80, spo2=98)
    before = ward.suggested(encounter)
    ward.settled()
    real = ward.world.fhir.read("Observation", f"{encounter}-spo2")
    claimed = real | {"meta": real["meta"] | {"versionId": "999999999999999"}}
    assert ward.notify(json.dumps(claimed).encode()).status_code == 200
    ward.settled()
    ward.chart(encounter, spo2=72)
    row = ward.suggested(encounter, version=before["version"] + 1)
    assert "72 %" in page_of(ward, row)
    assert ward.decide(row).status_code == 200


@pytest.mark.parametrize("notice", ["delete", "empty", "medplum"])
def test_a_deletion_makes_the_open_case_read_the_chart_again(ward: Ward, notice: str) -> None:
    encounter = ward.admit(f"deleted-{notice}", hr=80, spo2=72)
    row = ward.suggested(encounter)
    ward.settled()
    assert "72 %" in page_of(ward, row)
    gone = f"Observation/{encounter}-spo2"
    ward.world.fhir.delete(*gone.split("/"))
    tell = {
        "delete": lambda: ward.notify(b"", method="DELETE", path=gone),
        "empty": lambda: ward.notify(b"", path=gone),
        "medplum": lambda: ward.notify(b"{}", method="POST", **{"X-Medplum-Deleted-Resource": gone}),
    }[notice]
    assert tell().status_code == 200
    again = ward.suggested(encounter, version=row["version"] + 1)
    assert "72 %" not in page_of(ward, again)
    assert ward.decide(row).status_code == 409
    assert ward.decide(again).status_code == 200


def test_each_of_two_equal_deletions_is_kept_and_has_its_fate(ward: Ward) -> None:
    encounter = ward.admit("deleted-twice", hr=80)
    row = ward.suggested(encounter)
    ward.settled()
    before = len(ward.fates(encounter))
    for _ in range(2):
        assert ward.notify(b"", method="DELETE", path=f"Observation/{encounter}-hr").status_code == 200
    assert len(ward.fates(encounter)) == before + 2
    ward.settled()
    assert ward.fates(encounter)[-2:] == [("absorbed", None)] * 2
    same = ward.suggested(encounter)
    assert same["suggestion_hash"] == row["suggestion_hash"], "the chart still holds it"
    assert ward.decide(same).status_code == 200
