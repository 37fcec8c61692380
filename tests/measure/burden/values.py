"""The values of one patient who is not real: how far they leave their ranges, and how they go on."""

import random
from datetime import datetime, timedelta
from enum import StrEnum

from tests.measure.burden import assumptions as a
from tests.measure.burden.panels import LaboratoryTest


class Side(StrEnum):
    """Where a value lies, as HL7 v3 ObservationInterpretation says it."""

    NORMAL = "N"
    LOW = "L"
    HIGH = "H"
    VERY_LOW = "LL"
    VERY_HIGH = "HH"

    @property
    def critical(self) -> bool:
        return self in (Side.VERY_LOW, Side.VERY_HIGH)

    @property
    def out(self) -> bool:
        return self != Side.NORMAL


class Patient:
    """`factor` is how much oftener than in all stays a first value is abnormal."""

    def __init__(self, rng: random.Random, factor: float) -> None:
        self.rng, self.factor = rng, factor
        self.known: dict[str, tuple[float, datetime]] = {}

    def next(self, test: LaboratoryTest, taken: datetime) -> tuple[float, Side]:
        """Return a value of that moment: the first one of its analyte, or the last one as it went on."""
        if test.analyte not in self.known:
            value, side = self.first(test)
        else:
            before, at = self.known[test.analyte]
            value = self._gone_on(test, before, taken - at)
            side = side_of(test, value)
        self.known[test.analyte] = value, taken
        return value, side

    def first(self, test: LaboratoryTest) -> tuple[float, Side]:
        """Return a first value: normal, or out of its range on one side, and of these some critical."""
        drawn = self.rng.random()
        below, above = test.below * self.factor, test.above * self.factor
        if drawn < below and test.low is not None:
            value = self._out(test.low, test.critical_low, -1)
        elif below <= drawn < below + above and test.high is not None:
            value = self._out(test.high, test.critical_high, 1)
        else:
            value = self._inside(test)
        value = round(value, test.places)
        return value, side_of(test, value)

    def _inside(self, test: LaboratoryTest) -> float:
        if test.low is not None and test.high is not None:
            return self.rng.triangular(test.low, test.high)
        if test.high is not None:
            return self.rng.uniform(0.3, 1) * test.high
        return (test.low or 0) * self.rng.uniform(1, 2)

    def _out(self, limit: float, critical: float | None, direction: int) -> float:
        """Return a value beyond a limit of the range: the nearer the likelier, and some beyond the critical one."""
        step = limit * 0.005 if limit > 5 else 10**-2
        end = critical if critical is not None else limit * (2.5 if direction > 0 else 0.4)
        if critical is not None and self.rng.random() < a.CRITICAL.value:
            return critical + direction * abs(critical - limit) * min(self.rng.expovariate(6), 0.8)
        reach = min(self.rng.expovariate(3.5), 0.97) * abs(end - limit)
        return limit + direction * max(step, reach)

    def _gone_on(self, test: LaboratoryTest, before: float, later: timedelta) -> float:
        side = side_of(test, before)
        goal = {Side.LOW: test.low, Side.VERY_LOW: test.low, Side.HIGH: test.high, Side.VERY_HIGH: test.high}.get(side)
        days = max(later / timedelta(days=1), 0)  # a repeat was made before its elder
        kept = (1 - a.MENDED_A_DAY.value) ** days if goal is not None else 1
        value = before if goal is None else goal + (before - goal) * kept
        return round(max(value * (1 + self.rng.gauss(0, test.variation)), 10**-test.places), test.places)


def side_of(test: LaboratoryTest, value: float) -> Side:
    """Return on which side of its range a value lies."""
    if test.critical_low is not None and value <= test.critical_low:
        return Side.VERY_LOW
    if test.critical_high is not None and value >= test.critical_high:
        return Side.VERY_HIGH
    if test.low is not None and value < test.low:
        return Side.LOW
    return Side.HIGH if test.high is not None and value > test.high else Side.NORMAL
