"""Starts the real processes with one safety taken out: a check that finds nothing then proves nothing.

`python -m tests.measure.prove.sabotage NAME STATE` is `infra.stack` with every process of ours started through this
module.
"""

import inspect
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra import stack
from infra.embedded import Embedded
from infra.ports import Ports
from integrations.fhir import proposals
from integrations.ledger import database
from integrations.ledger import own_writes as writes
from service.commands import cli
from service.gateway import app as gateway
from service.gateway import watchdog as overdue_cases


def _replace(owner: Any, name: str, stand_in: object) -> None:
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
