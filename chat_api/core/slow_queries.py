"""Statements that took too long: counted by their text, without the values that were in it."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, ExceptionContext

from chat_api.core.clock import SYSTEM_CLOCK, Clock

LIMIT_S = 0.2
MAX_STATEMENTS = 100
MAX_TEXT_CHARS = 400
_LITERAL = re.compile(r"'(?:[^']|'')*'|(?<![\w$.])\d+(?:\.\d+)?\b")
_LIST = re.compile(r"\(\s*(?:\$\d+(?:::[\w ]+)?|\?)(?:\s*,\s*(?:\$\d+(?:::[\w ]+)?|\?))+\s*\)")
_REPEATED = re.compile(r"\(…\)(?:\s*,\s*\(…\))+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowQuery:
    """One statement over the limit: how often, how long in all, the longest, the last time."""

    statement: str
    count: int
    total_s: float
    max_s: float
    last_at: datetime


class SlowQueries:
    """The statements of one process that took ``limit_s`` or longer; a new one replaces the one seen longest ago."""

    def __init__(self, *, limit_s: float = LIMIT_S, clock: Clock = SYSTEM_CLOCK) -> None:
        self.limit_s = limit_s
        self.on_slow: Callable[[float], None] = lambda _: None
        self._clock = clock
        self._found: dict[str, SlowQuery] = {}

    def record(self, statement: str, duration_s: float) -> None:
        """A statement has ended, well or not."""
        if duration_s < self.limit_s:
            return
        text = normalised(statement)
        known = self._found.pop(text, None)
        if known is None and len(self._found) >= MAX_STATEMENTS:
            del self._found[next(iter(self._found))]
        self._found[text] = SlowQuery(
            statement=text,
            count=(known.count if known else 0) + 1,
            total_s=(known.total_s if known else 0.0) + duration_s,
            max_s=max(known.max_s if known else 0.0, duration_s),
            last_at=self._clock.now(),
        )
        self.on_slow(duration_s)

    def worst(self, limit: int = MAX_STATEMENTS) -> tuple[SlowQuery, ...]:
        """Those that took the longest in all."""
        return tuple(sorted(self._found.values(), key=lambda one: -one.total_s)[:limit])

    def watch(self, engine: Engine) -> None:
        """Time every statement of an engine."""
        event.listen(engine, "before_cursor_execute", _began)
        event.listen(engine, "after_cursor_execute", self._ended)
        event.listen(engine, "handle_error", self._failed)

    def _ended(self, connection: Connection, _: Any, statement: str, *__: Any) -> None:
        began_s = connection.info.pop(_BEGAN, None)
        if began_s is not None:
            self.record(statement, time.perf_counter() - began_s)

    def _failed(self, context: ExceptionContext) -> None:
        if context.connection is not None and context.statement is not None:
            self._ended(context.connection, None, context.statement)


_BEGAN = "slow_queries_began_s"


def _began(connection: Connection, *_: Any) -> None:
    connection.info[_BEGAN] = time.perf_counter()


def normalised(statement: str) -> str:
    """A statement on one line, without literals; lists of values are one, however long they are."""
    text = _LITERAL.sub("?", " ".join(statement[: 10 * MAX_TEXT_CHARS].split()))
    text = _REPEATED.sub("(…), …", _LIST.sub("(…)", text))
    return text if len(text) <= MAX_TEXT_CHARS else text[: MAX_TEXT_CHARS - 1] + "…"
