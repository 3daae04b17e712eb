"""Which lines a viewer wants: by level, and by a pattern that may be hostile.

A pattern is a subset of regular expressions: characters and their classes, groups, alternatives, repetitions, anchors.
It is bounded in length and depth before it is compiled, and in time at every line and for a batch when it is matched.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import regex

from chat_api.core.errors import InvalidInput
from chat_api.schemas.logs import LogLevel, LogLine

MAX_PATTERN_CHARS = 200
MAX_DEPTH = 3
LINE_LIMIT_S = 0.005
BATCH_LIMIT_S = 0.05
MAX_STRIKES = 3
_ESCAPABLE = frozenset("dDwWsSbBtn")
_REPEAT = regex.compile(r"\{\d{1,3}(?:,\d{0,3})?\}")
TOO_SLOW = "q: this pattern takes too long; make it simpler."


class Pattern(Protocol):
    """What the engine of regular expressions compiles; it has no types of its own."""

    def search(self, string: str, *, timeout: float) -> object | None:
        """A match, or None. Raises: TimeoutError."""
        ...


@dataclass(slots=True, kw_only=True)
class LogFilter:
    """Lines of these levels that match. ``strikes`` counts how often the pattern took too long."""

    levels: frozenset[LogLevel] = frozenset(LogLevel)
    pattern: Pattern | None = None
    strikes: int = field(default=0)

    def select(self, lines: Iterable[LogLine]) -> list[LogLine]:
        """Those of a batch that are wanted. Raises: InvalidInput when the pattern takes too long again and again."""
        if len(self.levels) < len(LogLevel):
            lines = [line for line in lines if line.level in self.levels]
        if self.pattern is None:
            return list(lines)
        found, deadline = [], time.monotonic() + BATCH_LIMIT_S
        for line in lines:
            try:
                if self.pattern.search(line.plain, timeout=LINE_LIMIT_S) is not None:
                    found.append(line)
                is_slow = time.monotonic() > deadline
            except TimeoutError:
                is_slow = True
            if is_slow:
                self.strikes += 1
                deadline = time.monotonic() + BATCH_LIMIT_S
                if self.strikes >= MAX_STRIKES:
                    raise InvalidInput(TOO_SLOW)
        return found

    def wants(self, line: LogLine) -> bool:
        """Whether one line is wanted. Raises: InvalidInput when the pattern takes too long."""
        return bool(self.select((line,)))


def log_filter(levels: Iterable[str] = (), pattern: str = "") -> LogFilter:
    """A filter from what a person chose; without levels, all. Raises: InvalidInput with what to tell them."""
    try:
        chosen = frozenset(LogLevel(level) for level in levels)
    except ValueError:
        raise InvalidInput(f"level: one of {', '.join(LogLevel)}.") from None
    return LogFilter(levels=chosen or frozenset(LogLevel), pattern=_compiled(pattern) if pattern else None)


def _compiled(pattern: str) -> Pattern:
    if len(pattern) > MAX_PATTERN_CHARS:
        raise InvalidInput(f"q: at most {MAX_PATTERN_CHARS} characters.")
    checked = _Checked(pattern).text
    # Without capitals the case does not matter, as in an editor.
    flags = regex.VERSION0 | (regex.IGNORECASE if pattern == pattern.lower() else 0)
    try:
        compiled: Pattern = regex.compile(checked, flags)
    except regex.error as error:
        raise InvalidInput(f"q: {str(error)[:100]}.") from None
    return compiled


class _Checked:
    """A pattern that was read once: nothing in it that cannot be bounded. Raises: InvalidInput."""

    def __init__(self, pattern: str) -> None:
        self._rest = pattern
        self.text = ""
        depth = self._alternatives(nesting=0)
        if self._rest:
            raise InvalidInput("q: a parenthesis is closed that was not opened.")
        if depth > MAX_DEPTH:
            raise InvalidInput("q: too many repetitions inside each other.")

    def _alternatives(self, *, nesting: int) -> int:
        """Read up to a closing parenthesis; returns how deep repetitions are nested."""
        if nesting > 10:
            raise InvalidInput("q: too many groups inside each other.")
        deepest = last = 0
        while self._rest and self._rest[0] != ")":
            if (repeat := self._repeat()) is not None:
                last += repeat
            else:
                last = self._atom(nesting=nesting)
            deepest = max(deepest, last)
        return deepest

    def _repeat(self) -> int | None:
        counted = _REPEAT.match(self._rest)
        if counted is None and self._rest[0] not in "*+?":
            return None
        size = counted.end() if counted else 1
        if self._rest[size : size + 1] in {"?", "+"}:
            size += 1
        is_option = self._rest[:size].startswith("?")
        self._take(size)
        return 0 if is_option else 1

    def _atom(self, *, nesting: int) -> int:
        first = self._rest[0]
        if first == "\\":
            self._escape()
        elif first == "[":
            self._set()
        elif first == "(":
            return self._group(nesting=nesting)
        elif first == "{":  # not a repetition: the brace itself, as in JSON
            self.text += "\\"
            self._take(1)
        else:
            self._take(1)
        return 0

    def _group(self, *, nesting: int) -> int:
        if self._rest.startswith("(?") and not self._rest.startswith("(?:"):
            raise InvalidInput("q: of the groups with a question mark only (?: … ) can be used.")
        self._take(3 if self._rest.startswith("(?:") else 1)
        depth = self._alternatives(nesting=nesting + 1)
        if not self._rest:
            raise InvalidInput("q: a parenthesis is not closed.")
        self._take(1)
        return depth

    def _set(self) -> None:
        self._take(2 if self._rest.startswith("[^") else 1)
        if self._rest.startswith("]"):
            self._take(1)
        while self._rest and self._rest[0] != "]":
            self._escape() if self._rest[0] == "\\" else self._take(1)
        if not self._rest:
            raise InvalidInput("q: a bracket is not closed.")
        self._take(1)

    def _escape(self) -> None:
        following = self._rest[1:2]
        if not following or (following.isalnum() and following not in _ESCAPABLE):
            raise InvalidInput("q: of the escapes only \\d \\w \\s \\b \\t \\n and signs can be used.")
        self._take(2)

    def _take(self, count: int) -> None:
        self.text += self._rest[:count]
        self._rest = self._rest[count:]
