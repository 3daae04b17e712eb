"""TCP ports to give to what a test starts.

Taken from below those that the kernel gives to whoever asks for any port, and each process of the suite from a range of
its own: between a port's choice and its use nobody else can get it.
"""

import contextlib
import itertools
import os
import random
import socket

_RANGE = 4_000
_FIRST = 12_000 + _RANGE * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_steps = itertools.count(random.randrange(_RANGE))  # another run on the same machine begins elsewhere


def free_port() -> int:
    """A port that nothing listens on, and that no other test is given."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """``count`` such ports that follow each other."""
    while True:
        ports = [_FIRST + next(_steps) % _RANGE for _ in range(count)]
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in ports:
                stack.enter_context(socket.create_server(("", port)))
            if ports[-1] - ports[0] == count - 1:
                return ports
