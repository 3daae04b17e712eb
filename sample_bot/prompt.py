"""What an engine is asked, and how it fails."""

from dataclasses import dataclass

from sample_bot.memory import Turn


class EngineError(Exception):
    """The engine has no answer; the text is for the operator, not for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One message to answer, and all an engine may know when it does."""

    message: str
    history: tuple[Turn, ...]
    user_name: str | None = None
