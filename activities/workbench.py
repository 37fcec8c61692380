"""What the activities of tuning may reach: the records, the model environment, and no chart."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pydantic

from agents.pathway import Pathway
from contracts.errors import TuningError
from contracts.tuning import RegisteredModel
from integrations.blobs.store import BlobStore
from integrations.ledger import registry
from integrations.ledger.audit import Auditor
from integrations.ledger.tables import Database

T = TypeVar("T", bound=pydantic.BaseModel)
FOLDER = "tuning"
"""In the state folder: what rounds make."""


@dataclass(frozen=True)
class Workbench:
    state: Path
    python: Path
    """Of the model environment, where the trainer runs."""
    db: Database
    blobs: BlobStore
    auditor: Auditor
    pathway: Callable[[str, dict[str, object]], Pathway]

    def put(self, lines: Iterable[pydantic.BaseModel]) -> str:
        """Seal values, one a line, and return the blob's name."""
        return self.blobs.put("\n".join(line.model_dump_json() for line in lines).encode())

    def get(self, type_: type[T], blob: str) -> list[T]:
        """Return what `put` sealed."""
        return [type_.model_validate_json(line) for line in self.blobs.get(blob).splitlines()]

    def model(self, name: str) -> RegisteredModel:
        """Return a registered model. Raises TuningError."""
        with self.db.read() as tx:
            found = registry.find(tx, name)
        if found is None:
            raise TuningError("unknown_model", name)
        return found

    def artefact(self, model: RegisteredModel) -> Path:
        """Return the model's folder, as it was registered. Raises TuningError where a file is gone or changed."""
        folder = self.state / model.folder
        for name, registered in model.file_sha256.items():
            if not (folder / name).is_file() or _sha256(folder / name) != registered:
                raise TuningError("changed_on_disk", f"{model.name}: {name} is not the file that was registered")
        return folder


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the hex SHA-256 of each file, by its path in the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): _sha256(path) for path in files}


def code_sha256(pathway: str) -> str:
    """Return the hash of the code that makes a model: rows, training and judgement."""
    root = Path(__file__).resolve().parents[1]
    return combined(
        {
            f"{name}/{path}": value
            for name in ("tuning", f"agents/{pathway}", "contracts")
            for path, value in file_hashes(root / name).items()
            if path.endswith(".py")
        }
    )


def base_sha256(hashes: dict[str, str]) -> str:
    """Return the hash of the weights alone among the files of a base."""
    return combined({name: value for name, value in hashes.items() if name.endswith(".safetensors")})


def combined(hashes: dict[str, str]) -> str:
    """Return one hex SHA-256 of them all."""
    return hashlib.sha256("\n".join(f"{name} {value}" for name, value in sorted(hashes.items())).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
