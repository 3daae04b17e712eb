"""The languages that people read.

English stands in the code, each other language in a gettext catalogue under ``chat_api/locale``. A text is marked
where it is: ``_("Change {name}", name=name)``, or ``N_("Offline")`` where it is not yet known who reads it, as in a
constant, and ``_(text)`` where it is shown. ``./web-ui.sh messages`` brings the catalogues up to date.

Who reads is known from the request: the cookie ``we_language``, else ``Accept-Language``. What a request or a page
starts inherits its language; what nobody asked for, such as an alert, is in that of the settings.
"""

import gettext
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

LOCALE: Final = Path(__file__).resolve().parents[1] / "locale"
# By its code, the name that it has in itself.
LANGUAGES: Final = {"en": "English", "de": "Deutsch"}
ENGLISH: Final = "en"
LANGUAGE_COOKIE: Final = "we_language"

MAX_ACCEPTED_BYTES: Final = 256  # browsers send some fifty; what is remembered must not be as large as a header may be

_CHOSEN = re.compile(rb"(?:^|;)\s*" + LANGUAGE_COOKIE.encode() + rb"=(\w+)")
# Source: RFC 9110, 12.5.4; regions are not told apart.
_RANGE = re.compile(r"(?:^|,)\s*([A-Za-z]+)(?:-[\w-]+)?\s*(?:;\s*q=([01](?:\.\d{1,3})?))?")

_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


def language() -> str:
    """The code of the current language, one of :data:`LANGUAGES`."""
    return _language.get()


def translated(text: str, /, **values: object) -> str:
    """A text in the current language, with its ``{placeholders}`` filled."""
    found = _catalogue(language()).gettext(text) if text else text  # under the empty one gettext keeps its header
    return found.format(**values) if values else found


def ngettext(one: str, many: str, count: int, /, **values: object) -> str:
    """A text for a number of things, in the form that the current language has for it; ``{count}`` is the number."""
    return _catalogue(language()).ngettext(one, many, count).format(count=count, **values)


def N_(text: str) -> str:  # noqa: N802 (as everywhere with gettext)
    """Mark a text for the catalogues; it is translated where it is shown."""
    return text


_ = translated


def speak(code: str) -> None:
    """Speak a language from here on, in all that this task does and starts. ``code``: one of :data:`LANGUAGES`."""
    _language.set(code)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speak a language for the length of a block."""
    token = _language.set(code)
    try:
        yield
    finally:
        _language.reset(token)


def wanted_language(headers: Iterable[tuple[bytes, bytes]], *, default: str) -> str:
    """What the sender of these headers reads: the language chosen here, else the browser's first that we have."""
    cookie = accepted = b""
    for name, value in headers:
        if name == b"accept-language":
            accepted = value
        elif name == b"cookie" and LANGUAGE_COOKIE.encode() in value:
            cookie = value
    chosen = _CHOSEN.search(cookie) if cookie else None
    if chosen and chosen[1].decode() in LANGUAGES:
        return chosen[1].decode()
    return (_accepted(accepted[:MAX_ACCEPTED_BYTES]) if accepted else None) or default


@lru_cache(maxsize=512)
def _accepted(ranges: bytes) -> str | None:
    ranked = sorted(_RANGE.findall(ranges.decode("latin-1").lower()), key=lambda found: -float(found[1] or 1))
    return next((code for code, quality in ranked if code in LANGUAGES and float(quality or 1) > 0), None)


@cache
def _catalogue(code: str) -> gettext.NullTranslations:
    if code == ENGLISH:
        return gettext.NullTranslations()
    return gettext.translation("messages", LOCALE, [code])  # a few milliseconds, once
