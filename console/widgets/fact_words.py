"""Facts for people: their names in words, and a list of them as markup."""

from collections.abc import Iterable
from datetime import datetime
from html import escape
from typing import Final

from chat_api.core.language import _

ABBREVIATIONS: Final = frozenset({"api", "cpu", "id", "ip", "llm", "oom", "url"})


def fact_label(name: str) -> str:
    """A name in words: ``oom_killed`` is "OOM killed", ``character_name`` is "Character name"."""
    words = [word.upper() if word.lower() in ABBREVIATIONS else word for word in name.replace("_", " ").split()]
    text = " ".join(words)
    return _(text[:1].upper() + text[1:])  # bots have names of their own; what the console calls so, too, is translated


def facts_html(rows: Iterable[tuple[str, str]]) -> str:
    """A list of facts; names and values are markup, a fact without a value is a dash."""
    items = "".join(f"<dt>{name}</dt><dd>{value or '–'}</dd>" for name, value in rows)
    return f'<dl class="we-facts">{items}</dl>'


def moment(at: datetime, *, is_exact: bool = False) -> str:
    """How long ago it is, the exact time on hover; with ``is_exact`` the other way round."""
    return f'<we-time{" exact" if is_exact else ""} datetime="{at.isoformat()}"></we-time>'


def since(at: datetime, *, after: str = "", limit_s: float | None = None, late: str = "", classes: str = "") -> str:
    """How long since then, counted in the browser, with ``after`` behind it; past ``limit_s`` it says ``late``, too."""
    extra = {"class": classes, "after": after, "limit": "" if limit_s is None else f"{limit_s:.0f}", "late": late}
    written = "".join(f' {name}="{escape(value)}"' for name, value in extra.items() if value)
    return f'<we-time span datetime="{at.isoformat()}"{written}></we-time>'


def clock(at: datetime) -> str:
    """The time of day in the reader's time zone, with the day when it is another."""
    return f'<we-time clock datetime="{at.isoformat()}"></we-time>'
