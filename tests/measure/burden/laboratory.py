"""The laboratory: what it measures of a sample, and how it reports that: in parts, twice, and sometimes wrongly."""

import math
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from agents import codes
from tests.measure.burden import assumptions as a
from tests.measure.burden.panels import PANELS, LaboratoryTest
from tests.measure.burden.stays import Resource, Setting, Stay, Truth
from tests.measure.burden.values import Patient, Side

DRAWN = timedelta(minutes=5)  # after the order; our assumption
GREW, NO_GROWTH = "Gram-positive cocci in clusters", "No growth after {} days"
URINE = (("5802-4", "Nitrite in urine"), ("5799-2", "Leukocyte esterase in urine"))
URINE_POSITIVE = 0.2  # of both, in shares of all stays; our assumption
FLAG, RANGE = "interpretation", "referenceRange"
TESTS = {test.loinc: test for panel in PANELS for test in panel}


class Laboratory:
    """Charts into one stay."""

    def __init__(self, rng: random.Random, stay: Stay, values: Patient, setting: Setting) -> None:
        self.rng, self.stay, self.values, self.setting = rng, stay, values, setting
        self._made = 0

    def panel(self, tests: Sequence[LaboratoryTest], ordered: datetime, share: float = 1) -> None:
        """Report a sample that was ordered then; what is critical is measured again once.

        `share` is of the time that chemistry takes.
        """
        at = ordered + share * self.spread(a.REPORTED_MIN.value, 41.1, 65.0)  # quartiles as in `REPORTED_MIN`
        made = [self._measured(test, ordered + DRAWN) for test in tests]
        for part in self._parts(made):
            self._report(at, part)
            at += timedelta(minutes=1 if self.setting.singly else self.rng.uniform(3, 20))
        wrong = [test for test, one in zip(tests, made, strict=True) if self._is_critical(one)]
        if wrong and self.rng.random() < a.AGAIN_CRITICAL.value:
            taken = at + timedelta(hours=self.rng.uniform(1, 2))
            again = [self._measured(test, taken) for test in wrong]
            self._report(taken + timedelta(minutes=self.rng.uniform(10, 50)), again)

    def urine(self, taken: datetime) -> None:
        """Report two tests in words."""
        made: list[Resource] = []
        for loinc, name in URINE:
            positive = self.rng.random() < URINE_POSITIVE * self.values.factor
            side = Side.HIGH if positive else Side.NORMAL
            self._count("first", side)
            told = {"valueString": "positive" if positive else "negative"} | self._flagged("POS" if positive else "NEG")
            made.append(self._observation(name, loinc, taken) | told)
            self.stay.says(made[-1], Truth(name, side))
        self._report(taken + self.spread(a.REPORTED_MIN.value, 41.1, 65.0) / 2, made)

    def culture(self, taken: datetime) -> None:
        """Report a blood culture: one result, whose words change with each day."""
        made = self._observation("Bacteria in blood by culture", "600-7", taken)
        if self.rng.random() < a.CULTURE_GROWS.value:
            grew = made | {"status": "preliminary", "valueString": GREW} | self._flagged("AA")
            self.stay.says(grew, Truth("culture", Side.VERY_HIGH))
            self.stay.chart(taken + timedelta(hours=self.rng.uniform(12, 30)), grew)
            return
        for day, status in ((1, "preliminary"), (2, "preliminary"), (5, "final")):
            none = made | {"status": status, "valueString": NO_GROWTH.format(day)} | self._flagged("N")
            self.stay.says(none, Truth("culture", Side.NORMAL))
            self.stay.chart(taken + timedelta(days=day), none)

    def spread(self, median_min: float, first: float, third: float) -> timedelta:
        """Return a time of the log-normal distribution with this median and these quartiles, in minutes."""
        return timedelta(minutes=self.times(median_min, math.log(third / first) / a.QUARTILES_APART))

    def times(self, median: float, spread: float) -> float:
        """Return a number of the log-normal distribution."""
        return median * math.exp(self.rng.gauss(0, spread))

    def _parts(self, made: list[Resource]) -> list[list[Resource]]:
        if self.setting.singly:
            return [[one] for one in made]
        if len(made) < 3 or self.rng.random() >= a.IN_PARTS.value:
            return [made]
        late = self.rng.randint(1, 2)
        return [made[:-late], made[-late:]]

    def _report(self, at: datetime, made: Sequence[Resource]) -> None:
        if self.rng.random() < a.PRELIMINARY.value:
            self.stay.counts["preliminary"] += len(made)
            self.stay.chart(at, *(one | {"status": "preliminary"} for one in made))
            at += timedelta(minutes=self.rng.uniform(10, 40))
        self.stay.chart(at, *made)
        if self.rng.random() < a.SENT_AGAIN.value:
            self.stay.counts["sent again"] += len(made)
            self.stay.chart(at + timedelta(minutes=self.rng.uniform(30, 300)), *made)
        for one in made:
            if self.rng.random() < a.CORRECTED.value:
                self._correct(one, at + timedelta(minutes=self.rng.uniform(20, 240)))

    def _correct(self, made: Resource, at: datetime) -> None:
        """Withdraw a result, or report another value of its test in its place."""
        self.stay.counts["corrected"] += 1
        test, truth = TESTS.get(made["code"]["coding"][0]["code"]), self.stay.truth(made)
        if test is None or truth is None or self.rng.random() < a.WITHDRAWN.value:
            self.stay.chart(at, made | {"status": "entered-in-error"})
            return
        value, side = self.values.first(test)
        style = [name for name in (FLAG, RANGE) if name in made]
        corrected = made | {"status": "corrected"} | said(test, value, side, style)
        self.stay.says(corrected, Truth(truth.test, side, corrects=True))
        self.stay.chart(at, corrected)

    def _measured(self, test: LaboratoryTest, taken: datetime) -> Resource:
        when = "repeated" if test.analyte in self.values.known else "first"
        value, side = self.values.next(test, taken)
        self._count(when, side)
        made = self._observation(test.name, test.loinc, taken) | said(test, value, side, self._style())
        self.stay.says(made, Truth(test.analyte, side))
        return made

    def _count(self, when: str, side: Side) -> None:
        self.stay.counts[when] += 1
        self.stay.counts["abnormal"] += side.out
        self.stay.counts["abnormal first"] += side.out and when == "first"
        self.stay.counts["critical"] += side.critical

    def _style(self) -> Sequence[str]:
        drawn = self.rng.random()
        if self.setting.silent or drawn < a.SILENT.value:
            return ()
        if drawn < a.SILENT.value + a.ONE_SAID.value:
            return (RANGE,)
        return (FLAG,) if drawn < a.SILENT.value + 2 * a.ONE_SAID.value else (FLAG, RANGE)

    def _flagged(self, flag: str) -> Resource:
        return {} if self.setting.silent else {FLAG: [{"coding": [{"code": flag}]}]}

    def _is_critical(self, made: Resource) -> bool:
        truth = self.stay.truth(made)
        return truth is not None and truth.side.critical

    def _observation(self, name: str, loinc: str, taken: datetime) -> Resource:
        self._made += 1
        return {
            "resourceType": "Observation",
            "id": f"o{self.stay.number}-{self._made}",
            "status": "final",
            "category": [{"coding": [codes.category("laboratory")]}],
            "code": {"coding": [codes.loinc(loinc)], "text": name},
            "subject": {"reference": f"Patient/{self.stay.patient_id}"},
            "encounter": {"reference": f"Encounter/{self.stay.encounter_id}"},
            "effectiveDateTime": taken.replace(microsecond=0).isoformat(),
        }


def said(test: LaboratoryTest, value: float, side: Side, style: Sequence[str]) -> Resource:
    """Return the value with what is charted beside it."""
    told: Resource = {"valueQuantity": {"value": value, "unit": test.unit, "code": test.unit, "system": codes.UCUM}}
    if FLAG in style:
        told[FLAG] = [{"coding": [{"code": side.value, "system": codes.INTERPRETATION}]}]
    if RANGE in style:
        limits = (("low", test.low), ("high", test.high))
        told[RANGE] = [{name: {"value": limit, "unit": test.unit} for name, limit in limits if limit is not None}]
    return told
