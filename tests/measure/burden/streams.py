"""Makes seeded stays: when blood is taken of a patient who is not real, in an emergency department and on a ward."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tests.measure.burden import assumptions as a
from tests.measure.burden.laboratory import Laboratory
from tests.measure.burden.panels import CHEMISTRY, COUNT, GAS, REST, TROPONIN
from tests.measure.burden.stays import Setting, Stay
from tests.measure.burden.values import Patient

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
APART = timedelta(days=30)
"""Between two stays, which follow each other on one clock: longer than the longest."""
GAS_SHARE, COUNT_SHARE = 0.15, 0.7  # of the time that chemistry takes; our assumption
YOUNGEST, OLDEST, USUAL = 18, 98, 66  # years of age; our assumption


def stays(seed: int, count: int, setting: Setting) -> Iterator[Stay]:
    """Yield so many stays; the same seed and setting give the same stays."""
    for number in range(count):
        yield _Maker(random.Random(f"{seed}/{number}"), number, setting).made()


class _Maker:
    """Makes one stay."""

    def __init__(self, rng: random.Random, number: int, setting: Setting) -> None:
        self.rng, self.begin = rng, BEGIN + number * APART
        on_ward = rng.random() >= a.EMERGENCY.value
        self.ill = rng.random() < a.ILL.value
        factor = (a.ILL_FACTOR if self.ill else a.WELL_FACTOR).value * setting.abnormal
        born = self.begin - timedelta(days=365.25 * rng.triangular(YOUNGEST, OLDEST, USUAL))
        patient = {
            "resourceType": "Patient", "id": f"p{number}", "gender": rng.choice(("female", "male")),
            "birthDate": f"{born:%Y-%m-%d}",
        }  # fmt: skip
        self.stay = Stay(number, patient, on_ward)
        self.laboratory = Laboratory(rng, self.stay, Patient(rng, factor), setting)

    def made(self) -> Stay:
        left = self._emergency()
        if self.stay.ward:
            left = self._ward(left)
        self._encounter(self.begin, "arrived")
        self._encounter(self.begin + timedelta(minutes=20), "in-progress")
        self._encounter(left, "finished")
        if self.rng.random() < a.MOVED.value:
            moved = self.begin + self.rng.random() * (left - self.begin)
            self.stay.chart(moved, self.stay.patient | {"address": [{"text": "another street"}]})
        self.stay.reports.sort(key=lambda report: report.at)
        return self.stay

    def _emergency(self) -> datetime:
        """Take blood in the emergency department; return when the patient left it."""
        laboratory = self.laboratory
        left = self.begin + laboratory.spread(a.STAY_MIN.value, 146, 268)  # quartiles as in `STAY_MIN`
        ordered = self.begin + laboratory.spread(a.ORDERED_MIN.value, 2, 12)  # quartiles as in `ORDERED_MIN`
        laboratory.panel(CHEMISTRY, ordered)
        laboratory.panel(COUNT, ordered, COUNT_SHARE)
        laboratory.panel(REST, ordered)
        if self._happens(a.GAS_ILL if self.ill else a.GAS_WELL):
            laboratory.panel(GAS, ordered, GAS_SHARE)
        if self._happens(a.URINE):
            laboratory.urine(ordered + timedelta(minutes=self.rng.uniform(5, 60)))
        again = ordered + timedelta(hours=a.TROPONIN_AGAIN_H.value)
        if self._happens(a.TROPONIN):
            laboratory.panel(TROPONIN, ordered)
            if self.stay.ward or again < left:
                laboratory.panel(TROPONIN, again)
        if self._happens(a.AGAIN):
            laboratory.panel(CHEMISTRY, ordered + timedelta(hours=self.rng.uniform(1, 8)))
        return max(left, again) if self.stay.ward else left

    def _ward(self, admitted: datetime) -> datetime:
        """Take blood on a ward each morning, and sometimes later; return when the patient left."""
        laboratory = self.laboratory
        days = max(1, int(min(a.MOST_WARD_DAYS.value, round(laboratory.times(a.WARD_DAYS.value, 0.6)))))
        first = (admitted + timedelta(hours=18)).replace(hour=6, minute=0)
        for day in range(days):
            morning = first + timedelta(days=day, minutes=self.rng.uniform(-30, 60))
            later = morning + timedelta(hours=self.rng.uniform(5, 11))
            for panel, share, a_day in ((CHEMISTRY, 1, a.CHEMISTRY_A_DAY), (COUNT, COUNT_SHARE, a.COUNTS_A_DAY)):
                laboratory.panel(panel, morning, share)
                if self.rng.random() < a_day.value - 1:
                    laboratory.panel(panel, later, share)
            if self._happens(a.REST_A_DAY):
                laboratory.panel(REST, morning)
        if self._happens(a.CULTURE):
            laboratory.culture(admitted)
        return first + timedelta(days=days, hours=-self.rng.uniform(10, 18))

    def _happens(self, share: a.Assumed) -> bool:
        return self.rng.random() < share.value

    def _encounter(self, at: datetime, status: str) -> None:
        patient = {"reference": f"Patient/{self.stay.patient_id}"}
        encounter = {"resourceType": "Encounter", "id": self.stay.encounter_id, "status": status, "subject": patient}
        self.stay.chart(at, encounter)
