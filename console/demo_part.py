"""What a part of a demo's fleet runs that is no bot: it says what such a program says, and ends when it is told to.

It is started by its path and imports nothing of ours, so that a fleet of them is cheap.
"""

import signal
import sys
import time
from types import FrameType

EVERY_S = 20.0


def main(first: str, *others: str) -> None:
    """Say ``first``, then one of the others every while; end at once when there are none."""
    signal.signal(signal.SIGTERM, _end)
    _say(first)
    while others:
        for line in others:
            time.sleep(EVERY_S)
            _say(line)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _end(number: int, frame: FrameType | None) -> None:
    _say(f"received {signal.Signals(number).name}, shutting down")
    sys.exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
