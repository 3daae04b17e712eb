"""Which lines a viewer wants: by level, and by a pattern that may be hostile.

Patterns are RE2's: regular expressions without look-arounds and back references, matched without backtracking, in time
that grows with the line and not with what it holds. A pattern is bounded in length, and in the memory of what is
compiled of it; one that is still slow is refused. Slow is what takes far longer than a simple pattern for the same
lines at the same moment, again and again: so a slow or busy machine is nobody's fault. Source: decision 49.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import re2

from chat_api.core.errors import InvalidInput
from chat_api.core.language import N_, _
from chat_api.engine.log_schemas import LogLevel, LogLine

MAX_PATTERN_CHARS = 200
# Of one compiled pattern: an ordinary one needs a tenth, and what does not fit would be slow at every line.
MAX_PATTERN_BYTES = 64 * 1024
MAX_PROGRAM_SIZE = 1500
# How much of the thread's own time goes by between two looks at how slow a pattern is.
SLICE_S = 0.02
# Ordinary patterns take one to three times as long as the yardstick, hostile ones hundreds of times.
MAX_TIMES = 20
MAX_STRIKES = 3
# A moment in which the machine did something else is forgotten.
FORGIVEN_AFTER_LINES = 10_000
TOO_SLOW = N_("q: this pattern takes too long; make it simpler.")
TOO_LARGE = N_("q: this pattern is too large; make it simpler.")


class Pattern(Protocol):
    """What RE2 compiles."""

    def search(self, text: bytes) -> object | None:
        """A match, or None."""
        ...


# It looks at every byte, and finds nothing in a line without control characters.
_YARDSTICK: Pattern = re2.compile(rb"[^ ]\x00")


@dataclass(slots=True, kw_only=True)
class LogFilter:
    """Lines of these levels that match. ``clock`` tells the thread's own time, in seconds."""

    levels: frozenset[LogLevel] = frozenset(LogLevel)
    pattern: Pattern | None = None
    yardstick: Pattern = _YARDSTICK
    clock: Callable[[], float] = time.thread_time
    _strikes: int = field(default=0, init=False)
    _lines: int = field(default=0, init=False)

    def select(self, lines: Iterable[LogLine]) -> list[LogLine]:
        """Those of a batch that are wanted. Raises: InvalidInput when the pattern takes too long again and again."""
        if len(self.levels) < len(LogLevel):
            lines = [line for line in lines if line.level in self.levels]
        if self.pattern is None:
            return list(lines)
        found, tried, began_s = [], [], self.clock()
        for line in lines:
            text = line.plain.encode(errors="replace")
            tried.append(text)
            if self.pattern.search(text) is not None:
                found.append(line)
            spent_s = self.clock() - began_s
            if spent_s > SLICE_S:
                self._judge(tried, spent_s)
                tried, began_s = [], self.clock()
        self._lines += len(tried)
        return found

    def _judge(self, texts: Sequence[bytes], spent_s: float) -> None:
        """Compare the time that the pattern took for some lines with the yardstick's. Raises: InvalidInput."""
        began_s = self.clock()
        for text in texts:
            self.yardstick.search(text)
        if spent_s <= MAX_TIMES * (self.clock() - began_s):
            self._lines += len(texts)
            return
        self._strikes = 1 if self._lines >= FORGIVEN_AFTER_LINES else self._strikes + 1
        self._lines = 0
        if self._strikes >= MAX_STRIKES:
            raise InvalidInput(TOO_SLOW)

    def wants(self, line: LogLine) -> bool:
        """Whether one line is wanted. Raises: InvalidInput when the pattern takes too long."""
        return bool(self.select((line,)))


def log_filter(levels: Iterable[str] = (), pattern: str = "") -> LogFilter:
    """A filter from what a person chose; without levels, all. Raises: InvalidInput with what to tell them."""
    try:
        chosen = frozenset(LogLevel(level) for level in levels)
    except ValueError:
        raise InvalidInput(_("one of {choices}", choices=", ".join(LogLevel)), field="level") from None
    return LogFilter(levels=chosen or frozenset(LogLevel), pattern=_compiled(pattern) if pattern else None)


def _compiled(pattern: str) -> Pattern:
    if len(pattern) > MAX_PATTERN_CHARS:
        raise InvalidInput(_("at most {count} characters", count=MAX_PATTERN_CHARS), field="q")
    options = re2.Options()
    options.max_mem = MAX_PATTERN_BYTES
    options.log_errors = False
    options.never_capture = True
    # Without capitals the case does not matter, as in an editor.
    options.case_sensitive = pattern != pattern.lower()
    try:
        compiled = re2.compile(pattern.encode(errors="replace"), options)
    except re2.error as error:
        raise InvalidInput(_problem(error)) from None
    if compiled.programsize > MAX_PROGRAM_SIZE:
        raise InvalidInput(TOO_LARGE)
    return compiled


def _problem(error: Exception) -> str:
    """What RE2 says of a pattern, for people."""
    said = error.args[0] if error.args else ""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    if "too large" in text or "repetition size" in text:
        return TOO_LARGE
    if "perl operator" in text or "escape sequence" in text:
        return N_("q: look-arounds and back references can't be used here.")
    return f"q: {text[:100]}."
