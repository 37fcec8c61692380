"""What became of each item: decided, a repeat, open, undecided, or lost."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.measure.oracle.account import Fate, Report, attention_line, check
from tests.measure.oracle.answers import Case, Decision, Shown
from tests.measure.oracle.chart import Chart, keep
from tests.unit.measure_oracle.made import AT, CHILD, Resource, encounter, patient, result, vital

FOLLOW_UP, TRIAGE = "result_followup", "ed_triage"
DECIDED_AT = datetime(2026, 11, 28, 10, 30, tzinfo=UTC)


class Ward:
    """A chart, and cases of the stay `e` in the order of their generations."""

    def __init__(self, *resources: Resource, pathway: str = FOLLOW_UP) -> None:
        self.chart, self.pathway = Chart(AT), pathway
        self.cases: list[Case] = []
        self.shown: list[Shown] = []
        self.decisions: list[Decision] = []
        self.write(patient(), encounter(), *resources)

    def write(self, *resources: Resource) -> None:
        for resource in resources:
            keep(self.chart, resource)

    def delete(self, name: str) -> None:
        del self.chart.current[name]
        self.chart.deleted.add(name)

    def case(
        self, state: str, *shows: str, floor: str | None = "1", kind: str = "approve", left_out: tuple[str, ...] = (),
        changed: tuple[str, ...] = (), decided_at: datetime = DECIDED_AT,
    ) -> None:  # fmt: skip
        """Add the next generation; `shows` are `Type/id/_history/version`."""
        generation = len(self.cases) + 1
        id_ = f"case-{generation}"
        facts = [{"key": f"f{n}", "resource": resource} for n, resource in enumerate(shows)]
        suggestion: dict[str, Any] = {"floor": floor, "facts": {"facts": facts, "left_out": list(left_out)}}
        if changed:
            suggestion["earlier"] = {"changed": [{"resource": name, "was": "", "now": ""} for name in changed]}
        self.cases.append(Case(id_, self.pathway, "e", generation, state, version=1))
        self.shown.append(Shown(id_, self.pathway, "e", generation, 1, suggestion))
        if state in ("decided", "written", "rejected"):
            self.decisions.append(Decision(id_, 1, "reject" if state == "rejected" else kind, "1", decided_at))

    def report(self) -> Report:
        return check(self.chart, self.cases, self.shown, self.decisions)

    def fate(self) -> Fate:
        """Return the fate of the only item."""
        (fate,) = self.report().counts.elements()
        return fate

    def broken(self) -> list[str]:
        return [finding.rule for finding in self.report().findings]


K1 = "Observation/k/_history/1"


def test_an_item_that_nobody_was_shown_is_lost_news() -> None:
    ward = Ward(result())
    assert ward.fate() == Fate.UNACCOUNTED
    assert ward.broken() == ["I17"]
    assert "Observation/k/_history/1 (potassium, flagged as critical, floor 1)" in str(ward.report().findings[0])


@pytest.mark.parametrize(
    ("state", "fate"),
    [
        ("decided", Fate.DECIDED),
        ("written", Fate.DECIDED),
        ("rejected", Fate.DECIDED),
        ("open", Fate.OPEN),
        ("closed_undecided", Fate.UNDECIDED),
        ("stay_ended", Fate.UNDECIDED),
        ("continued", Fate.UNACCOUNTED),
    ],
)
def test_an_item_is_accounted_for_by_the_state_of_the_case_that_shows_it(state: str, fate: Fate) -> None:
    ward = Ward(result())
    ward.case(state, K1)
    assert ward.fate() == fate
    assert ward.broken() == (["I17"] if fate == Fate.UNACCOUNTED else [])


def test_a_decision_answers_nothing_but_the_version_that_it_showed() -> None:
    ward = Ward(result(version=1))
    ward.case("written", K1)
    ward.write(result(value=7.9, version=2))
    assert ward.fate() == Fate.UNACCOUNTED


def test_a_version_that_says_the_same_is_answered() -> None:
    ward = Ward(result(version=1, status="preliminary"))
    ward.case("written", K1)
    ward.write(result(version=2))
    assert ward.fate() == Fate.DECIDED and ward.broken() == []


def test_a_decision_of_another_pathway_or_stay_answers_nothing() -> None:
    ward = Ward(result())
    ward.case("written", K1)
    ward.cases = [Case("case-1", TRIAGE, "e", 1, "written", 1)]
    assert ward.fate() == Fate.UNACCOUNTED
    ward.cases = [Case("case-1", FOLLOW_UP, "other", 1, "written", 1)]
    assert ward.fate() == Fate.UNACCOUNTED


def test_a_level_covers_no_other_result() -> None:
    ward = Ward(result())
    ward.case("written", K1)
    ward.write(result("gl", 1.1, "LL", loinc="2345-7"))
    assert ward.report().counts == {Fate.DECIDED: 1, Fate.UNACCOUNTED: 1}


@pytest.mark.parametrize("line", ["Observation/k can't be read", "not shown: Observation/k/_history/1, Observation/l."])
def test_a_line_of_what_is_left_out_names_an_item(line: str) -> None:
    ward = Ward(result(flag="H", value=5.6))
    ward.case("written", floor="2", left_out=(line,))
    assert ward.fate() == Fate.DECIDED


@pytest.mark.parametrize("line", ["Observation/k2", "Observation/k/_history/7", "XObservation/k"])
def test_a_line_about_another_resource_or_version_names_it_not(line: str) -> None:
    ward = Ward(result(flag="H", value=5.6))
    ward.case("written", left_out=(line,))
    assert ward.fate() == Fate.UNACCOUNTED


def test_a_line_cannot_have_meant_what_was_written_after_the_decision() -> None:
    ward = Ward(result(flag="H", value=5.6, version=59))
    ward.case("written", floor="2", left_out=("Observation/k",))
    assert ward.fate() == Fate.UNACCOUNTED


@pytest.mark.parametrize(
    ("again", "fate"),
    [
        (result("k2", 7.1, minute=30), Fate.REPEAT),
        (result("k2", 7.3, minute=30), Fate.UNACCOUNTED),
        (result("k2", 6.6, minute=30), Fate.UNACCOUNTED),
        (result("k2", 7.1, effectiveDateTime="2026-11-28T13:01:00Z"), Fate.UNACCOUNTED),
        (result("k2", 7.1, minute=30, loinc="2951-2"), Fate.UNACCOUNTED),
    ],
)
def test_the_same_value_again_is_a_repeat_where_it_is_close_soon_and_not_worse(again: Resource, fate: Fate) -> None:
    ward = Ward(result())
    ward.case("written", K1)
    ward.write(again)
    assert ward.report().counts[fate] == 1


def test_a_repeat_of_what_was_rejected_asks_again() -> None:
    ward = Ward(result())
    ward.case("rejected", K1)
    ward.write(result("k2", 7.1, minute=30))
    assert ward.fate() == Fate.UNACCOUNTED


def test_a_result_that_became_critical_is_no_repeat() -> None:
    ward = Ward(result(value=6.0, flag="H"))
    ward.case("written", K1)
    ward.write(result("k2", 6.0, "HH", minute=30))
    assert ward.fate() == Fate.UNACCOUNTED


def test_a_vital_sign_repeats_within_an_hour_and_the_points_of_news2() -> None:
    ward = Ward(vital("s1", "59408-5", 88), pathway=TRIAGE)
    ward.case("written", "Observation/s1/_history/1", floor="3")
    ward.write(vital("s2", "59408-5", 90, minute=59))
    assert ward.fate() == Fate.REPEAT
    ward.write(vital("s2", "59408-5", 90, effectiveDateTime="2026-11-28T10:01:00Z"))
    assert ward.fate() == Fate.UNACCOUNTED


def test_a_suggestion_whose_floor_is_less_urgent_than_its_item_is_found() -> None:
    for floor in ("2", None):
        ward = Ward(result())
        ward.case("written", K1, floor=floor)
        assert ward.broken() == ["I19"]
    ward.case("open", K1, floor="1")
    assert ward.broken() == [], "a later suggestion shows it with its floor"


def test_the_most_urgent_is_never_hidden() -> None:
    ward = Ward(result())
    ward.case("open", left_out=("1 more: Observation/k",))
    assert ward.broken() == ["I20"]
    ward = Ward(result(modifierExtension=[{"url": "x"}]))
    ward.case("open", left_out=("Observation/k can't be used",))
    assert ward.broken() == []


def test_an_open_case_says_how_much_it_hides() -> None:
    ward = Ward(result(), result("gl", 7, "H", loinc="2345-7"))
    ward.case("open", K1)
    assert sorted(ward.broken()) == ["I17", "I20"]
    ward = Ward(result(), result("gl", 7, "H", loinc="2345-7"))
    ward.case("open", K1, left_out=("and 1 more result",))
    assert ward.broken() == ["I17"]


def _moved(body: Resource) -> Resource:
    return body | {"subject": {"reference": "Patient/q"}, "encounter": {"reference": "Encounter/f"}}


@pytest.mark.parametrize(
    "now",
    [
        result(value=4.2, flag="N", version=2),
        result(version=2, status="entered-in-error"),
        result(version=2, valueQuantity={"value": 7.2, "unit": "mg/dL"}),
        _moved(result(version=2)),
        None,
    ],
)
def test_a_change_of_what_was_decided_on_must_be_heard_of(now: Resource | None) -> None:
    ward = Ward(result())
    ward.case("written", K1)
    if now:
        ward.write(now)
    else:
        ward.delete("Observation/k")
    assert "I18" in ward.broken()
    shows = (f"Observation/k/_history/{now['meta']['versionId']}",) if now else ()
    ward.case("closed_undecided", *shows, changed=("Observation/k",))
    assert "I18" not in ward.broken()


def test_a_change_that_only_an_earlier_case_or_another_resource_names_was_not_heard_of() -> None:
    ward = Ward(result())
    ward.case("written", changed=("Observation/k",))
    ward.case("written", K1)
    ward.case("written", changed=("Observation/k2",))
    ward.write(result(version=2, status="entered-in-error"))
    assert ward.broken() == ["I18"]


def test_a_corrected_birth_date_must_be_heard_of_and_another_name_need_not() -> None:
    ward = Ward(vital("s", "59408-5", 88), pathway=TRIAGE)
    ward.case("written", "Observation/s/_history/1", "Patient/p/_history/1", floor="3")
    ward.write(patient() | {"meta": {"versionId": "2"}, "name": [{"text": "x"}]})
    assert ward.broken() == []
    ward.write(patient(CHILD) | {"meta": {"versionId": "3"}})
    assert ward.broken() == ["I18"]


def test_a_version_with_equal_facts_is_no_change_nor_one_that_the_history_does_not_tell() -> None:
    ward = Ward(result())
    ward.case("written", K1, "Observation/k9/_history/1")
    ward.case("written", "Observation/k/_history/7")
    ward.write(result(version=2, note=[{"text": "phoned"}]))
    assert ward.broken() == []


def test_a_decision_that_was_taken_back_rests_on_nothing() -> None:
    ward = Ward(result())
    ward.case("written", K1)
    ward.cases = [Case("case-1", FOLLOW_UP, "e", 1, "continued", 1)]
    ward.write(result(version=2, status="entered-in-error"))
    assert ward.broken() == []


def test_an_open_case_shows_what_the_chart_says_now() -> None:
    ward = Ward(result())
    ward.case("open", K1)
    assert ward.broken() == []
    ward.write(result(value=4.2, flag="N", version=2))
    assert ward.broken() == ["I18"]


def test_the_line_adds_up() -> None:
    ward = Ward(result(), result("gl", 1.1, "LL", loinc="2345-7"), result("na", 110, "LL", loinc="2951-2"))
    ward.case("written", K1)
    ward.case("closed_undecided", K1, "Observation/gl/_history/1")
    line = "attention: 3 = 1 decided + 0 repeat + 0 open + 1 undecided, 1 unaccounted"
    assert attention_line(ward.report()) == line
