"""Runs a model's program behind two walls: Monty, an interpreter that can reach no host, inside bubblewrap."""

import asyncio
import math
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydantic_monty as monty

from contracts.calculations import Calculation, CalculationFault

SECONDS, MEMORY_BYTES, DEPTH = 1.0, 20_000_000, 100
KILLED_AFTER_S = 3.0  # whatever the interpreter's own clock thinks: sleeping is not on it
ADDRESS_SPACE_KB = 600_000  # Monty's own limit counts its heap only; 600 MB is what it maps at its largest
PROGRAM_CHARS, PRINTED_BYTES, OUTPUTS, NAME_CHARS, TOLD_CHARS = 4000, 4096, 20, 40, 200
LIMITS: monty.ResourceLimits = {
    "max_feed_duration_secs": SECONDS,
    "max_memory": MEMORY_BYTES,
    "max_recursion_depth": DEPTH,
    "max_suspensions": 1,
    "max_total_sleep_secs": 0.0,
}
# A program's result depends on its inputs alone.
POLICY: monty.OSPolicy = {"datetime": datetime(2000, 1, 1, tzinfo=UTC), "sleep": "zero", "random_start": {"seed": 1}}
WALL = """#!/bin/sh
ulimit -v {address_space}; ulimit -f 0; ulimit -c 0
exec {bwrap} --unshare-all --die-with-parent --new-session --clearenv --cap-drop ALL \\
  --ro-bind /usr/lib /usr/lib --ro-bind-try /usr/lib64 /usr/lib64 --symlink usr/lib /lib --symlink usr/lib64 /lib64 \\
  --ro-bind {binary} /program --chdir / /program "$@"
"""


class Sandbox:
    """A pool of interpreters; a program that ends one harms nobody, and the next gets a new one."""

    def __init__(self) -> None:
        self._pool: monty.AsyncMonty | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._opening = asyncio.Lock()

    async def run(self, program: str, inputs: dict[str, float]) -> Calculation:
        """Return the numbers that the program's last expression names. Never raises for what a program does."""
        start = time.monotonic()
        fault, told, outputs = None, "", {}
        try:
            if len(program) > PROGRAM_CHARS:
                raise _Ended(CalculationFault.TOO_LONG, f"more than {PROGRAM_CHARS} characters")
            outputs = _numbers(await self._fed(program, inputs))
        except _Ended as ended:
            fault, told = ended.fault, ended.told[:TOLD_CHARS]
        return Calculation(
            program=program, inputs=inputs, outputs=outputs, fault=fault, told=told, seconds=time.monotonic() - start
        )

    async def close(self) -> None:
        """End the interpreters."""
        if self._pool:
            await self._pool.__aexit__(None, None, None)
        if self._folder:
            self._folder.cleanup()
        self._pool = self._folder = None

    async def _fed(self, program: str, inputs: dict[str, float]) -> Any:
        pool = await self._open()
        try:
            async with pool.checkout(limits=LIMITS, os_policy=POLICY) as session:
                printed = monty.CollectString(max_bytes=PRINTED_BYTES)
                return await session.feed_run(program, inputs=dict(inputs), print_callback=printed)
        except monty.MontySyntaxError as fault:
            raise _Ended(CalculationFault.WRONG, str(fault)) from None
        except monty.MontyCrashedError:
            raise _Ended(CalculationFault.LIMIT, "the interpreter was ended") from None
        except monty.MontyRuntimeError as fault:
            limits = ("TimeoutError", "MemoryError", "RecursionError")
            limited = str(fault).strip().rsplit("\n", 1)[-1].startswith(limits)
            raise _Ended(CalculationFault.LIMIT if limited else CalculationFault.WRONG, str(fault)) from None
        except monty.MontyError as fault:
            raise _Ended(CalculationFault.WRONG, str(fault)) from None

    async def _open(self) -> monty.AsyncMonty:
        async with self._opening:
            if self._pool is None:
                bwrap, binary = shutil.which("bwrap"), monty_binary()
                if not bwrap or not binary:
                    raise _Ended(CalculationFault.NO_SANDBOX, "bubblewrap or monty is not installed")
                self._folder = tempfile.TemporaryDirectory(prefix="wardflow-sandbox-")
                walled = write_wall(Path(self._folder.name), bwrap, binary)
                pool = monty.AsyncMonty(
                    binary_path=walled, request_timeout=KILLED_AFTER_S, checkout_timeout=30.0, max_processes=2
                )
                try:
                    self._pool = await pool.__aenter__()
                except (monty.MontyError, OSError, RuntimeError) as fault:
                    self._folder.cleanup()
                    raise _Ended(CalculationFault.NO_SANDBOX, type(fault).__name__) from None
            return self._pool


def write_wall(folder: Path, bwrap: str, binary: str) -> Path:
    """Write the script that starts a program with nothing but the system's libraries in sight."""
    wall = folder / "walled"
    wall.write_text(WALL.format(address_space=ADDRESS_SPACE_KB, bwrap=bwrap, binary=binary))
    wall.chmod(0o500)
    return wall


def monty_binary() -> str | None:
    """Return the interpreter that came with the package, or None."""
    from pydantic_monty._binary import find_monty_binary

    try:
        return find_monty_binary()
    except FileNotFoundError:
        return None


class _Ended(Exception):
    def __init__(self, fault: CalculationFault, told: str) -> None:
        super().__init__(fault)
        self.fault, self.told = fault, told


def _numbers(value: Any) -> dict[str, float]:
    told = "the last expression must be a dict of names to numbers"
    if not isinstance(value, dict) or not 0 < len(value) <= OUTPUTS:
        raise _Ended(CalculationFault.NOT_NUMBERS, told)
    outputs: dict[str, float] = {}
    for name, number in value.items():
        if not isinstance(name, str) or len(name) > NAME_CHARS or not name.isidentifier():
            raise _Ended(CalculationFault.NOT_NUMBERS, told)
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise _Ended(CalculationFault.NOT_NUMBERS, f"{name} is no number")
        try:
            outputs[name] = float(number)
        except OverflowError:
            outputs[name] = math.inf
        if not math.isfinite(outputs[name]):
            raise _Ended(CalculationFault.NOT_NUMBERS, f"{name} is not finite")
    return outputs
