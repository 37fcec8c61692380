"""Starts the real processes with one safety taken out: a check that finds nothing then proves nothing.

`python -m tests.measure.prove.sabotage NAME STATE` is `infra.stack` with every process of ours started through this
module.
"""

import inspect
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from activities.reopening import ChartCheck
from activities.world import World
from agents.charts import Resource
from agents.result_followup import results
from agents.result_followup.flags import Words
from agents.result_followup.results import Result, Standing
from infra import stack
from infra.embedded import Embedded
from infra.ports import Ports
from integrations import clock
from integrations.fhir import proposals
from integrations.ledger import database, decisions, evidence
from integrations.ledger import own_writes as writes
from integrations.ledger.cases import CaseRow
from service.commands import cli
from service.dispatcher import reopening
from service.gateway import app as gateway
from service.gateway import watchdog as overdue_cases
from service.gateway.evidence_watch import EvidenceWatch

LEAST_URGENT = "~"
"""Sorts after every code of a level."""


def _replace(owner: Any, name: str, stand_in: Callable[..., Any]) -> None:
    """Put the stand-in in the place of that name.

    Raises AttributeError where nothing has it any more, TypeError where the stand-in can't be called like it.
    """
    wanted, given = (inspect.signature(callable_) for callable_ in (getattr(owner, name), stand_in))
    given.bind(*wanted.parameters)
    setattr(owner, name, stand_in)


def idempotency() -> None:
    """Each attempt writes its result under new ids, and does not ask whether an earlier one got through."""
    stable = proposals.resource_id
    proposals.resource_id = lambda ref, part: stable(ref, part) if part == "task" else str(uuid.uuid4())
    _replace(proposals, "decided_in", lambda _task: None)


def watchdog() -> None:
    """Only Temporal raises what is late."""
    _replace(overdue_cases, "watchdog", lambda *_: None)


def own_writes() -> None:
    """Nothing is known as our own when a feed brings it."""
    _replace(writes, "versions", lambda *_: set())
    _replace(writes, "writer", lambda *_: None)


def reconciliation() -> None:
    """Only notifications tell what is new."""
    _replace(gateway.Feed, "changed_since", lambda self, resource_type, moment: iter(()))


def evidence_index() -> None:
    """Nobody knows which cases use a resource: only what a trigger matches in its own stay is news to a case."""
    _replace(evidence, "uses", lambda *_: set())
    _replace(EvidenceWatch, "look", lambda self: 0)


def evidence_of_decisions() -> None:
    """A decision covers all that is no more urgent than the level that was decided, whatever it showed."""
    by_evidence = reopening.check_chart

    def by_level(world: World, case: CaseRow) -> ChartCheck:
        read = by_evidence(world, case)
        with world.records.db.read() as tx:
            decision = decisions.of_case(tx, case.case_id)
        if not read.demanded or decision is None or case.suggestion_blob is None:
            return read
        pathway = world.pathways[case.pathway]
        facts = pathway.read_chart(read.resources, case.encounter_id, clock.now())
        decided = decision.selected or world.records.suggestion(case.suggestion_blob).floor or LEAST_URGENT
        floors = [item.floor for item in pathway.attention(read.resources, facts) if item.floor]
        return replace(read, demanded=min(floors, default=LEAST_URGENT) < decided)

    _replace(reopening, "check_chart", by_level)


def doubt() -> None:
    """A result that can't be compared is taken for normal."""
    judged = results._result

    def certain(part: Any, resource: Resource, words: Words) -> Result:
        found = judged(part, resource, words)
        return replace(found, standing=Standing.UNREMARKABLE) if found.standing == Standing.UNCLEAR else found

    _replace(results, "_result", certain)


def fsync() -> None:
    """The ledger believes the page cache."""
    made = database._engine

    def unsynced(url: str, begin: str) -> database.sa.Engine:
        engine = made(url, begin)
        database.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        return engine

    database._engine = unsynced


CONTROLS = {
    "idempotency": (idempotency, "I2"),
    "watchdog": (watchdog, "I4"),
    "own_writes": (own_writes, "I15"),
    "reconciliation": (reconciliation, "I8"),
    "evidence_index": (evidence_index, "I18"),
    "evidence_of_decisions": (evidence_of_decisions, "I17"),
    "doubt": (doubt, "I17"),
    "fsync": (fsync, "I1"),
}
"""What is taken out, and the rule that must be found broken."""


def main(name: str, *rest: str) -> None:
    if rest[1:] == ("--with-parent",):
        stack.end_with_parent()
        prepare = stack.prepare

        def prepared(state: Path, reserved: Ports, served: Sequence[Embedded] = ()) -> list[stack.Part]:
            parts = prepare(state, reserved, served)
            for part in parts:
                if "service.commands.cli" in part.argv:
                    at = part.argv.index("service.commands.cli")
                    part.argv[at : at + 1] = [__spec__.name, name]
            return parts

        stack.prepare = prepared
        sys.exit(stack.run(Path(rest[0])))
    CONTROLS[name][0]()
    sys.argv = ["wardflow", *rest]
    cli.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
