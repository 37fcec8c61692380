"""The state folder: what lies in it, who may read it, and how much room its disk must have."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from contracts.errors import ConfigurationError, ConfigurationFault
from service.process.settings import BLOBS_FOLDER

FREE_BYTES = 2**29
"""What the disk of a state folder must have left."""
OTHERS = 0o077
"""Rights of everybody but the owner: none to anything of a state folder."""
OWN_ENTRIES = (
    "keys.json", "parts.json", "ports.json", "pids.json", "wardflow.toml", "logs", "fhir", "valkey", BLOBS_FOLDER,
    *(f"{database}.db{end}" for database in ("ledger", "temporal") for end in ("", "-wal", "-shm")),
)  # fmt: skip
"""What `wardflow up` makes in a state folder; a person may keep other things there."""


def close_to_others() -> None:
    """Have all that this process and its children create be readable by their owner only."""
    os.umask(OTHERS)


def open_to_others(state: Path) -> Iterator[Path]:
    """Yield the state folder, and what `wardflow up` made in it, where others than their owner have rights to it."""
    entries = [state, *(state / name for name in OWN_ENTRIES)]
    below = [path for entry in entries[1:] if entry.is_dir() and not entry.is_symlink() for path in entry.rglob("*")]
    for path in (*entries, *below):
        with suppress(FileNotFoundError):  # Temporal's and the ledger's journals come and go
            found = path.lstat().st_mode
            if found & OTHERS and not stat.S_ISLNK(found) and not stat.S_ISSOCK(found):
                yield path


def repair_rights(state: Path) -> None:
    """Take others' rights from a state folder that an older version made. Raises ConfigurationError."""
    for path in open_to_others(state):
        try:
            path.chmod(path.lstat().st_mode & ~OTHERS & 0o7777)
        except PermissionError:
            raise ConfigurationError(
                ConfigurationFault.RIGHTS, f"{path} belongs to another user: run `chown -R` on {state}"
            ) from None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
