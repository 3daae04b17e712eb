"""Conversation by rules: the classic chatbots of ``nltk.chat``, with a memory.

Source: https://www.nltk.org/api/nltk.chat.html (pattern tables only: no corpus is needed).
"""

import asyncio
import importlib
import importlib.util
import re
import sys
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Protocol, cast

from sample_bot.character import SAMPLE_PREFIX, Character
from sample_bot.prompt import EngineError, Prompt

# Each character gets the voice that comes closest; strangers get ELIZA.
_VOICES = {
    "elena": "eliza",
    "marcus": "eliza",
    "ryan": "iesha",
    "dream": "zen",
    "gabriel": "rude",
    "sophia": "suntsu",
    "jake": "eliza",
    "aethys": "zen",
}
# The rules look at the beginning of a sentence; a bound keeps a hostile message from costing time.
_MAX_CHARS = 500
_WORD_INTERVAL_S = 0.02
# nltk takes every % of its own answer for a placeholder, also one that the user typed.
_PERCENT = "\ue025"
_RECALL = re.compile(
    r"\b(what (did|have) i (just )?(say|said|tell|told)|what was i saying|(do|can) you (remember|recall)"
    r"|remember what i)\b",
    re.IGNORECASE,
)


class _Chat(Protocol):
    def respond(self, text: str, /) -> str | None: ...


class RuleEngine:
    """One of nltk's chatbots, chosen by the character's key."""

    def __init__(self, character: Character) -> None:
        voice = _VOICES.get(character.key.removeprefix(SAMPLE_PREFIX), "eliza")
        self._name = f"nltk.chat.{voice}"
        self._chat = cast(_Chat, getattr(_import_without_package(self._name), f"{voice}_chatbot"))

    @property
    def name(self) -> str:
        """The nltk module that answers."""
        return self._name

    async def reply(self, prompt: Prompt) -> str:
        """Answer by the first rule that fits, or from memory when asked what was said."""
        if _RECALL.search(prompt.message[:_MAX_CHARS]):
            return _recall(prompt)
        answer = self._respond(prompt.message)
        return f"Hello {prompt.user_name}. {answer}" if prompt.user_name and not prompt.history else answer

    async def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        """Answer word by word at a reader's pace."""
        answer = await self.reply(prompt)
        for word in re.findall(r"\S+\s*", answer):
            yield word
            await asyncio.sleep(_WORD_INTERVAL_S)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _respond(self, message: str) -> str:
        text = " ".join(message[:_MAX_CHARS].replace("%", _PERCENT).split()).rstrip("!.")
        try:
            # The tables of some voices know no rule for e.g. an emoji; "I" has one everywhere.
            answer = self._chat.respond(text) or self._chat.respond("I wonder")
        except Exception as exc:
            raise EngineError(f"{self._name} failed: {exc!r}") from exc
        if not answer:
            raise EngineError(f"{self._name} knows no answer")
        return answer.replace(_PERCENT, "%").strip()


def _recall(prompt: Prompt) -> str:
    if not prompt.history:
        return "We have only just met; you have not told me anything yet."
    said = [f"“{turn.message}”" for turn in prompt.history[-3:]]
    return "I remember. You said " + ", then ".join(said) + "."


def _import_without_package(name: str) -> ModuleType:
    """Import one nltk module without running ``nltk/__init__``.

    That imports the whole toolkit, which took 1.3 s and 15 MB a bot where the chatbots alone take 0.1 s.
    """
    if "nltk" in sys.modules:
        return importlib.import_module(name)
    spec = importlib.util.find_spec("nltk")
    if spec is None or spec.submodule_search_locations is None:
        raise EngineError("nltk is not installed")
    package = ModuleType("nltk")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["nltk"] = package
    try:
        return importlib.import_module(name)
    finally:
        del sys.modules["nltk"]  # so that a later "import nltk" gets the real one
