"""Makes seeded stays: what a laboratory charts of a patient who is not real, report by report."""

import hashlib
import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from agents import codes
from tests.measure.burden import assumptions as a
from tests.measure.burden.panels import CHEMISTRY, COUNT, GAS, REST, TROPONIN, Test
from tests.measure.burden.values import Patient, Side

Resource = dict[str, Any]
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
APART = timedelta(days=30)
"""Between two stays, which follow each other on one clock: longer than the longest."""
GAS_SHARE, COUNT_SHARE = 0.15, 0.7  # of the time that chemistry takes; our assumption
GREW, NO_GROWTH = "Gram-positive cocci in clusters", "No growth after {} days"


@dataclass(frozen=True)
class Setting:
    """In what a hospital differs from the assumptions."""

    name: str = "as assumed"
    abnormal: float = 1.0
    """Factor of the shares of abnormal results."""
    silent: bool = False
    """No result has a flag or a range."""
    singly: bool = False
    """Each result is a report of its own, a minute after the one before."""
    others_min: float = a.OTHERS_MIN.value
    """Median time to a decision that is not urgent."""


@dataclass(frozen=True)
class Report:
    """What is charted at one moment."""

    at: datetime
    resources: tuple[Resource, ...]


@dataclass(frozen=True)
class Truth:
    """What a version of a result says, whatever the chart says of its flag."""

    test: str
    side: Side
    corrects: bool = False


@dataclass
class Stay:
    number: int
    ward: bool
    patient: Resource
    reports: list[Report] = field(default_factory=list)
    truths: dict[tuple[str, str], Truth] = field(default_factory=dict)
    """By id and `content` of a result."""
    counts: dict[str, int] = field(default_factory=dict)
    """Results by what became of them: first, abnormal, critical, repeated, corrected, preliminary, sent again."""

    @property
    def encounter_id(self) -> str:
        return f"e{self.number}"


def content(resource: Resource) -> str:
    """Return a hash of what a resource says: without its version and whether it is final."""
    told = {name: value for name, value in resource.items() if name not in ("meta", "status", "issued")}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def stays(seed: int, count: int, setting: Setting) -> Iterator[Stay]:
    """Yield so many stays; the same seed and setting give the same stays."""
    for number in range(count):
        yield _Maker(random.Random(f"{seed}/{number}"), number, setting).made()


class _Maker:
    """Makes one stay."""

    def __init__(self, rng: random.Random, number: int, setting: Setting) -> None:
        self.rng, self.setting = rng, setting
        self.begin = BEGIN + number * APART
        self.ward = rng.random() >= a.EMERGENCY.value
        ill = rng.random() < a.ILL.value
        factor = (a.ILL_FACTOR if ill else a.WELL_FACTOR).value * setting.abnormal
        self.ill, self.values = ill, Patient(rng, factor)
        born = self.begin - timedelta(days=365.25 * rng.triangular(18, 98, 66))
        patient = {
            "resourceType": "Patient", "id": f"p{number}", "gender": rng.choice(("female", "male")),
            "birthDate": f"{born:%Y-%m-%d}",
        }  # fmt: skip
        self.stay = Stay(number, self.ward, patient, counts=dict.fromkeys(COUNTED, 0))
        self.results = 0

    def made(self) -> Stay:
        left = self._emergency()
        if self.ward:
            left = self._on_ward(left)
        self._encounter(self.begin, "arrived")
        self._encounter(self.begin + timedelta(minutes=20), "in-progress")
        self._encounter(left, "finished")
        if self.rng.random() < a.MOVED.value:
            moved = self.begin + self.rng.random() * (left - self.begin)
            self._add(moved, self.stay.patient | {"address": [{"text": "another street"}]})
        self.stay.reports.sort(key=lambda report: report.at)
        return self.stay

    def _emergency(self) -> datetime:
        """Chart the emergency department; return when the patient left it."""
        left = self.begin + self._spread(a.STAY_MIN.value, 146, 268)
        taken = self.begin + self._spread(a.ORDERED_MIN.value, 2, 12)
        self._panel(CHEMISTRY, taken)
        self._panel(COUNT, taken, COUNT_SHARE)
        self._panel(REST, taken)
        if self.rng.random() < (a.GAS_ILL if self.ill else a.GAS_WELL).value:
            self._panel(GAS, taken, GAS_SHARE)
        if self.rng.random() < a.URINE.value:
            self._urine(taken + timedelta(minutes=self.rng.uniform(5, 60)))
        again = taken + timedelta(hours=a.TROPONIN_AGAIN_H.value)
        if self.rng.random() < a.TROPONIN.value:
            self._panel(TROPONIN, taken)
            if self.ward or again < left:
                self._panel(TROPONIN, again)
        if self.rng.random() < a.AGAIN.value:
            self._panel(CHEMISTRY, taken + timedelta(hours=self.rng.uniform(1, 8)))
        return max(left, again) if self.ward else left

    def _on_ward(self, admitted: datetime) -> datetime:
        days = max(1, min(a.MOST_WARD_DAYS.value, round(self._times(a.WARD_DAYS.value, 0.6))))
        first = (admitted + timedelta(hours=18)).replace(hour=6, minute=0)
        for day in range(int(days)):
            morning = first + timedelta(days=day, minutes=self.rng.uniform(-30, 60))
            for panel, a_day in ((CHEMISTRY, a.CHEMISTRY_A_DAY.value), (COUNT, a.COUNTS_A_DAY.value)):
                self._panel(panel, morning, COUNT_SHARE if panel is COUNT else 1)
                if self.rng.random() < a_day - 1:
                    self._panel(panel, morning + timedelta(hours=self.rng.uniform(5, 11)))
            if self.rng.random() < a.REST_A_DAY.value:
                self._panel(REST, morning)
        if self.rng.random() < a.CULTURE.value:
            self._culture(admitted)
        return first + timedelta(days=int(days), hours=-self.rng.uniform(10, 18))

    def _panel(self, tests: Sequence[Test], taken: datetime, share: float = 1) -> None:
        """Chart a panel of a sample that was taken then, in one report or more."""
        reported = taken + share * self._spread(a.REPORTED_MIN.value, 41.1, 65.0)
        drawn = taken + timedelta(minutes=5)
        made = [self._result(test, drawn) for test in tests]
        if self.setting.singly:
            parts = [[one] for one in made]
        elif len(made) > 2 and self.rng.random() < a.IN_PARTS.value:  # one or two results follow
            late = self.rng.randint(1, 2)
            parts = [made[:-late], made[-late:]]
        else:
            parts = [made]
        for part in parts:
            self._report(reported, part)
            reported += timedelta(minutes=1 if self.setting.singly else self.rng.uniform(3, 20))
        critical = any(self.stay.truths[one["id"], content(one)].side.critical for one in made)
        if critical and self.rng.random() < a.AGAIN_CRITICAL.value:
            wrong = [t for t, one in zip(tests, made, strict=True)
                     if self.stay.truths[one["id"], content(one)].side.critical]  # fmt: skip
            self._again(wrong, reported + timedelta(hours=self.rng.uniform(1, 2)))

    def _again(self, tests: Sequence[Test], taken: datetime) -> None:
        """Measure critical tests again, once."""
        made = [self._result(test, taken) for test in tests]
        self._report(taken + timedelta(minutes=self.rng.uniform(10, 50)), made)

    def _report(self, at: datetime, made: Sequence[Resource]) -> None:
        if self.rng.random() < a.PRELIMINARY.value:
            self.stay.counts["preliminary"] += len(made)
            self._add(at, *({**one, "status": "preliminary"} for one in made))
            at += timedelta(minutes=self.rng.uniform(10, 40))
        self._add(at, *made)
        if self.rng.random() < a.SENT_AGAIN.value:
            self.stay.counts["sent again"] += len(made)
            self._add(at + timedelta(minutes=self.rng.uniform(30, 300)), *made)
        for one in made:
            if self.rng.random() < a.CORRECTED.value:
                self._correct(one, at + timedelta(minutes=self.rng.uniform(20, 240)))

    def _correct(self, made: Resource, at: datetime) -> None:
        self.stay.counts["corrected"] += 1
        if self.rng.random() < a.WITHDRAWN.value:
            self._add(at, {**made, "status": "entered-in-error"})
            return
        test = next(test for panel in (CHEMISTRY, COUNT, REST, GAS, TROPONIN) for test in panel
                    if test.loinc == made["code"]["coding"][0]["code"])  # fmt: skip
        value, side = self.values.first(test)
        truth = self.stay.truths[made["id"], content(made)]
        said = [name for name in ("interpretation", "referenceRange") if name in made]
        corrected = {**made, "status": "corrected", **_said(test, value, side, said)}
        self.stay.truths[made["id"], content(corrected)] = Truth(truth.test, side, corrects=True)
        self._add(at, corrected)

    def _result(self, test: Test, taken: datetime) -> Resource:
        known = test.analyte in self.values.known
        value, side = self.values.next(test, taken)
        self._count("repeated" if known else "first", side)
        self.results += 1
        made = {
            **self._observation(test.name, test.loinc, taken),
            **_said(test, value, side, self._style()),
        }
        self.stay.truths[made["id"], content(made)] = Truth(test.analyte, side)
        return made

    def _count(self, when: str, side: Side) -> None:
        self.stay.counts[when] += 1
        if side != Side.NORMAL:
            self.stay.counts["abnormal"] += 1
            self.stay.counts["abnormal first"] += when == "first"
        self.stay.counts["critical"] += side.critical

    def _style(self) -> Sequence[str]:
        drawn = self.rng.random()
        if self.setting.silent or drawn < a.SILENT.value:
            return ()
        drawn -= a.SILENT.value
        if drawn < a.ONE_SAID.value:
            return ("referenceRange",)
        return ("interpretation",) if drawn < 2 * a.ONE_SAID.value else ("interpretation", "referenceRange")

    def _urine(self, taken: datetime) -> None:
        """Chart two tests in words."""
        at = taken + self._spread(a.REPORTED_MIN.value, 41.1, 65.0) / 2
        made: list[Resource] = []
        for loinc, name in (("5802-4", "Nitrite in urine"), ("5799-2", "Leukocyte esterase in urine")):
            side = Side.HIGH if self.rng.random() < 0.2 * self.values.factor else Side.NORMAL
            made.append(self._in_words(name, loinc, taken, "positive" if side.out else "negative", side))
        self._report(at, made)

    def _culture(self, taken: datetime) -> None:
        """Chart a blood culture: one result whose words change with each day."""
        made = self._observation("Bacteria in blood by culture", "600-7", taken)
        if self.rng.random() < a.CULTURE_GROWS.value:
            self._words(made, taken + timedelta(hours=self.rng.uniform(12, 30)), GREW, Side.VERY_HIGH, "preliminary")
            return
        for day in (1, 2, 5):
            status = "final" if day == 5 else "preliminary"
            self._words(made, taken + timedelta(days=day), NO_GROWTH.format(day), Side.NORMAL, status)

    def _words(self, made: Resource, at: datetime, words: str, side: Side, status: str) -> None:
        told = {**made, "status": status, "valueString": words}
        if not self.setting.silent:
            told["interpretation"] = [{"coding": [{"code": "AA" if side.out else "N"}]}]
        self.stay.truths[made["id"], content(told)] = Truth("culture", side)
        self._add(at, told)

    def _in_words(self, name: str, loinc: str, taken: datetime, words: str, side: Side) -> Resource:
        self._count("first", side)
        self.results += 1
        made = {**self._observation(name, loinc, taken), "valueString": words}
        if not self.setting.silent:
            made["interpretation"] = [{"coding": [{"code": "POS" if side.out else "NEG"}]}]
        self.stay.truths[made["id"], content(made)] = Truth(name, side)
        return made

    def _observation(self, name: str, loinc: str, taken: datetime) -> Resource:
        self.results += 1
        return {
            "resourceType": "Observation",
            "id": f"o{self.stay.number}-{self.results}",
            "status": "final",
            "category": [{"coding": [{"code": "laboratory"}]}],
            "code": {"coding": [codes.loinc(loinc)], "text": name},
            "subject": {"reference": f"Patient/p{self.stay.number}"},
            "encounter": {"reference": f"Encounter/{self.stay.encounter_id}"},
            "effectiveDateTime": taken.replace(microsecond=0).isoformat(),
        }

    def _encounter(self, at: datetime, status: str) -> None:
        told = {"resourceType": "Encounter", "id": self.stay.encounter_id, "status": status,
                "subject": {"reference": f"Patient/p{self.stay.number}"}}  # fmt: skip
        self._add(at, told)

    def _add(self, at: datetime, *resources: Resource) -> None:
        self.stay.reports.append(Report(at, resources))

    def _spread(self, median_min: float, first: float, third: float) -> timedelta:
        """Return a time of the log-normal distribution with this median and these quartiles."""
        return timedelta(minutes=self._times(median_min, math.log(third / first) / a.QUARTILES_APART))

    def _times(self, median: float, spread: float) -> float:
        return median * math.exp(self.rng.gauss(0, spread))


COUNTED = (
    "first", "repeated", "abnormal first", "abnormal", "critical", "preliminary", "sent again", "corrected",
)  # fmt: skip


def _said(test: Test, value: float, side: Side, style: Sequence[str]) -> Resource:
    """Return the value with what is charted beside it."""
    limits = {name: {"value": limit, "unit": test.unit} for name, limit in (("low", test.low), ("high", test.high))
              if limit is not None}  # fmt: skip
    told: Resource = {"valueQuantity": {"value": value, "unit": test.unit, "code": test.unit, "system": codes.UCUM}}
    if "interpretation" in style:
        told["interpretation"] = [{"coding": [{"code": side.value, "system": codes.INTERPRETATION}]}]
    if "referenceRange" in style:
        told["referenceRange"] = [limits]
    return told
