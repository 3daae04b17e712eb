"""Cleaning text from outside: what PostgreSQL, JSON or a page cannot hold is refused or removed, once."""

import re
import unicodedata

from chat_api.core.errors import InvalidInput
from chat_api.core.language import _, ngettext
from models.skeletons import is_mixed, skeletons

# C0 and C1 controls but tab, newline and carriage return; lone surrogates.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
# Marks of direction, and what joins or separates letters: people type them in Persian, Arabic, Hebrew and Hindi names.
_MARKS = re.compile("[\u061c\u200c-\u200f\u202a-\u202e\u2066-\u2069]")
# Printable to Unicode, yet nothing to see: fillers and variation selectors.
# Source: Unicode, DerivedCoreProperties, "Default_Ignorable_Code_Point".
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# What one reader or another takes for the end of a line. Source: Unicode, section 5.8; str.splitlines.
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def with_plain_line_ends(value: str) -> str:
    """The same lines, each ended by a newline: a text has as many lines to every reader as to its author."""
    return _LINE_ENDS.sub("\n", value)


def check_text(
    value: str, *, field: str, max_chars: int, min_chars: int = 1, shown_max_chars: int | None = None
) -> str:
    """A message as it may be stored. ``shown_max_chars`` is the limit that a refusal names, when it is a lower one.

    Raises: InvalidInput, naming the field and never echoing the value.
    """
    if _FORBIDDEN.search(value):
        raise InvalidInput("control characters and unpaired surrogates are not allowed", field=field)
    if len(value) > max_chars:
        raise InvalidInput(_("at most {count} characters", count=shown_max_chars or max_chars), field=field)
    if len(value.strip()) < min_chars:
        raise InvalidInput(_at_least(min_chars), field=field)
    return value


def _at_least(chars: int) -> str:
    return ngettext("at least {count} character", "at least {count} characters", chars)


def check_name(value: str, *, field: str, min_chars: int, max_chars: int) -> str:
    """A name of one line: composed, trimmed, inner spaces folded, without invisible marks.

    Raises: InvalidInput, naming the field and never echoing the value.
    """
    checked = check_text(value, field=field, max_chars=10 * max_chars, min_chars=1, shown_max_chars=max_chars)
    name = " ".join(_MARKS.sub("", unicodedata.normalize("NFC", checked)).split())
    if len(name) < min_chars:
        raise InvalidInput(_at_least(min_chars), field=field)
    if len(name) > max_chars:
        raise InvalidInput(_("at most {count} characters", count=max_chars), field=field)
    if not all(character.isprintable() for character in name) or not _INVISIBLE.sub("", name).strip():
        raise InvalidInput("only printable characters", field=field)
    return name


def name_key(name: str) -> str:
    """What makes two names the same: compatibility form, case folded, what shows only; at most 60 characters kept."""
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", name)).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())[:60]


def skeletons_of(name: str) -> list[str]:
    """What a name looks like; see :mod:`models.skeletons`."""
    return skeletons(_INVISIBLE.sub("", name))


def check_alphabets(name: str, *, field: str) -> None:
    """Raises: InvalidInput for a word with letters of several alphabets that look alike, as nobody's name has."""
    if is_mixed(name):
        raise InvalidInput("use the letters of one alphabet in a word", field=field)


def cleaned(value: str, *, max_chars: int) -> str:
    """Text of a bot or an engine: what cannot be stored is removed, what is too long is cut."""
    return _FORBIDDEN.sub("", value[:max_chars])


_SEPARATORS = re.compile(r"[\s_-]+")


def fold(name: str) -> str:
    """A name as it is compared: ``ryan-chen``, ``ryan_chen`` and "Ryan Chen" are one."""
    return _SEPARATORS.sub("_", name.strip().lower())
