"""Lines that containers wrote, as the engine gives them and as people see them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

MAX_LINE_CHARS = 4000
CUT_MARK = " … [cut]"


class LogStream(StrEnum):
    """Where a process wrote a line; a terminal has only one stream."""

    STDOUT = "stdout"
    STDERR = "stderr"


class LogLevel(StrEnum):
    """How grave a line says it is; ``other`` where it says nothing that we know."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line as the engine gives it: ``at_ns`` is the engine's own time, nanoseconds since 1970; hostile text."""

    at_ns: int
    stream: LogStream
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line as people see it: masked and cut. ``text`` has colours (SGR only), ``plain`` is without them."""

    bot_name: str
    at_ns: int
    stream: LogStream
    level: LogLevel
    text: str
    plain: str

    @property
    def at(self) -> datetime:
        """When the engine took the line, to the microsecond."""
        return moment_of(self.at_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCounts:
    """What became of the lines that match a viewer's filter: ``emitted == shown + dropped + waiting``."""

    emitted: int = 0
    shown: int = 0
    dropped: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBatch:
    """What a viewer takes at once: lines by time, and how many were dropped just before them."""

    lines: tuple[LogLine, ...]
    skipped: int
    counts: LogCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """A piece of history, oldest first; ``is_cut``: there is more in the span. ``failures`` by bot, for operators."""

    lines: tuple[LogLine, ...]
    is_cut: bool
    failures: dict[str, str]


def moment_of(at_ns: int) -> datetime:
    """Nanoseconds since 1970 as a time."""
    whole_s, rest_ns = divmod(at_ns, 1_000_000_000)
    return datetime.fromtimestamp(whole_s, UTC).replace(microsecond=rest_ns // 1000)


def nanoseconds_of(moment: datetime) -> int:
    """A time as nanoseconds since 1970, exactly."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1000
