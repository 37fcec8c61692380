"""Says in one line what this machine lacks, before anything is installed; runs on any Python 3, without a package."""

import importlib.util
import shutil
import sys
from pathlib import Path

FREE_BYTES = 2 * 2**30
"""Measured: the application environment takes 1.2 GB."""


def left(folder: Path) -> int:
    """Return the bytes that are free where the folder lies, or will lie."""
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free


def memory_left() -> "int | None":
    """Return the bytes that a new process may take, or None where the system does not say."""
    told = Path("/proc/meminfo")
    lines = told.read_text().splitlines() if told.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def lacks(version: "tuple[int, ...]", free: int) -> str:
    """Return what is missing and what to do about it, or an empty string."""
    if not (3, 11) <= version < (3, 13):
        return f"Python 3.11 or 3.12 is needed, python3 is {version[0]}.{version[1]}: `make PYTHON3=python3.12 ...`"
    if importlib.util.find_spec("ensurepip") is None:
        return "Python's venv is missing: apt-get install python3-venv"
    if free < FREE_BYTES:
        return f"{free / 2**30:.1f} GiB are free here, {FREE_BYTES / 2**30:.0f} are needed: free the disk"
    return ""


if __name__ == "__main__":
    said = lacks(tuple(sys.version_info[:2]), left(Path.cwd()))
    sys.exit(f"wardflow: {said}" if said else 0)
