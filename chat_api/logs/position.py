"""How far a log was read, so that it can be gone on with elsewhere: nothing twice, nothing lost.

The engine's ``since`` takes a moment, and lines of two streams are not strictly in its order. So the last lines are
remembered, the log is asked for from the oldest of them on, and what comes again is left out.
"""

from collections import Counter, deque

from chat_api.engine.log_schemas import LogLine

REMEMBERED = 1000
Key = tuple[int, str, int]


class LogPosition:
    """The place in one bot's log, across reconnections and containers."""

    def __init__(self, *, remembered: int = REMEMBERED) -> None:
        self._keys: deque[Key] = deque()
        self._remembered = remembered
        self._forgotten_ns: int | None = None
        self._expected: Counter[Key] = Counter()

    @property
    def since_ns(self) -> int | None:
        """Where to read on from; None when nothing was read yet."""
        if self._forgotten_ns is not None:
            return self._forgotten_ns + 1
        return min((key[0] for key in self._keys), default=None)

    def reconnect(self) -> None:
        """The log is read from ``since_ns`` again: expect what was read before."""
        self._expected = Counter(key for key in self._keys if self.since_ns is None or key[0] >= self.since_ns)

    def take(self, lines: tuple[LogLine, ...]) -> tuple[LogLine, ...]:
        """Those that are new."""
        return tuple(line for line in lines if self._is_new(line))

    def _is_new(self, line: LogLine) -> bool:
        key = (line.at_ns, line.stream, hash(line.text))
        if self._expected and self._expected[key] > 0:
            self._expected[key] -= 1
            return False
        self._keys.append(key)
        if len(self._keys) > self._remembered:
            forgotten = self._keys.popleft()
            self._forgotten_ns = max(forgotten[0], self._forgotten_ns or 0)
        return True
