"""Records the histories of made-up cases on the real parts: `python -m tests.replay.record`.

Run it when the workflow has changed on purpose: running cases then keep the old code, or are started anew
(docs/adr/0006-deploys.md). The keys beside them are for these recordings alone.
"""

import asyncio
import re
import shutil
import tempfile
from pathlib import Path

from service.process.temporal import connect
from tests.replay.recordings import FOLDER, KEYS
from tests.ward import Ward

IDENTITY = re.compile(r'"identity": "[^"]*"')  # process and host of the recording
SHORT = {"deadline_s = 300": "deadline_s = 6", "ladder_s = [600, 1800, 3600]": "ladder_s = [2, 2]"}


def main() -> None:
    state = Path(tempfile.mkdtemp(prefix="wardflow-record-"))
    shutil.copy(KEYS, state / "keys.json")
    ward = Ward(state, SHORT, "\n[timing]\nundo_s = 2.0\n").start()
    try:
        ward.decide(ward.suggested(ward.admit("approved", "cough", hr=80)))
        ward.decide(ward.suggested(ward.admit("rejected", "cough", hr=80)), "reject", reason="not a triage case")
        ward.suggested(ward.admit("superseded", "chest pain", hr=80))
        ward.chart("superseded", hr=80)  # covered: nothing changed
        ward.chart("superseded", spo2=84)
        ward.decide(ward.suggested("superseded", version=2), "change", "1", "looks grey")
        row = ward.suggested(ward.admit("undone", "cough", hr=80))
        ward.undo(row, ward.decide(row).json()["decision_id"]).raise_for_status()
        ward.decide(ward.suggested("undone"))
        ward.admit("undecided", "cut on the hand", hr=80)
        for name in ("approved", "rejected", "superseded", "undone", "undecided"):
            case = ward.ended(name, 60)
            (FOLDER / f"{name}.json").write_text(asyncio.run(history(ward, case.case_id)))
    finally:
        ward.stop()
        shutil.rmtree(state)


async def history(ward: Ward, case_id: str) -> str:
    parts = ward.settings.parts
    client = await connect(parts.temporal, parts.temporal_namespace, ward.secrets.keyring())
    text = (await client.get_workflow_handle(case_id).fetch_history()).to_json()
    return IDENTITY.sub('"identity": "worker"', text)


if __name__ == "__main__":
    main()
