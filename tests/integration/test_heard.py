"""From a voice to the chart: espeak-ng speaks, our speech server hears, a person corrects, and triage comes back."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import models
from infra.serving import Fixed
from tests.dictated_notes import ended, file, media, note_row, texts, written
from tests.ports import any_port
from tests.real_model import WHISPER, until_it_answers
from tests.ward import ROOT, Ward

pytestmark = [pytest.mark.integration, pytest.mark.model]
SAID = (
    "Fifty five year old woman presents with palpitations since this morning. Heart rate 140. "
    "Blood pressure 85 over 50. She takes hydralazine 25 milligrams twice daily."
)
SPEECH = """
[models.transcription]
url = "http://127.0.0.1:{port}/v1"
model = "{name}"
phi = "allowed"
dialect = "faster_whisper"
timeout_s = 60
"""


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    assert (ROOT / models.CACHE / WHISPER.name).exists(), "run `make models` first"
    port = any_port()
    ear = Fixed(tmp_path_factory.mktemp("logs"), WHISPER, port)
    until_it_answers(ear)
    config = SPEECH.format(port=port, name=WHISPER.name)
    ward = Ward(Path(tmp_path_factory.mktemp("heard")), extra=config).start()
    yield ward
    ward.stop()
    ear.stop()


def test_a_spoken_note_with_a_misheard_drug_is_corrected_and_reaches_the_open_triage(
    ward: Ward, tmp_path: Path
) -> None:
    voice = tmp_path / "said.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", voice, SAID], check=True)
    encounter = ward.admit("heard-1", "palpitations", hr=88)
    triage = ward.suggested(encounter)
    ward.send(media(encounter, voice.read_bytes(), contentType="audio/wav"))
    row = note_row(ward, encounter, seconds=60)
    said, marked = texts(row), {item["key"] for item in row["items"] if item["doubt"]}
    print(said, marked)
    assert row["made_by"] == "model" and said["hr"] == "140"
    assert "85/50" in said["bp"] or marked & {"bp", "history", "history-2"}, "what was misheard is marked"
    drug = next(key for key, text in said.items() if key.startswith("medications") and "25" in text)
    assert drug in marked, "a drug of which the chart knows nothing"
    right = {"bp": "85/50", drug: "hydralazine 25 mg twice daily"}
    assert file(ward, row, **right).status_code == 200
    text, observed = written(ward, ended(ward, encounter))
    assert "hydralazine 25 mg twice daily" in text and observed["8867-4"]["valueQuantity"]["value"] == 140
    assert "85354-9" in observed
    again = ward.suggested(encounter, version=triage["version"] + 1)
    assert "140 /min" in ward.page().get(f"/cases/{again['case_id']}").text
    assert ward.decide(again).status_code == 200
    ward.ended(encounter)
    assert ward.audit().findings == ()
