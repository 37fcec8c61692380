"""Ports of 127.0.0.1, each reserved against every other stack of this machine from the moment it is chosen."""

import random
import socket
import sys
from pathlib import Path
from typing import Self

from contracts.errors import ConfigurationError, ConfigurationFault

CHOICE = range(15_000, 30_000)
"""Our judgement: above what browsers refuse to open (10080 is the last), below the node ports of Kubernetes."""
OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


class Ports:
    """Ports that this process has reserved, until `release`, `close` or its end, even by -9.

    A reservation is the name of a Unix socket without a file, which the kernel gives to one process of a network
    namespace, as it does a port: so it holds between users, too, and the port itself stays free for its part to listen
    at. Linux only: elsewhere a port is just looked at.
    """

    def __init__(self) -> None:
        self._reserved: dict[int, socket.socket] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, port: int) -> bool:
        """Reserve a port. Return False where another stack has it, or anybody listens at it."""
        name = socket.socket(socket.AF_UNIX)
        try:
            if sys.platform == "linux":
                name.bind(f"\0wardflow-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            return False
        self._reserved[port] = name
        return True

    def choose(self) -> int:
        """Reserve a free port that no outgoing connection will be given. Raises ConfigurationError: none is left."""
        ports = list(CHOICE)
        outgoing = _outgoing()
        ports = [port for port in ports if port not in outgoing] or ports
        for port in random.sample(ports, len(ports)):
            if self.take(port):
                return port
        raise ConfigurationError(ConfigurationFault.NO_PORT, f"none is free from {CHOICE.start} to {CHOICE.stop - 1}")

    def release(self, port: int) -> None:
        """Give up a port that its part no longer needs."""
        self._reserved.pop(port).close()

    def close(self) -> None:
        """Give up all of them."""
        while self._reserved:
            self._reserved.popitem()[1].close()


def _outgoing() -> range:
    """Return the ports that the system gives to outgoing connections; empty where it does not say."""
    try:
        first, last = map(int, OUTGOING.read_text().split())
    except OSError:
        return range(0)
    return range(first, last + 1)
