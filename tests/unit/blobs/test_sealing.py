"""What lies encrypted opens for its key and purpose only, and unchanged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError, ConfigurationFault
from integrations.blobs.sealing import HEADER, NONCE_BYTES, Keyring
from tests.fakes.samples import KEYRING

ROTATED = Keyring("k2", {"k1": KEYRING.keys["k1"], "k2": b"2" * 32}, KEYRING.naming_key)
SEALED = KEYRING.seal(b"Zebedee Quillfeather", "inbox")
AFTER_KEY_ID = len(HEADER) + 1 + len(b"k1")


@given(st.binary(), st.text())
def test_what_was_sealed_opens_again(plain: bytes, purpose: str) -> None:
    sealed = KEYRING.seal(plain, purpose)
    assert KEYRING.open(sealed, purpose) == plain
    assert len(plain) < 8 or plain not in sealed


def test_the_same_plain_text_never_seals_to_the_same_bytes() -> None:
    assert len({KEYRING.seal(b"x", "inbox") for _ in range(100)}) == 100


def refused(sealed: bytes, purpose: str = "inbox", keyring: Keyring = KEYRING) -> str:
    with pytest.raises(ConfigurationError) as fault:
        keyring.open(sealed, purpose)
    return fault.value.kind


@pytest.mark.parametrize("place", range(AFTER_KEY_ID, len(SEALED)))
def test_a_changed_bit_of_nonce_or_content_is_found(place: int) -> None:
    changed = bytearray(SEALED)
    changed[place] ^= 0x80
    assert refused(bytes(changed)) == "changed_at_rest"


def test_what_is_cut_or_was_never_sealed_is_found() -> None:
    assert refused(SEALED[:-1]) == "changed_at_rest"
    assert refused(b"plain") == "not_sealed"
    assert refused(b"") == "not_sealed"


@pytest.mark.parametrize("place", [len(HEADER), *range(AFTER_KEY_ID, AFTER_KEY_ID + 8)])
def test_what_is_cut_in_its_header_is_found(place: int) -> None:
    refused(SEALED[:place])


def test_a_changed_key_id_is_found() -> None:
    refused(SEALED[: len(HEADER) + 1] + b"\xff1" + SEALED[AFTER_KEY_ID:])


def test_a_sealed_value_opens_for_no_other_purpose() -> None:
    assert refused(SEALED, "temporal") == "changed_at_rest"


def test_a_lost_key_is_named_and_the_message_holds_no_key() -> None:
    with pytest.raises(ConfigurationError, match="k1") as fault:
        Keyring("k2", {"k2": b"2" * 32}, b"").open(SEALED, "inbox")
    assert fault.value.kind == ConfigurationFault.KEY_LOST
    assert "1111" not in f"{fault.value} {KEYRING!r}"


def test_after_a_rotation_old_values_open_and_new_ones_use_the_new_key() -> None:
    assert ROTATED.open(SEALED, "inbox") == b"Zebedee Quillfeather"
    assert refused(ROTATED.seal(b"x", "inbox")) == "key_lost"


def test_a_value_relabelled_with_another_known_key_does_not_open() -> None:
    assert refused(SEALED.replace(b"k1", b"k2", 1), keyring=ROTATED) == "changed_at_rest"


def test_names_are_the_same_for_the_same_parts_and_leak_none_of_them() -> None:
    name = KEYRING.name("case", "ed_triage", "enc-1", "1")
    assert name == KEYRING.name("case", "ed_triage", "enc-1", "1") != KEYRING.name("case", "ed_triage", "enc-11", "")
    assert len(name) == 40
    assert name != Keyring("k1", KEYRING.keys, b"other").name("case", "ed_triage", "enc-1", "1")


def test_a_nonce_has_the_length_that_nist_asks_for() -> None:
    assert NONCE_BYTES * 8 == 96
