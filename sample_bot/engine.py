"""What every conversation engine offers, and how one is chosen."""

from collections.abc import AsyncIterator
from typing import Protocol

from sample_bot.character import Character
from sample_bot.options import LanguageModelOptions
from sample_bot.prompt import Prompt


class Engine(Protocol):
    """Turns a prompt into words."""

    @property
    def name(self) -> str:
        """What answers, e.g. ``nltk.chat.eliza`` or the name of a language model."""

    async def reply(self, prompt: Prompt) -> str:
        """Answer in one piece.

        Raises: EngineError.
        """

    def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        """Answer in pieces that make the whole when joined.

        Raises: EngineError, possibly after some pieces.
        """

    async def close(self) -> None:
        """Let go of connections."""


def choose_engine(character: Character, options: LanguageModelOptions | None) -> Engine:
    """Take the language model when one is configured, else the rules that suit the character."""
    if options is not None:
        from sample_bot.language_model import LanguageModel

        return LanguageModel(character, options)
    from sample_bot.rules import RuleEngine

    return RuleEngine(character)
