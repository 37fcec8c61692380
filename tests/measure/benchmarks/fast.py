"""The local parts with `synchronous=NORMAL` in ledger and Temporal: shows the price of durability, never shipped."""

import sys
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event

from infra import stack
from integrations.ledger import database

MODULE = "tests.measure.benchmarks.fast"


def _part(part: stack.Part) -> stack.Part:
    argv = [word.replace("synchronous=FULL", "synchronous=NORMAL") for word in part.argv]
    part.argv = [MODULE if word == "service.commands.cli" else word for word in argv]
    return part


def _relax() -> None:
    make = database._engine

    def relaxed(url: str, begin: str) -> sa.Engine:
        engine = make(url, begin)
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=NORMAL"))
        return engine

    database._engine = relaxed


if __name__ == "__main__":
    if sys.argv[1] in ("gateway", "dispatcher", "worklist", "worker"):
        from service.commands import cli

        _relax()
        cli.main()
    else:
        stack.end_with_parent()
        prepare = stack.prepare
        stack.prepare = lambda state, reserved, served=(): [_part(part) for part in prepare(state, reserved, served)]
        sys.exit(stack.run(Path(sys.argv[1])))
