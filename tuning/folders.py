"""Folders of weights: their hashes, and which base an adapter belongs to."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from contracts.errors import TuningError, TuningFault

BASE_FILE = "base.json"
WEIGHTS = ".safetensors"


def file_sha256(folder: Path, within: Sequence[str] = ("",)) -> dict[str, str]:
    """Return the hex SHA-256 of each file in these folders of a folder, by its path in it."""
    files = sorted(path for part in within for path in (folder / part).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256(path) for path in files}


def combined(hashes: Mapping[str, str]) -> str:
    """Return one hex SHA-256 of them all."""
    return hashlib.sha256("\n".join(f"{name} {value}" for name, value in sorted(hashes.items())).encode()).hexdigest()


def weights_sha256(folder: Path) -> str:
    """Return the hash of a model's weights alone. Raises TuningError where there are none."""
    hashes = {path.name: sha256(path) for path in folder.glob(f"*{WEIGHTS}")}
    if not hashes:
        raise TuningError(TuningFault.NO_MODEL, f"{folder} holds no weights")
    return combined(hashes)


def name_base(adapter: Path, base_sha256: str) -> None:
    """Note beside an adapter which weights it changes."""
    (adapter / BASE_FILE).write_text(json.dumps({"base_sha256": base_sha256}))


def check_base(adapter: Path, base_sha256: str) -> None:
    """Raise TuningError for an adapter of other weights."""
    try:
        known = json.loads((adapter / BASE_FILE).read_text())["base_sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        raise TuningError(TuningFault.NO_ADAPTER, f"{adapter} holds no adapter that we made") from None
    if known != base_sha256:
        raise TuningError(TuningFault.OTHER_BASE, f"the adapter is of base {known[:12]}, not {base_sha256[:12]}")


def copy_tokenizer(base: Path, to: Path) -> None:
    """Copy all that a server reads beside weights and their shape: tokenizer, chat template, generation settings."""
    for path in base.iterdir():
        if path.is_file() and path.suffix != WEIGHTS and not (to / path.name).exists():
            shutil.copyfile(path, to / path.name)


def sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
