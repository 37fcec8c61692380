"""No way of logging lets a patient's name out."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from integrations.telemetry import LOG_KEYS
from service.process import logs
from tests.fakes.samples import NAME

Written = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    """Our logging into memory, and what was before in its place after the test; answers with the lines so far."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers = []
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(logging, "raiseExceptions", True)
    logs.configure("worker")
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(io.StringIO())

    def lines() -> list[dict[str, Any]]:
        text = handler.stream.getvalue()
        assert "Zebedee" not in text + capsys.readouterr().err
        assert text
        return [json.loads(line) for line in text.splitlines()]

    yield lines
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers, root.level = before, level


def test_listed_keys_pass_and_others_do_not(written: Written) -> None:
    structlog.get_logger().info("case_opened", case_id="c-1", patient=NAME, name=NAME, resource={"name": NAME})
    (line,) = written()
    assert (line["event"], line["case_id"], line["process"], line["level"]) == ("case_opened", "c-1", "worker", "info")
    assert line.keys() <= LOG_KEYS


def test_bound_and_context_values_are_filtered_too(written: Written) -> None:
    structlog.contextvars.bind_contextvars(patient=NAME, pathway="ed_triage")
    structlog.get_logger().bind(family=NAME).info("case_opened")
    (line,) = written()
    assert line["pathway"] == "ed_triage"
    assert "patient" not in line


def test_an_exception_gives_class_and_place_and_not_its_text(written: Written) -> None:
    log = structlog.get_logger()
    try:
        raise ValueError(NAME)
    except ValueError as fault:
        log.exception("broken", patient=NAME)
        log.error("broken", exc_info=fault)
        log.error("broken", exc_info=True)
        logging.getLogger("some.library").exception("failed for %s", NAME)
    lines = written()
    assert len(lines) == 4
    for line in lines:
        assert line["error"] == "ValueError"
        assert line["where"].startswith("test_logs.py:")


def test_a_chained_exception_does_not_bring_its_cause(written: Written) -> None:
    try:
        try:
            raise KeyError(NAME)
        except KeyError as cause:
            raise RuntimeError(NAME) from cause
    except RuntimeError:
        structlog.get_logger().exception("broken")
    assert written()[0]["error"] == "RuntimeError"


@pytest.mark.parametrize("name", ["httpx", "sqlalchemy.engine", "langgraph", "root"])
def test_of_a_librarys_record_only_the_loggers_name_is_kept(written: Written, name: str) -> None:
    logging.getLogger(name).warning("GET /Patient?name=%s", NAME, extra={"patient": NAME})
    logging.getLogger(name).warning(f"GET /Patient?name={NAME}")
    for line in written():
        assert (line["logger"], "Patient" in line["event"]) == (name, False)


@pytest.mark.parametrize("name", ["uvicorn.error", "temporalio.worker"])
def test_of_a_trusted_library_the_template_is_kept_without_its_values(written: Written, name: str) -> None:
    logging.getLogger(name).warning("Failed for %s", NAME, extra={"patient": NAME})
    (line,) = written()
    assert (line["event"], line["logger"]) == ("Failed for %s", name)


def test_a_line_of_a_workflow_names_its_case_and_the_activity_that_failed(written: Written) -> None:
    workflow = {"workflow_id": "c1", "workflow_type": "case", "run_id": NAME}
    told = {"temporal_workflow": workflow, "activity": "snapshot_chart", "patient": NAME}
    logging.getLogger("temporalio.workflow").error("suggestion_failed", extra=told)
    logging.getLogger("some.library").error("failed", extra=told)
    trusted, foreign = written()
    assert (trusted["case_id"], trusted["workflow_id"], trusted["activity"]) == ("c1", "c1", "snapshot_chart")
    assert "activity" not in foreign


async def fail() -> None:
    raise ValueError(NAME)


async def test_the_exception_of_a_forgotten_task_does_not_bring_its_text(written: Written) -> None:
    task = asyncio.ensure_future(fail())
    await asyncio.wait([task])
    loop = asyncio.get_running_loop()
    task.set_name("t")
    context = {"message": "Task exception was never retrieved", "exception": task.exception(), "future": task}
    loop.default_exception_handler(context)
    assert written()[0]["error"] == "ValueError"


def test_a_record_that_cannot_be_formatted_does_not_bring_its_arguments(
    written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    record = logging.makeLogRecord({"name": "some.library", "msg": "found %s and %s", "args": (NAME,)})
    logging.getLogger().handlers[0].handle(record)
    assert "Zebedee" not in capsys.readouterr().err


def test_what_ends_a_process_does_not_bring_its_text(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    fault = ValueError(NAME)
    sys.excepthook(type(fault), fault, None)
    assert "Zebedee" not in capsys.readouterr().err
