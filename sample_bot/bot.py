"""One bot: a character, an engine and a memory, free of any HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sample_bot.character import Character
from sample_bot.claims import Claims
from sample_bot.engine import Engine
from sample_bot.knowledge import Knowledge
from sample_bot.memory import ConversationMemory, Turn
from sample_bot.prompt import Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A valid chat message, whichever contract it came by."""

    user_id: str
    message: str
    user_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer and what the bot remembered when it gave it."""

    text: str
    history: tuple[Turn, ...]


class Bot:
    """Answers messages and remembers them a user."""

    def __init__(self, character: Character, engine: Engine, *, account: str = "") -> None:
        """``account`` is what Discord calls it, where it has no character to be called by."""
        self.character = character
        self.account = account
        self.engine = engine
        self.memory = ConversationMemory()
        self.knowledge = Knowledge()
        self.claims = Claims()
        self.is_ready = False
        self.is_on_discord = True
        self._started = time.monotonic()

    @property
    def uptime_s(self) -> float:
        """Seconds since the process made this bot."""
        return time.monotonic() - self._started

    async def become_ready(self, *, after_ms: int = 0) -> None:
        """Play the time that a real bot takes to connect to Discord."""
        self.is_ready = not after_ms
        await asyncio.sleep(after_ms / 1000)
        self.is_ready = True

    async def reply(self, incoming: Incoming) -> Reply:
        """Answer in one piece and remember the turn.

        Raises: EngineError; then nothing is remembered.
        """
        prompt = self._prompt(incoming)
        text = self.claims.says or await self.engine.reply(prompt)
        self._remember(incoming, text)
        return Reply(text=text, history=prompt.history)

    async def stream(self, incoming: Incoming) -> AsyncIterator[str]:
        """Answer in pieces and remember the turn once it is whole.

        Raises: EngineError; then nothing is remembered.
        """
        pieces = []
        async for piece in self.engine.stream(self._prompt(incoming)):
            pieces.append(piece)
            yield piece
        self._remember(incoming, "".join(pieces))

    def _remember(self, incoming: Incoming, reply: str) -> None:
        self.memory.remember(incoming.user_id, message=incoming.message, reply=reply)
        self.knowledge.learn(incoming.user_id, incoming.message)

    def _prompt(self, incoming: Incoming) -> Prompt:
        history = self.memory.recall(incoming.user_id)
        return Prompt(message=incoming.message, history=history, user_name=incoming.user_name)
