"""A patient with an unmistakable name goes through everything, and is looked for where she must not be (I9, I16)."""

from pathlib import Path

import pytest
import redis

from integrations.ledger import tables
from tests.fakes.model_server import ModelServer
from tests.ward import Ward

pytestmark = pytest.mark.integration
NAME = "Zzyzxcanary Quillfeather"
COMPLAINT = "crushing pompelmoose pain"


def found_in(folder: Path, words: tuple[bytes, ...]) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(word in path.read_bytes() for word in words)]


def test_the_canary_is_nowhere_outside_the_chart_and_the_page(ward: Ward, model_server: ModelServer) -> None:
    row = ward.suggested(ward.admit("privacy", COMPLAINT, name=NAME, hr=101))
    assert NAME in ward.page().get(f"/cases/{row['case_id']}").text, "people see who it is"
    model_server.mode = "nonsense"
    ward.chart("privacy", hr=131)  # a second version, by rules
    ward.decide(ward.suggested("privacy", version=2), "change", "1", "pompelmoose pain is getting worse")
    ward.ended("privacy")
    model_server.mode = "good"

    secret = tuple(text.encode() for text in ("Zzyzxcanary", "Quillfeather", "pompelmoose"))
    assert any(b"pompelmoose" in prompt.encode() for prompt in model_server.prompts), "the model sees the complaint"
    assert not any(NAME.split()[0] in prompt for prompt in model_server.prompts), "and never the name"
    for place in ("logs", "blobs"):
        assert found_in(ward.state / place, secret) == []
    temporal = [path for path in ward.state.glob("temporal.db*") if any(word in path.read_bytes() for word in secret)]
    assert temporal == []
    client = redis.Redis.from_url(ward.settings.parts.redis_url)
    dump = b"".join(client.dump(key) or b"" for key in client.scan_iter())
    client.close()
    assert dump and not any(word in dump for word in secret)
    assert found_in(ward.state / "fhir", secret), "the search would have found her"
    encounter = b"privacy"
    assert not any(encounter in path.read_bytes() for path in ward.state.glob("temporal.db*")), "ids are hashes"


def test_every_read_write_and_decision_has_a_record_here_and_in_the_chart(ward: Ward) -> None:
    ward.decide(ward.suggested(ward.admit("audited")))
    case = ward.ended("audited")
    with ward.world.records.db.read() as tx:
        rows = tx.execute(tables.audit.select()).all()
    mine = [row for row in rows if case.case_id in row.record]
    actions = [row.record.partition('"action":"')[2].partition('"')[0] for row in mine]
    assert {"read", "model_call", "propose", "view", "decide", "write", "record"} <= set(actions)
    assert actions.count("decide") == 1
    last = rows[-1]
    ward.until(lambda: ward.world.fhir.search(f"AuditEvent?_id=wardflow-{last.chain}-{last.position}"))
    ward.until(lambda: ("ignored", "own_write") in ward.fates("audited"))  # the next test counts what comes
    decided = next(row for row in mine if '"decide"' in row.record)
    event = ward.world.fhir.read("AuditEvent", f"wardflow-{decided.chain}-{decided.position}")
    assert event["agent"][0]["who"]["display"] == "person:n-okafor" and event["agent"][0]["requestor"]


def test_the_door_answers_2xx_only_for_what_it_keeps(ward: Ward) -> None:
    before = ward.settled()
    assert ward.notify(b"{}", token="wrong").status_code == 401
    assert ward.settled()["accepted"] == before["accepted"]
    for body in (b"{", b"[]", b"\xff\xfe", b"[" * 200_000, b'{"resourceType":"Patient"}'):
        assert ward.notify(body).status_code == 200
    assert ward.notify(b"x" * (5 * 1024 * 1024)).status_code == 200
    after = ward.settled()
    assert after["quarantined"] == before["quarantined"] + 6 and after["unaccounted"] == 0
