"""From an engine's line to one for people: masked, cut, colours kept apart from the text, and how grave it is.

Levels are recognised in JSON (structlog, pino, Go), in structlog's console form, Python logging, logfmt, and plain
``ERROR: …``. A line without a level that continues the one before it, as those of a traceback, takes its level.
"""

import re
from typing import Any

import orjson

from chat_api.core.masking import Masker, mask_secrets
from chat_api.engine.log_schemas import LogLevel, LogLine, LogStream, RawLine

_COLOUR = re.compile(r"\x1b\[[\d;:]{0,40}m")
# Every other escape: cursor moves, titles, links; and what is left of control characters.
_ESCAPES = re.compile(r"\x1b(?:\[[\d;:?<=>]{0,40}[ -/]{0,3}[@-ln-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_BARE_ESCAPE = re.compile(r"\x1b(?!\[[\d;:]{0,40}m)")
_HEAD_CHARS = 120
_LEVELS = {
    **dict.fromkeys(("trace", "debug", "dbg", "verbose", "fine"), LogLevel.DEBUG),
    **dict.fromkeys(("info", "inf", "notice", "information", "log"), LogLevel.INFO),
    **dict.fromkeys(("warn", "warning", "wrn"), LogLevel.WARNING),
    **dict.fromkeys(
        ("error", "err", "critical", "crit", "fatal", "panic", "exception", "alert", "emerg"), LogLevel.ERROR
    ),
}
_WORD = "|".join(sorted(_LEVELS, key=len, reverse=True))
_FIELD = re.compile(
    rf"(?i)(?:^|[\s,{{])[\"']?(?:level|levelname|severity|log\.level|lvl)[\"']?\s?[=:]\s?[\"']?({_WORD})\b"
)
_MARKED = re.compile(rf"(?i)[\[(<|]\s?({_WORD})\s{{0,8}}[\])>|]")
_PLAIN = re.compile(rf"(?:^|[\s|:\-])({_WORD.upper()})(?=[\s|:\-,]|$)|^(?i:({_WORD}))\s?:")
_NUMBERS = {10: LogLevel.DEBUG, 20: LogLevel.DEBUG, 30: LogLevel.INFO, 40: LogLevel.WARNING, 50: LogLevel.ERROR}


class LineReader:
    """Reads one bot's lines in order; used by one thread at a time."""

    def __init__(self, bot_name: str) -> None:
        self._bot_name = bot_name
        self._before = dict.fromkeys(LogStream, LogLevel.OTHER)
        self._maskers = {stream: Masker() for stream in LogStream}
        self._is_in_traceback = dict.fromkeys(LogStream, False)

    def __call__(self, raw: RawLine) -> LogLine:
        """The line for people."""
        tamed = _tamed(raw.text)
        plain = _COLOUR.sub("", tamed) if "\x1b" in tamed else tamed
        masked = self._maskers[raw.stream](plain)
        # A colour within a secret would hide it: colours stay where the line without them is masked alike.
        coloured = mask_secrets(tamed) if "\x1b" in tamed else masked
        text, plain = (coloured if _COLOUR.sub("", coloured) == masked else masked), masked
        return LogLine(
            bot_name=self._bot_name,
            at_ns=raw.at_ns,
            stream=raw.stream,
            level=self._level(raw.stream, plain),
            text=text,
            plain=plain,
        )

    def _level(self, stream: LogStream, plain: str) -> LogLevel:
        found = level_of(plain)
        if found is None:
            is_traceback = plain.startswith("Traceback (most recent call last)")
            if is_traceback:
                self._is_in_traceback[stream] = True
                self._before[stream] = LogLevel.ERROR
            if is_traceback or plain[:1] in {" ", "\t"}:
                return self._before[stream]
            if self._is_in_traceback[stream]:  # its last line: the exception
                self._is_in_traceback[stream] = False
                return self._before[stream]
            found = LogLevel.OTHER
        self._is_in_traceback[stream] = False
        self._before[stream] = found
        return found


def level_of(plain: str) -> LogLevel | None:
    """How grave a line says it is; None where it does not say."""
    if plain[:1] == "{" and (level := _json_level(plain)) is not None:
        return level
    head = plain[:_HEAD_CHARS]
    found = _MARKED.search(head) or _FIELD.search(plain[:1000]) or _PLAIN.search(head)
    return _LEVELS[(found[1] or found[2]).lower()] if found else None


def _json_level(plain: str) -> LogLevel | None:
    try:
        fields: Any = orjson.loads(plain)
    except orjson.JSONDecodeError:
        return None
    for key in ("level", "levelname", "severity", "log.level", "lvl"):
        value = fields.get(key)
        if isinstance(value, str) and value.lower() in _LEVELS:
            return _LEVELS[value.lower()]
        if isinstance(value, int):
            return _NUMBERS.get(value)  # pino's and bunyan's numbers
    return None


def _tamed(text: str) -> str:
    """Only what may be shown: printable characters, tabs and colours."""
    if text.isprintable():
        return text
    if "\x1b" in text or "\x9b" in text:
        text = _BARE_ESCAPE.sub("", _ESCAPES.sub("", text))
    return _CONTROLS.sub("", text).replace("\r", "")
