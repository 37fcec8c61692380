"""Figures, with the aim that each is held against."""

import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

RESAMPLES = 2000


@dataclass(frozen=True)
class Figure:
    """One row of the table. `aim` is the bound that `value` must keep, `most` whether from above or from below."""

    name: str
    value: float
    unit: str
    aim: float | None = None
    most: bool = True
    interval_95: tuple[float, float] | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.aim is None:
            return None
        return self.value <= self.aim if self.most else self.value >= self.aim

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"met": self.met}


def quantile_ms(seconds: Sequence[float], q: float) -> float:
    """Return that quantile in milliseconds."""
    ordered = sorted(seconds)
    return round(1000 * ordered[min(len(ordered) - 1, int(q * len(ordered)))], 1)


def ratio(a: Sequence[float], b: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """Return the ratio of the means of measurements taken in pairs, with a 95 % bootstrap interval over the pairs."""
    rng, pairs = random.Random(1), list(zip(a, b, strict=True))

    def of(sample: list[tuple[float, float]]) -> float:
        return mean(x for x, _ in sample) / mean(y for _, y in sample)

    drawn = sorted(of(rng.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
    return round(of(pairs), 3), (round(drawn[int(0.025 * RESAMPLES)], 3), round(drawn[int(0.975 * RESAMPLES)], 3))


def say(line: str) -> None:
    """Show progress."""
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()
