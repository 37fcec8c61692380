"""Brings the embedded model in behind an open worklist: installs what is missing, and from then on keeps it served."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from infra import models
from infra.processes import Part, tell
from infra.serving import Serving

INSTALL = "install"


class Joining:
    """`step` is called every second. An installation that fails says why, and is tried again."""

    def __init__(self, state: Path) -> None:
        self._state, self._logs = state, state / "logs"
        self._install = Part(INSTALL, [sys.executable, "-m", "infra.models", "install"], lambda: True)
        self._serving: Serving | None = None
        self._news = _news(self._logs / f"{INSTALL}.log")

    def parts(self) -> list[Part]:
        """Return the processes that there are."""
        return self._serving.parts() if self._serving else [self._install]

    def stop(self) -> None:
        """End them; from now on no model is up."""
        self._install.stop()
        if self._serving:
            self._serving.stop()

    def step(self) -> None:
        """Install, then serve. Raises LedgerError."""
        if self._serving:
            self._serving.step()
            return
        if self._install.process is None:
            next(self._news)
            self._install.start(self._logs)
        for line in next(self._news):
            tell(line)
        if self._install.process and self._install.process.poll() == 0:
            self._serving = Serving(self._state, models.VENV, models.CACHE / models.MODEL_NAME)
        else:
            self._install.keep(self._logs)


def _news(path: Path) -> Iterator[list[str]]:
    with path.open("a+", errors="replace") as log:
        log.seek(0, os.SEEK_END)
        while True:
            yield [line.rstrip() for line in log if line.startswith(models.SAID)]
