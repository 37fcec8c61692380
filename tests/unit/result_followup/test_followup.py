"""Results to findings, calculations and a proposal; no number is shown that anything disputes."""

import asyncio
from typing import Any

import pytest

from agents import level_graph
from agents.pathway import NoReference, NoSandbox, Ports
from agents.result_followup import prompts, rules
from agents.result_followup.analytes import ANALYTES, CODES
from agents.result_followup.formulas import FORMULAS, needed
from contracts.calculations import Calculation, CalculationFault, Comparison
from contracts.charts import ChartFacts
from contracts.errors import Fallback, LedgerError, LedgerFault, ModelError
from contracts.model_calls import ChatRequest, ModelCall
from contracts.suggestions import MadeBy, Suggestion
from integrations.reference import clincalc
from tests.fakes.results import ENCOUNTER, PATHWAY, result
from tests.fakes.samples import NOW, decision
from tests.fakes.scripted_chat import ScriptedChat, called, reasons


def chart(born: str = "1960-01-01", gender: str = "female", **results: float) -> ChartFacts:
    who = {"resourceType": "Patient", "id": "p", "gender": gender, "birthDate": born}
    return PATHWAY.read_chart([ENCOUNTER, who, *(result(k, v) for k, v in results.items())], "enc-1", NOW)


class Programmer:
    """Answers with the programs in turn."""

    def __init__(self, *programs: str | ModelError) -> None:
        self.programs, self.asked = list(programs), []

    async def ask(self, request: ChatRequest) -> ModelCall:
        self.asked.append(request)
        said = self.programs.pop(0)
        if isinstance(said, ModelError):
            raise said
        return called(request, said)


class Results(NoSandbox):
    """A sandbox that gives each program of the test its outcome."""

    def __init__(self, **outcomes: float | CalculationFault) -> None:
        self.outcomes = outcomes

    async def run(self, program: str, inputs: dict[str, float]) -> Calculation:
        outcome = self.outcomes[program.partition("\n")[0]]
        if isinstance(outcome, CalculationFault):
            return Calculation(program=program, inputs=inputs, fault=outcome, seconds=0.1)
        name = program.rpartition('{"')[2].partition('"')[0]
        return Calculation(program=program, inputs=inputs, outputs={name: outcome}, seconds=0.1)


class Reference(NoReference):
    def __init__(self, value: float | None) -> None:
        self.value = value

    async def result(self, name: str, inputs: dict[str, float]) -> float | None:
        return self.value


async def suggest(facts: ChartFacts, ports: Ports) -> Suggestion:
    return (await PATHWAY.build(ports).ainvoke({"facts": facts}))["suggestion"]


GAP = chart(na=140, cl=100, hco3=20)  # an anion gap of 20


@pytest.mark.parametrize(
    ("key", "value", "unit", "number"),
    [
        ("creatinine", 1.0, "mg/dL", 88.4),
        ("glucose", 180.16, "mg/dL", 10.0),
        ("calcium", 10.0, "mg/dL", 2.4951),
        ("albumin", 4.0, "g/dL", 40.0),
        ("urea", 28.014, "mg/dL", 10.0),
        ("k", 4.1, "meq/L", 4.1),
        ("hr", 70, "beats/minute", 70.0),
    ],
)
def test_units_of_laboratories_are_converted(key: str, value: float, unit: str, number: float) -> None:
    facts = PATHWAY.read_chart([ENCOUNTER, result(key, value, unit)], "enc-1", NOW)
    assert facts.number(key) == pytest.approx(number)


def test_a_unit_that_is_not_known_is_named_and_not_used() -> None:
    facts = PATHWAY.read_chart([ENCOUNTER, result("k", 41, "mg/kg")], "enc-1", NOW)
    assert facts.get("k") is None and [fact.value for fact in facts.facts] == [
        "41 mg/kg (in a unit that can't be read)"
    ]


def test_no_code_stands_for_two_analytes() -> None:
    assert len(CODES) == sum(len(analyte.loinc) for analyte in ANALYTES.values())


@pytest.mark.parametrize(
    ("results", "floor"),
    [
        ({"k": 6.5}, "1"),
        ({"k": 6.4}, None),
        ({"k": 2.5}, "1"),
        ({"k": 2.6}, None),
        ({"na": 120}, "1"),
        ({"na": 160}, "1"),
        ({"glucose": 2.5}, "1"),
        ({"creatinine": 354}, "1"),
        ({"magnesium": 0.4}, "1"),
        ({"phosphate": 0.3}, "1"),
        ({"urea": 30}, "1"),
        ({"na": 139, "k": 4.2, "glucose": 5.5}, None),
    ],
)
def test_a_critical_result_demands_to_act_now(results: dict[str, float], floor: str | None) -> None:
    assert level_graph.floor(rules.findings(chart(**results))) == floor


async def test_limits_of_adults_are_not_applied_to_children_and_it_is_said() -> None:
    child = chart(born="2020-01-01", k=6.6, na=140, cl=100, hco3=20)
    assert level_graph.floor(rules.findings(child)) == rules.TODAY and needed(child) == ()  # nobody says what they mean
    assert "adults" in (await suggest(child, Ports())).findings[0].text


def test_a_calculation_is_needed_only_with_all_its_inputs_as_numbers() -> None:
    assert [formula.name for formula in needed(chart(creatinine=100))] == ["egfr"]
    assert needed(chart(gender="unknown", creatinine=100)) == ()
    assert [formula.name for formula in needed(chart(na=130, glucose=30))] == ["corrected_sodium"]
    assert needed(chart(na=130, glucose=9)) == ()
    below = result("hco3", 5) | {"valueQuantity": {"value": 5, "comparator": "<", "unit": "mmol/L"}}
    facts = PATHWAY.read_chart([ENCOUNTER, result("na", 140), result("cl", 100), below], "enc-1", NOW)
    assert needed(facts) == ()


async def test_a_known_formula_needs_no_model_and_says_what_agrees() -> None:
    alone = (await suggest(GAP, Ports())).worked[0]
    assert (alone.value, alone.comparison) == (20.0, Comparison.NONE) and "no second opinion" in alone.told
    ports = Ports({"code": Programmer("```python\ngap = na\n```")}, Results(**{"gap = na": 20.0}), Reference(20.0))
    worked = (await suggest(GAP, ports)).worked[0]
    assert (worked.value, worked.comparison, worked.model) == (20.0, Comparison.AGREES, "scripted@1")
    assert worked.calculations[0].program == 'gap = na\n{"anion_gap": anion_gap}'
    assert worked.calculations[0].inputs == {"na": 140, "cl": 100, "hco3": 20} and worked.cites == ("na", "cl", "hco3")


@pytest.mark.parametrize(
    ("outcome", "reference", "why"),
    [(21.0, None, "program"), (20.0, 21.0, "independent calculator"), (CalculationFault.WRONG, 21.0, "independent")],
)
async def test_a_second_opinion_may_withhold_a_number(outcome: Any, reference: float | None, why: str) -> None:
    ports = Ports({"code": Programmer("one")}, Results(one=outcome), Reference(reference))
    worked = (await suggest(GAP, ports)).worked[0]
    assert (worked.value, worked.comparison) == (None, Comparison.DIFFERS) and why in worked.told


@pytest.mark.parametrize("fault", [CalculationFault.LIMIT, CalculationFault.WRONG, CalculationFault.NO_SANDBOX])
async def test_a_program_that_gives_nothing_withholds_nothing(fault: CalculationFault) -> None:
    worked = (await suggest(GAP, Ports({"code": Programmer("one")}, Results(one=fault)))).worked[0]
    assert worked.value == 20.0 and "gave no result" in worked.told and worked.calculations


async def test_a_result_that_no_patient_has_is_not_shown() -> None:
    worked = (await suggest(chart(na=180, cl=60, hco3=5), Ports())).worked[0]
    assert worked.value is None and "can't be" in worked.told


async def test_no_limit_waits_for_a_model_or_for_what_disputes_it() -> None:
    long = chart(qt=480, hr=100)
    for ports in (Ports(), Ports({"code": Programmer("one")}, Results(one=1.0), Reference(2.0))):
        made = await suggest(long, ports)
        assert made.floor == "1" and "QTc 569 ms" in made.findings[0].text
    assert (await suggest(chart(calcium=1.7, albumin=40), Ports())).selected == "1"
    kidney = await suggest(chart(creatinine=300), Ports())
    assert kidney.floor == "2" and any("KDIGO G5" in finding.text for finding in kidney.findings)


def at(resource: dict[str, Any], moment: str, id_: str = "") -> dict[str, Any]:
    return resource | {"effectiveDateTime": f"2026-01-05T{moment}:00Z"} | ({"id": id_} if id_ else {})


def test_a_calculation_mixes_no_moments() -> None:
    na, cl = at(result("na", 140), "08:00"), at(result("cl", 100), "08:05")
    one_sample = [ENCOUNTER, na, cl, at(result("hco3", 20), "08:10")]
    mixed = [ENCOUNTER, na, cl, at(result("hco3", 20), "05:10")]
    read = [PATHWAY.read_chart(chart, "enc-1", NOW) for chart in (one_sample, mixed)]
    assert [[formula.name for formula in needed(facts)] for facts in read] == [["anion_gap"], []]


def test_a_qt_interval_goes_with_the_rate_of_its_own_tracing() -> None:
    qt, own = at(result("qt", 400), "08:00"), at(result("hr", 125), "08:00", "own")
    later = at(result("hr", 66), "08:20", "later")
    facts = PATHWAY.read_chart([ENCOUNTER, later, own, qt], "enc-1", NOW)
    assert facts.number("hr") == 125 and "QTc 511 ms" in rules.findings(facts)[-1].text
    alone = PATHWAY.read_chart([ENCOUNTER, later, qt], "enc-1", NOW)
    assert alone.number("hr") is None and needed(alone) == ()


class Together:
    """Answers when two programs are asked for; one that is asked in vain is told so when it is given up."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.asked, self.fault, self.given_up = 0, fault, 0
        self._both = asyncio.Event()

    async def ask(self, request: ChatRequest) -> ModelCall:
        self.asked += 1
        if self.asked == 2:
            if self.fault:
                raise self.fault
            self._both.set()
        try:
            await asyncio.wait_for(self._both.wait(), 5)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return called(request, "one")


async def test_the_calculations_of_a_chart_are_asked_for_at_once_and_keep_their_order() -> None:
    facts = chart(na=140, cl=100, hco3=20, calcium=2.2, albumin=40)
    made = await suggest(facts, Ports({"code": Together()}, Results(one=20.0)))
    assert [worked.name for worked in made.worked] == ["anion_gap", "corrected_calcium"]
    assert made.worked[0].value == 20.0


async def test_when_the_ledger_fails_under_one_calculation_the_others_are_given_up() -> None:
    facts, code = chart(na=140, cl=100, hco3=20, calcium=2.2, albumin=40), Together(LedgerError(LedgerFault.DATABASE))
    with pytest.raises(LedgerError):
        await suggest(facts, Ports({"code": code}, Results(one=20.0), Reference(20.0)))
    await asyncio.sleep(0)
    assert code.given_up == 1


def test_the_wording_tells_every_line_of_the_definition() -> None:
    for formula in FORMULAS:
        told = prompts.program(formula, formula.needs).messages[-1].content
        assert all(line in told for line in formula.definition.splitlines())


async def test_without_any_model_rules_go_on_and_say_what_is_missing() -> None:
    made = await suggest(chart(k=7.1, na=140, cl=100, hco3=20), Ports())
    assert (made.made_by, made.selected, made.fallback) == (MadeBy.RULES, "1", Fallback.NOT_CONFIGURED)
    assert made.worked[0].value == 20.0 and "not configured" in made.worked[0].told
    calm = await suggest(chart(k=5.6), Ports())
    assert (calm.selected, calm.approvable) == (None, False)


async def test_a_model_words_the_finding_and_never_lowers_the_floor() -> None:
    chat = ScriptedChat({"1": 0.1, "2": 0.2, "3": 0.7}, reasons(("Potassium 7.1 is high.", ["k"]), ("K 9", ["k"])))
    made = await suggest(chart(k=7.1), Ports({"reasoning": chat}))
    assert (made.selected, made.floor, made.made_by) == ("1", "1", MadeBy.MODEL)
    assert [claim.text for claim in made.claims] == ["Potassium 7.1 is high."] and made.dropped_claims == 1


async def test_the_order_says_what_was_decided_and_rests_on_the_result() -> None:
    made = await suggest(chart(k=7.1), Ports())
    meta = {"tag": [{"system": "urn:x", "code": "case"}]}
    (order,) = PATHWAY.results(made, decision(selected="1"), "res-1", meta)
    assert (order["priority"], order["status"], order["intent"]) == ("stat", "requested", "order")
    assert order["reasonReference"] == {"reference": "Observation/lab-k"} and "Potassium 7.1" in order["description"]
    (seen,) = PATHWAY.results(made, decision(selected="3"), "res-1", meta)
    assert (seen["priority"], seen["status"]) == ("routine", "completed")


async def test_an_order_without_a_critical_result_rests_on_the_newest_and_never_on_the_patient() -> None:
    at = {"na": "2026-01-05T08:00:00Z", "k": "2026-01-05T08:20:00Z", "hr": "2026-01-05T08:25:00Z"}
    taken = [result(key, 80 if key == "hr" else 5) | {"effectiveDateTime": moment} for key, moment in at.items()]
    taken[0] |= {"valueQuantity": {"value": 140, "unit": "mmol/L"}}
    who = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1960-01-01"}
    made = await suggest(PATHWAY.read_chart([ENCOUNTER, who, *taken], "enc-1", NOW), Ports())
    meta = {"tag": [{"system": "urn:x", "code": "case"}]}
    (order,) = PATHWAY.results(made, decision(selected="2"), "res-1", meta)
    assert order["reasonReference"] == {"reference": "Observation/lab-k"}


async def test_a_stay_of_results_that_nobody_reads_here_says_so_and_can_still_be_decided() -> None:
    made = await suggest(PATHWAY.read_chart([ENCOUNTER], "enc-1", NOW), Ports())
    assert "look them up" in made.findings[0].text and made.floor is None
    (order,) = PATHWAY.results(made, decision(selected="2"), "res-1", {"tag": [{"system": "urn:x", "code": "case"}]})
    assert order["reasonReference"] == {"reference": "Encounter/enc-1"}


def test_the_list_names_the_critical_result_first() -> None:
    assert PATHWAY.headline(chart(k=7.1, na=140)) == "Potassium 7.1 mmol/L (66 female)"


def test_no_answer_stands_in_what_a_model_is_asked() -> None:
    for formula in FORMULAS:
        asked = prompts.program(formula, formula.needs).model_dump_json()
        assert "reference" not in asked and "clincalc" not in asked


def test_every_formula_but_qtc_has_an_independent_calculator() -> None:
    given = dict.fromkeys(("creatinine", "age", "female", "na", "cl", "hco3", "calcium", "albumin", "glucose"), 30.0)
    without = [formula.name for formula in FORMULAS if clincalc.known(formula.name, given) is None]
    assert without == ["qtc"]


@pytest.mark.parametrize(
    ("answer", "program"),
    [
        ("```python\nx = 1\n```", "x = 1"),
        ("Here:\n```\nx = 1\n```\nDone.", "x = 1"),
        ("x = 1", "x = 1"),
        ("```python\nx = 1", "x = 1"),
    ],
)
def test_the_program_is_taken_out_of_the_answer(answer: str, program: str) -> None:
    assert prompts.code_of(answer) == program
