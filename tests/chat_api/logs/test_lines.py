"""Levels, secrets and patterns of log lines."""

import resource

import pytest

from chat_api.core.errors import InvalidInput
from chat_api.core.masking import mask_secrets
from chat_api.engine.log_schemas import LogLevel, LogStream, RawLine
from chat_api.logs.filter import LogFilter, Pattern, log_filter
from chat_api.logs.lines import LineReader
from chat_api.logs.position import LogPosition
from chat_api.logs.viewer import LogViewer

HUGE = [
    "(?:(?:a{999}){999}){9}",
    "((a{1,200}){1,200}){1,200}b",
    "(?:[a-z]{30}){30}",
    "\\w{1000}",
    "(?:\\pL{10}){20}x",
    "(?:(?:a|b|c|d|e)?){1000}",
]
DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.abcdefghijklmnopqrstuvwxyz0123456789AB"


def read(*texts: str) -> list[LogLevel]:
    """The levels of some lines, in order."""
    reader = LineReader("elena")
    return [reader(RawLine(number, LogStream.STDOUT, text)).level for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ('{"event": "x", "level": "warning"}', LogLevel.WARNING),
        ('{"level": 50, "msg": "pino"}', LogLevel.ERROR),
        ("2026-01-01T00:00:00Z [info     ] started   bots=3", LogLevel.INFO),
        ("2026-01-01 00:00:00,000 - bot.memory - ERROR - no answer", LogLevel.ERROR),
        ("WARNING:root:low", LogLevel.WARNING),
        ("time=x level=debug msg=y", LogLevel.DEBUG),
        ("CRITICAL: gone", LogLevel.ERROR),
        ("\x1b[31mERROR\x1b[0m red", LogLevel.ERROR),
        ("an error is only talked about", LogLevel.OTHER),
        ("information desk", LogLevel.OTHER),
    ],
)
def test_levels_are_recognised(text: str, level: LogLevel) -> None:
    """JSON, structlog, Python logging, logfmt and plain."""
    assert read(text) == [level]


def test_a_traceback_has_the_level_of_its_error() -> None:
    """Lines without a level that go on with what came before."""
    lines = ("ERROR: x", "Traceback (most recent call last):", '  File "x"', "ValueError: no", "and then")
    assert read(*lines) == [LogLevel.ERROR] * 4 + [LogLevel.OTHER]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
        ("LLM_CHAT_API_KEY=abcdef123", "abcdef123"),
        ('{"password": "hunter2", "user": "x"}', "hunter2"),
        ("postgresql://user:hunter2@db:5432/x", "hunter2"),
        ("redis://:hunter2@cache/0", "hunter2"),
        (f"logging in with {DISCORD}", DISCORD),
        ("https://discord.com/api/webhooks/1234/abcDEF-x", "abcDEF-x"),
        ("run --token hunter2 now", "hunter2"),
        ("session eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
        ("token='two words'", "two words"),
        ("pass\x1b[1mword=hunter2", "hunter2"),
    ],
)
def test_secrets_are_masked(text: str, secret: str) -> None:
    """In a line as people get it; what stands around them stays."""
    line = LineReader("elena")(RawLine(1, LogStream.STDOUT, f"before {text}"))
    assert secret not in line.text + line.plain
    assert line.plain.startswith("before")


def test_harmless_text_stays() -> None:
    """What only looks a bit like a secret."""
    for text in ("tokens used: none yet", "12:30:01 GET /health 200", "https://example.org/a@b", '{"token": null}'):
        assert mask_secrets(text) == text


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "(",
            ")",
            "[",
            "a**b)",
            "(?R)",
            "(?:x){e<=9}(",
            "(?<=a)b",
            "(?=a)b",
            "\\1",
            "\\p{Nonsense}",
            "x" * 201,
            "(" * 11,
        ),
        *HUGE,
    ],
)
def test_a_bad_pattern_is_told(pattern: str) -> None:
    """A typed error that names the field, before anything is compiled."""
    with pytest.raises(InvalidInput, match=r"^q: "):
        log_filter(pattern=pattern)


def test_huge_patterns_take_no_memory() -> None:
    """Refused again and again, and never built: what they stand for would be gigabytes."""
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(200):
        for pattern in HUGE:
            with pytest.raises(InvalidInput):
                log_filter(pattern=pattern)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert grown_kib < 64 * 1024


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b", "((((a+)+)+)+)+b", "(.*a){50}.*x", "(a?){300}b"])
def test_a_hostile_pattern_comes_to_an_end(pattern: str) -> None:
    """It ends its own viewer with an error that says why, or finds what there is."""
    viewer = LogViewer(("elena",), log_filter(pattern=pattern))
    reader = LineReader("elena")
    lines = [reader(RawLine(number, LogStream.STDOUT, "a" * 3000 + "!")) for number in range(500)]
    viewer.offer(lines)
    if viewer.error is not None:
        assert "too long" in viewer.error.message
    else:
        assert viewer.counts.emitted == 0


def test_a_pattern_that_stays_slow_is_refused() -> None:
    """However often it is given another chance, three slow batches end it."""
    wanted = log_filter(pattern="(a?){300}b")
    reader = LineReader("elena")
    line = reader(RawLine(1, LogStream.STDOUT, "é" + "a" * 3900))

    def go_on() -> None:
        for _ in range(10_000):
            wanted.select([line] * 100)

    with pytest.raises(InvalidInput, match="too long"):
        go_on()


class _Machine:
    """A thread's time, which passes only while a pattern looks at a line."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.hiccup_s = 0.0

    def time_s(self) -> float:
        return self.now_s

    def pattern(self, *, ns_per_byte: float) -> Pattern:
        """One that finds every line."""
        machine = self

        class Timed:
            def search(self, text: bytes) -> object:
                machine.now_s += len(text) * ns_per_byte * 1e-9 + machine.hiccup_s
                machine.hiccup_s = 0.0
                return text

        return Timed()


def _timed(machine: _Machine, *, times_slower: float, ns_per_byte: float) -> LogFilter:
    return LogFilter(
        pattern=machine.pattern(ns_per_byte=ns_per_byte * times_slower),
        yardstick=machine.pattern(ns_per_byte=ns_per_byte),
        clock=machine.time_s,
    )


@pytest.mark.parametrize("ns_per_byte", [2, 200, 20_000, 2_000_000])
def test_an_innocent_pattern_is_not_blamed_for_the_machine(ns_per_byte: float) -> None:
    """However slow the machine is, and also when it does something else in the middle of a line now and then."""
    machine = _Machine()
    wanted = _timed(machine, times_slower=3, ns_per_byte=ns_per_byte)
    line = LineReader("elena")(RawLine(1, LogStream.STDOUT, "a" * 200))
    for number in range(200):
        machine.hiccup_s = 10.0 if number % 25 == 24 else 0.0
        assert len(wanted.select([line] * 500)) == 500


@pytest.mark.parametrize("ns_per_byte", [2, 200, 20_000])
def test_a_hostile_pattern_is_refused_at_any_speed(ns_per_byte: float) -> None:
    """What takes hundreds of times as long is ended by its third slow slice."""
    machine = _Machine()
    wanted = _timed(machine, times_slower=500, ns_per_byte=ns_per_byte)
    line = LineReader("elena")(RawLine(1, LogStream.STDOUT, "a" * 3000))
    with pytest.raises(InvalidInput, match="too long"):
        wanted.select([line] * 500)


def test_braces_and_capitals_in_patterns() -> None:
    """JSON can be looked for as it is; without capitals the case does not matter."""
    line = LineReader("elena")(RawLine(1, LogStream.STDOUT, '{"Event": "Started"}'))
    assert log_filter(pattern='{"event"').wants(line)
    assert not log_filter(pattern="Event.*STARTED").wants(line)


def test_a_position_knows_what_it_has_seen() -> None:
    """After a reconnection the remembered lines are left out, each once, also those of the same moment."""
    reader, position = LineReader("elena"), LogPosition(remembered=3)
    lines = tuple(reader(RawLine(at, LogStream.STDOUT, "same")) for at in (1, 2, 3, 3, 3))
    assert len(position.take(lines)) == 5
    since = position.since_ns
    position.reconnect()
    again = tuple(line for line in lines if since is not None and line.at_ns >= since)
    more = reader(RawLine(4, LogStream.STDOUT, "same"))
    assert position.take((*again, more)) == (more,)
