"""The clincalc library as an independent calculator: a process of its own, since it is AGPL and optional."""

import asyncio
import json
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger()
ANSWER_S = 5.0
# The whole program of the other process: a line with name and inputs in, a line with the result or null out.
PROGRAM = """
import json, sys
import clincalc
for line in sys.stdin:
    name, inputs = json.loads(line)
    try:
        result = clincalc.calculate(name, inputs)["result"]
    except ValueError:
        result = None
    print(json.dumps(result), flush=True)
"""


def known(name: str, given: dict[str, float]) -> tuple[str, dict[str, Any]] | None:
    """Return clincalc's own name and inputs for a formula of ours, or None where it has none like it."""
    if name == "egfr":
        sex = "female" if given["female"] else "male"
        asked = {"age": int(given["age"]), "creatinine": given["creatinine"], "creatinine_unit": "umol/L", "sex": sex}
        return name, asked
    if name == "anion_gap":
        return name, {
            "sodium_mmol_l": given["na"], "chloride_mmol_l": given["cl"], "bicarbonate_mmol_l": given["hco3"]
        }  # fmt: skip
    if name == "corrected_calcium":
        calcium, albumin = given["calcium"], given["albumin"]
        return name, {"calcium": calcium, "calcium_unit": "mmol/L", "albumin": albumin, "albumin_unit": "g/L"}
    if name == "corrected_sodium":
        return name, {"sodium": given["na"], "glucose": given["glucose"], "glucose_unit": "mmol/L", "method": "katz"}
    return None


class Clincalc:
    """Started at its first question by the Python that has the library; without one it knows nothing."""

    def __init__(self, python: Path | None) -> None:
        self._python, self._process = python, None
        self._one_at_a_time = asyncio.Lock()

    async def result(self, name: str, inputs: dict[str, float]) -> float | None:
        """Return its result, or None where it has no such calculator, refuses the inputs, or can't be asked."""
        asked = known(name, inputs)
        if asked is None or self._python is None:
            return None
        async with self._one_at_a_time:
            try:
                return await asyncio.wait_for(self._ask(self._python, asked), ANSWER_S)
            except (TimeoutError, OSError, ValueError) as fault:
                log.warning("reference_away", error=type(fault).__name__)
                await self.close()
                return None
            except asyncio.CancelledError:  # what it answers now would be taken for the answer to the next question
                await self.close()
                raise

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process and process.returncode is None:
            process.kill()
            await process.wait()

    async def _ask(self, python: Path, asked: tuple[str, dict[str, Any]]) -> float | None:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                python, "-I", "-c", PROGRAM, env={}, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        process = self._process
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        await process.stdin.drain()
        answer = json.loads(await process.stdout.readline())
        return None if answer is None else float(answer)
