"""Ports for parts that tests start, reserved until the test session ends."""

from infra.ports import Ports

_RESERVED = Ports()


def any_port() -> int:
    """Return a free port that no stack and no other test session is given."""
    return _RESERVED.choose()
