"""Documents in a real folder."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError, ConfigurationFault, LedgerError, LedgerFault
from integrations.blobs.sealing import Keyring
from integrations.blobs.store import BlobStore
from tests.fakes.samples import KEYRING

CONTENT = b'{"name": "Zebedee Quillfeather"}'


def files(store: BlobStore) -> list[Path]:
    return [path for path in Path(store.root).rglob("*") if path.is_file()]


@given(content=st.binary())
def test_what_was_put_is_got(blobs: BlobStore, content: bytes) -> None:
    assert blobs.get(blobs.put(content)) == content


def test_putting_twice_is_putting_once(blobs: BlobStore) -> None:
    assert blobs.put(CONTENT) == blobs.put(CONTENT)
    assert len(files(blobs)) == 1


def test_neither_name_nor_file_shows_the_content(blobs: BlobStore) -> None:
    name = blobs.put(CONTENT)
    (file,) = files(blobs)
    assert b"Zebedee" not in file.read_bytes()
    other = BlobStore(blobs.fs, f"{blobs.root}-2", Keyring("k1", KEYRING.keys, b"another key"))
    assert other.put(CONTENT) != name


def test_a_missing_blob_is_a_ledger_error(blobs: BlobStore) -> None:
    with pytest.raises(LedgerError) as fault:
        blobs.get("0" * 64)
    assert fault.value.kind == LedgerFault.BLOB_MISSING


def test_a_blob_that_was_exchanged_for_another_does_not_open(blobs: BlobStore) -> None:
    one, two = blobs.put(b"one"), blobs.put(b"two")
    by_name = {file.name: file for file in files(blobs)}
    by_name[one].write_bytes(by_name[two].read_bytes())
    with pytest.raises(ConfigurationError) as fault:
        blobs.get(one)
    assert fault.value.kind == ConfigurationFault.CHANGED_AT_REST


def test_a_folder_that_takes_no_file_is_a_ledger_error_that_may_pass(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LedgerError) as fault:
        BlobStore.at(f"{tmp_path}/file/blobs", KEYRING).put(CONTENT)
    assert (fault.value.kind, fault.value.retryable) == (LedgerFault.BLOB_NOT_STORED, True)


def test_putting_again_mends_a_blob_that_was_cut_short(blobs: BlobStore) -> None:
    name = blobs.put(CONTENT)
    files(blobs)[0].write_bytes(b"")
    blobs.put(CONTENT)
    assert blobs.get(name) == CONTENT


def test_a_full_disk_is_not_kept_full_by_halves_of_blobs(blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for _ in range(2):
        with pytest.raises(LedgerError):
            blobs.put(CONTENT)
    assert files(blobs) == []
