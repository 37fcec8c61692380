"""A signature covers all of a decision but itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from contracts.decisions import Correction, Decision, DecisionKind, Evidence, contradiction
from tests.fakes.samples import NOW, PHYSICIAN, decision

KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
OTHERS: dict[str, Any] = {
    "schema_version": 2,
    "decision_id": "d-2",
    "case_id": "case-2",
    "version": 2,
    "shown_hash": "hash-2",
    "kind": DecisionKind.CHANGE,
    "selected": "1",
    "reason": "other",
    "reviewer": PHYSICIAN,
    "decided_at": NOW + timedelta(microseconds=1),
    "dwell_ms": 1,
    "corrections": (Correction(key="medication_1", text="ranitidine 150 mg"),),
    "evidence": Evidence.UNCHECKED,
}


def signed(unsigned: Decision) -> Decision:
    return unsigned.model_copy(update={"signature": KEY.sign(unsigned.signed_bytes()).hex()})


def verify(given: Decision) -> None:
    KEY.public_key().verify(bytes.fromhex(given.signature), given.signed_bytes())


@given(st.text(), st.none() | st.text(), st.datetimes(timezones=st.just(UTC)))
def test_a_signature_holds_after_a_trip_through_json(reason: str, selected: str | None, at: datetime) -> None:
    made = signed(decision(reason=reason, selected=selected, decided_at=at))
    verify(Decision.model_validate_json(made.model_dump_json()))


@pytest.mark.parametrize("field", sorted(Decision.model_fields.keys() - {"signature"}))
def test_a_change_of_any_field_breaks_the_signature(field: str) -> None:
    forged = signed(decision()).model_copy(update={field: OTHERS[field]})
    with pytest.raises(InvalidSignature):
        verify(forged)


def test_the_signature_is_not_part_of_what_is_signed() -> None:
    assert signed(decision()).signed_bytes() == decision().signed_bytes()


@pytest.mark.parametrize("later", ["corrections", "evidence"])
def test_a_decision_from_before_a_field_was_added_stays_valid_and_the_field_cannot_be_added(later: str) -> None:
    before = decision().model_dump_json(exclude={"corrections", "evidence"}).encode()
    older = decision().model_copy(update={"signature": KEY.sign(before).hex()})
    verify(older)
    added = older.model_copy(update={later: OTHERS[later]})
    with pytest.raises(InvalidSignature):
        verify(added)


def test_one_key_does_not_vouch_for_another() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"t" * 32).public_key()
    with pytest.raises(InvalidSignature):
        other.verify(bytes.fromhex(signed(decision()).signature), decision().signed_bytes())


@pytest.mark.parametrize(
    ("kind", "selected", "reason", "proposed", "found"),
    [
        ("approve", "3", "", "3", None),
        ("approve", "3", "walks normally", "3", "an approval with a reason"),
        ("approve", "3", "wrong patient", "3", "an approval with a reason"),
        ("approve", "4", "", "3", "an approval of another level than the proposed one"),
        ("approve", "3", "", None, "an approval of another level than the proposed one"),
        ("approve", None, "", None, "an approval of another level than the proposed one"),
        ("approve", "3", None, "3", None),
        ("change", "4", "walks normally", "3", None),
        ("change", "4", "  ", "3", "a change without a reason"),
        ("change", "4", None, "3", None),
        ("choose", "4", "", None, None),
        ("choose", "4", "walks normally", "3", None),
        ("reject", None, "sample in doubt", "1", None),
        ("reject", "1", "sample in doubt", "1", "a rejection with a level"),
    ],
)
def test_what_contradicts_the_kind_of_a_decision_is_named(
    kind: str, selected: str | None, reason: str | None, proposed: str | None, found: str | None
) -> None:
    assert contradiction(DecisionKind(kind), selected, reason, proposed) == found
