"""Whether a chart says that supplemental oxygen is given, in whatever way it is charted."""

from contracts.charts import ChartFacts, Fact

AIR_PERCENT = 21.0  # of oxygen: any more is supplemental; Royal College of Physicians, NEWS2, 2017, chart 1
# Words for no device, in lower case; our judgement: every other device gives oxygen
AIR = frozenset(("room air", "air", "ra", "none", "no device", "no oxygen", "breathing room air", "self ventilating"))


def flow(facts: ChartFacts) -> Fact | None:
    """Return the flow in L/min, or a bound of one such as `<2`, if oxygen flows."""
    fact = facts.get("oxygen_l_min")
    return fact if fact and (fact.number or fact.value[:1] in "<>") else None


def fraction(facts: ChartFacts) -> Fact | None:
    """Return the inspired fraction in percent, if it is more than that of air."""
    fact = facts.get("fio2")
    return fact if fact and (fact.number or 0) > AIR_PERCENT else None


def device(facts: ChartFacts) -> Fact | None:
    """Return the device, if it is one that gives oxygen."""
    fact = facts.get("oxygen_device")
    return fact if fact and fact.value.lower() not in AIR else None


def given(facts: ChartFacts) -> Fact | None:
    """Return the fact that says that oxygen is given, or None where no fact does."""
    return flow(facts) or fraction(facts) or device(facts)
