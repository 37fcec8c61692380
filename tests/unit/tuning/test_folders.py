"""An adapter is used with the weights that it was made for, and with no others."""

from pathlib import Path

import pytest

from contracts.errors import TuningError
from tuning import folders


def weights(folder: Path, content: bytes) -> str:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(content)
    (folder / "config.json").write_text("{}")
    return folders.weights_sha256(folder)


def refused(adapter: Path, base: str) -> str:
    with pytest.raises(TuningError) as fault:
        folders.check_base(adapter, base)
    return fault.value.kind


def test_an_adapter_of_another_base_is_refused(tmp_path: Path) -> None:
    ours, other = weights(tmp_path / "a", b"1"), weights(tmp_path / "b", b"2")
    folders.name_base(tmp_path, ours)
    folders.check_base(tmp_path, ours)
    assert refused(tmp_path, other) == "other_base"


def test_an_adapter_that_names_no_base_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "0") == "no_adapter"
    (tmp_path / folders.BASE_FILE).write_text("[]")
    assert refused(tmp_path, "0") == "no_adapter"


def test_the_hash_of_weights_is_that_of_no_other_file(tmp_path: Path) -> None:
    before = weights(tmp_path / "a", b"1")
    (tmp_path / "a" / "config.json").write_text("other")
    assert folders.weights_sha256(tmp_path / "a") == before
    with pytest.raises(TuningError, match="no_model"):
        folders.weights_sha256(tmp_path)


def test_every_file_of_the_named_folders_has_its_hash(tmp_path: Path) -> None:
    weights(tmp_path / "merged", b"1")
    (tmp_path / "checkpoint.pt").write_bytes(b"")
    found = folders.file_sha256(tmp_path, within=("adapter", "merged"))
    assert set(found) == {"merged/model.safetensors", "merged/config.json"}
    assert found["merged/config.json"] == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_what_a_server_reads_is_copied_and_nothing_replaced(tmp_path: Path) -> None:
    weights(tmp_path / "base", b"1")
    (tmp_path / "base" / "chat_template.jinja").write_text("template")
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged" / "config.json").write_text("ours")
    folders.copy_tokenizer(tmp_path / "base", tmp_path / "merged")
    assert {path.name: path.read_text() for path in (tmp_path / "merged").iterdir()} == {
        "config.json": "ours",
        "chat_template.jinja": "template",
    }
