"""Calculations with known answers, with programs of the embedded code model: no wrong number is shown."""

import sys
from pathlib import Path

import pytest

from agents.pathway import NoReference
from infra import embedded
from integrations.inference.chat import ChatClient, ChatEndpoint, Dialect, Phi
from integrations.reference.clincalc import Clincalc
from integrations.sandbox.monty import Sandbox
from tests.measure.calculations import known, measured
from tests.real_model import serving

pytestmark = [pytest.mark.integration, pytest.mark.model]
MODEL = next(model for model in embedded.DEFAULTS if model.role == "code")


@pytest.mark.timeout(600)  # programs by a model on a processor: 260 s were measured on two cores
async def test_programs_of_the_code_model_agree_with_some_formulas_and_no_number_is_wrong(tmp_path: Path) -> None:
    sandbox, clincalc = Sandbox(), Clincalc(Path(sys.executable))
    with serving(MODEL, tmp_path / "log") as url:
        model = ChatClient(ChatEndpoint("code", url, MODEL.name, Phi.ALLOWED, Dialect.VLLM, timeout_s=120))
        checked = await measured.run(known.cases(7, 5), model, sandbox, clincalc, at_once=4)
        unchecked = await measured.run(known.cases(8, 3), model, sandbox, NoReference(), at_once=4)
        await model.close()
    await sandbox.close()
    await clincalc.close()
    print(measured.summary(checked), measured.summary(unchecked))
    assert not any(one.wrong for one in checked + unchecked)
    assert any(one.agreed for one in checked) and all(one.worked.value is not None for one in checked if one.agreed)
