"""The negative controls of `make prove` take out safeties that exist."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
TAKE_OUT_ALL = "from tests.measure.prove.sabotage import CONTROLS\nfor control, _ in CONTROLS.values(): control()"


def test_what_the_controls_take_out_is_there() -> None:
    # A process of its own: a safety that is taken out stays out.
    done = subprocess.run(
        [sys.executable, "-c", TAKE_OUT_ALL], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
