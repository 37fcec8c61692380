"""What a demo does about the embedded model."""

from pathlib import Path

import pytest

from service.demo.play import DemoPlan


@pytest.mark.parametrize(
    ("simulated", "models", "wanted"),
    [
        (False, None, "wanted"),
        (True, None, "if-installed"),
        (True, True, "wanted"),
        (False, True, "wanted"),
        (False, False, "none"),
        (True, False, "none"),
    ],
)
def test_people_get_the_model_unless_they_say_no_and_simulated_people_do_not_install_it(
    simulated: bool, models: bool | None, wanted: str
) -> None:
    plan = DemoPlan(
        cases=None, limit=1, state=Path("x"), decide_from=None, decide_column="", simulated=simulated, models=models,
        seed=1, check=False, as_json=False, scale="esi",
    )  # fmt: skip
    assert plan.model == wanted
