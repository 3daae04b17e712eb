"""What a name looks like: two names of one skeleton cannot be told apart. Source: Unicode UTS 39, section 4."""

import json
import re
import unicodedata
from functools import cache
from importlib.resources import files

MAX_CHARS = 120
BLANK = "\u2800"  # of Braille: a sign to Unicode, and nothing to see
_BETWEEN_WORDS = re.compile(r"[\W\d_]+")
# Alphabets whose letters look like each other's. Within a word, nobody's language mixes them.
_ALIKE = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"})


def skeletons(name: str) -> list[str]:
    """What a name looks like as it is written, and in small letters: ``AIice`` (with an i) is ``Alice``."""
    return sorted({_skeleton(name), _skeleton(name.casefold())})


def is_mixed(name: str) -> bool:
    """Whether a word of a name has letters of several alphabets that look alike."""
    return any(len(_alphabets(word)) > 1 for word in _BETWEEN_WORDS.split(name))


def _skeleton(text: str) -> str:
    prototypes = _prototypes()
    plain = unicodedata.normalize("NFKD", text)
    seen = "".join(prototypes.get(sign, sign) for sign in plain if unicodedata.category(sign) != "Cf")
    return " ".join(unicodedata.normalize("NFKD", seen).casefold().replace(BLANK, "").split())[:MAX_CHARS]


def _alphabets(word: str) -> frozenset[str]:
    letters = [sign for sign in unicodedata.normalize("NFKC", word) if sign.isalpha()]
    return _ALIKE & {unicodedata.name(sign, "").split(" ")[0] for sign in letters}


@cache
def _prototypes() -> dict[str, str]:
    """For each sign the one that stands for all that look like it.

    The library's table has pairs in both directions: a sign that many look like stands for them; of a lone pair, the
    first in the order of Unicode does. Its reader is not used: it would keep all of the table's words in memory.
    """
    table = json.loads((files("confusable_homoglyphs") / "confusables.json").read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for sign, alike in table.items():
        if len(sign) == 1 and len(alike) == 1:
            other = alike[0]["c"]
            is_pair = len(table.get(other, ())) == 1
            prototype = min(sign, other) if is_pair else other
            if prototype != sign:
                found[sign] = prototype
    return found
