"""What the activities of tuning may reach: the records, the model environment, and no chart."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pydantic
from temporalio import activity

from activities.heartbeats import beating
from agents.pathway import Pathway
from contracts.errors import TuningError, TuningFault
from contracts.rounds import RoundRequest
from contracts.tuning import RegisteredModel
from integrations.ledger import registry
from integrations.ledger.records import Records
from tuning import folders

T = TypeVar("T", bound=pydantic.BaseModel)
FOLDER = "tuning"
"""In the state folder: what rounds make."""


@dataclass(frozen=True)
class Workbench:
    state: Path
    python: Path
    """Of the model environment, where the trainer runs."""
    records: Records
    pathway: Callable[[str, dict[str, object]], Pathway]

    def put(self, lines: Iterable[pydantic.BaseModel]) -> str:
        """Seal values, one a line, and return the blob's name."""
        return self.records.blobs.put("\n".join(line.model_dump_json() for line in lines).encode())

    def get(self, type_: type[T], blob: str) -> list[T]:
        """Return what `put` sealed."""
        return [type_.model_validate_json(line) for line in self.records.blobs.get(blob).splitlines()]

    def model(self, name: str) -> RegisteredModel:
        """Return a registered model. Raises TuningError."""
        with self.records.db.read() as tx:
            found = registry.find(tx, name)
        if found is None:
            raise TuningError(TuningFault.UNKNOWN_MODEL, name)
        return found

    def artefact(self, model: RegisteredModel) -> Path:
        """Return the model's folder, as it was registered. Raises TuningError where a file is gone or changed."""
        folder = self.state / model.folder
        found = folders.file_sha256(folder)
        changed = [name for name, registered in model.file_sha256.items() if found.get(name) != registered]
        if changed:
            raise TuningError(
                TuningFault.CHANGED_ON_DISK, f"{model.name}: {changed[0]} is not the file that was registered"
            )
        return folder


def code_sha256(pathway: str) -> str:
    """Return the hash of the code that makes a model: rows, training and judgement, but no other pathway."""
    root = Path(__file__).resolve().parents[1]
    found = folders.file_sha256(root, ("tuning", "agents", "contracts"))
    others = [path for path in found if path.startswith("agents/") and path.count("/") > 1]
    ours = found.keys() - {path for path in others if not path.startswith(f"agents/{pathway}/")}
    return folders.combined({path: found[path] for path in ours if path.endswith(".py")})


@asynccontextmanager
async def reporting(asked: RoundRequest) -> AsyncIterator[Callable[[Mapping[str, float]], None]]:
    """Heartbeat until the block ends; what it yields takes the trainer's progress, which each beat carries."""
    round_ = f"of round {asked.number} of {len(asked.plan.parts)}"
    detail = round_

    def report(progress: Mapping[str, float]) -> None:
        nonlocal detail
        eta = f", {progress['eta_s'] / 60:.1f} minutes left" if "eta_s" in progress else ""
        loss = f", loss {progress['loss']:.3f}" if "loss" in progress else ""
        detail = f"{round_}: {progress['step']:.0f} of {progress['of']:.0f}{loss}{eta}"

    activity.heartbeat(detail)
    async with beating(lambda: detail):
        yield report
