"""Sentences that are stored in English, and shown in the language of whoever reads them.

What the service writes down by itself, such as the title of an incident, is made once and read by many. It is made
from a template that is made known here; where it is shown, that template is found again by the sentence::

    AFFECTED = stored(N_("{what}: {count} bots affected"))
    title = AFFECTED.format(what="Redis is down", count=3)    # stored; the API gives it, too
    in_own_language(title)                                    # "Redis ist ausgefallen: 3 Bots betroffen"

A sentence that no template made, of a person or an older version, is shown as it is. See decision 64.
"""

import re
from functools import lru_cache
from typing import Final

from chat_api.core.language import ENGLISH, language, translated

# What stands in place of one of these is a sentence itself, or a part of one.
NESTED: Final = frozenset({"what", "rest", "reason", "service", "fault", "names"})
# Of these, a word that is no sentence may still be in the catalogue: "Language model".
_WORDS: Final = frozenset({"service", "fault"})
_DEPTH: Final = 8
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_patterns: dict[str, re.Pattern[str]] = {}


def stored(template: str) -> str:
    """Make sentences of this template known; it is returned, to be filled in and stored."""
    parts = _PLACEHOLDER.split(template)
    pattern = "".join(f"(?P<{part}>.+?)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    _patterns[template] = re.compile(pattern, re.DOTALL)
    # What begins with a word of its own comes first, "Resolved: {what}"; then what says most, "{name} is degraded:
    # {reason}" before "{name} is degraded".
    for known in sorted(_patterns, key=lambda one: (one.startswith("{"), -len(_PLACEHOLDER.sub("", one)))):
        _patterns[known] = _patterns.pop(known)
    _translated.cache_clear()
    return template


def template_of(text: str) -> tuple[str, dict[str, str]] | None:
    """The template that made a sentence, and what was filled in; None for any other text."""
    for template, pattern in _patterns.items():
        found = pattern.fullmatch(text)
        if found is not None:
            return template, found.groupdict()
    return None


def in_own_language(text: str) -> str:
    """A stored sentence in the language of its reader, also one that has a capital for being a line of its own."""
    return text if language() == ENGLISH else _said(text, language(), _DEPTH)


def _said(text: str, code: str, depth: int) -> str:
    said = _translated(text, code, depth)
    if said != text:
        return said
    part = text[:1].lower() + text[1:]
    said = _translated(part, code, depth)
    return text if said == part else said[:1].upper() + said[1:]


@lru_cache(maxsize=2_000)
def _translated(text: str, code: str, depth: int) -> str:
    """``code`` is the current language: it is named so that each is remembered by itself."""
    found = template_of(text) if depth else None
    if found is None:
        return text
    template, values = found
    return translated(template, **{name: _value(name, value, code, depth - 1) for name, value in values.items()})


def _value(name: str, value: str, code: str, depth: int) -> str:
    if name not in NESTED:
        return value
    said = _said(value, code, depth)
    return translated(value) if said == value and name in _WORDS else said
