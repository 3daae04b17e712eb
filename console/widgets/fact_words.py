"""The names of facts, as bots and engines give them, for people."""

from typing import Final

ABBREVIATIONS: Final = frozenset({"api", "cpu", "id", "ip", "llm", "oom", "url"})


def fact_label(name: str) -> str:
    """A name in words: ``oom_killed`` is "OOM killed", ``character_name`` is "Character name"."""
    words = [word.upper() if word.lower() in ABBREVIATIONS else word for word in name.replace("_", " ").split()]
    text = " ".join(words)
    return text[:1].upper() + text[1:]
