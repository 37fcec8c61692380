"""What `make setup` says before it installs anything."""

import importlib.util

import pytest

from infra import machine


@pytest.mark.parametrize(
    ("version", "free", "said"),
    [
        ((3, 11), 2**40, ""),
        ((3, 12), machine.FREE_BYTES, ""),
        ((3, 10), 2**40, "Python 3.11 or 3.12 is needed, python3 is 3.10: `make PYTHON3=python3.12 ...`"),
        ((3, 13), 2**40, "Python 3.11 or 3.12 is needed, python3 is 3.13: `make PYTHON3=python3.12 ...`"),
        ((3, 11), 2**30, "1.0 GiB are free here, 2 are needed: free the disk"),
    ],
)
def test_one_line_says_what_the_machine_lacks(version: tuple[int, int], free: int, said: str) -> None:
    assert machine.lacks(version, free) == said


def test_a_python_without_venv_is_told_which_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert machine.lacks((3, 11), 2**40) == "Python's venv is missing: apt-get install python3-venv"
