"""A signature covers all of a decision but itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from contracts.decisions import Correction, Decision, DecisionKind
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
    "corrections": (Correction(key="hr", text="70"),),
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


def test_one_key_does_not_vouch_for_another() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"t" * 32).public_key()
    with pytest.raises(InvalidSignature):
        other.verify(bytes.fromhex(signed(decision()).signature), decision().signed_bytes())
