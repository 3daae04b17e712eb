"""Synthetic checks: a tiny real conversation, for a bot that answers its health check may still not answer people.

A check takes the way of every message (the bot's breaker and bulkhead hold), under a user of its own. It is stored
nowhere as a message and counts in no figure of real answers; what a v2 bot remembers of it is erased through the bot.
"""

import asyncio
import itertools
from dataclasses import replace

from chat_api.bots.answers import EmptyAnswer
from chat_api.bots.apologies import is_model_error
from chat_api.bots.breaker import BotServerError, CallsPaused
from chat_api.bots.connector import BotConnector
from chat_api.bots.endpoints import digest_of
from chat_api.bots.schemas import BotAnswer
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import (
    AppError,
    BotBusy,
    BotMisaddressed,
    BotStarting,
    BotTimeout,
    BotUnavailable,
    ShuttingDown,
)
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.schemas import Fault, SyntheticCheckView
from chat_api.fleet.service import FleetService
from chat_api.fleet.status import CALLS_PAUSED
from chat_api.fleet.synthetic_check_memory import CheckMemory

# No Discord id: what has no 17 digits is passed by in the parts of a v2 bot that write to people or learn about them.
USER_ID = "weu_ca9a27c0de000001"
USER_NAME = "Console check"
MODEL_SILENT = "its language model does not answer"
EMPTY = "gave an empty answer"
# Another word each time, for a bot that says the same to every question is not well.
MESSAGE = 'Hello! This is an automatic check. Please answer with the single word "{word}".'
WORDS = ("lantern", "river", "copper", "meadow", "violin", "harbor", "pepper", "cloud", "marble", "willow", "ribbon")
# The fast way takes a few seconds; a person would not wait longer either.
TIMEOUT_S = 30.0
# v2 names messages by the millisecond and drops one whose name is taken.
MIN_GAP_S = 0.1


class SyntheticChecksService:
    """Asks one bot at a time; when to ask is the caller's to say."""

    def __init__(
        self, registry: BotRegistry, fleet: FleetService, connector: BotConnector, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._registry = registry
        self._fleet = fleet
        self._connector = connector
        self._clock = clock
        self._memory = CheckMemory(connector)
        self._words = itertools.cycle(WORDS)
        self._turn = asyncio.Lock()
        self._next_s = 0.0

    async def ask(self, bot_name: str) -> SyntheticCheckView:
        """Ask a bot, and let the fleet know how it went; takes little more than ``TIMEOUT_S`` and never fails.

        A bot that has no slot for a call is busy with people, which says nothing about it: that is not recorded.
        ``checked_at`` is when it was asked: what it says of a bot that was restarted meanwhile is not believed.

        Raises: NotFound for an unknown bot, ShuttingDown.
        """
        bot = self._registry.get(bot_name)
        await self._wait_for_turn()
        asked_at, started_s = self._clock.now(), self._clock.monotonic_s()
        check = SyntheticCheckView(bot_name=bot.name, is_answered=False, checked_at=asked_at)
        try:
            answer = await self._fleet.identities.send(
                bot.name,
                user_id=USER_ID,
                user_name=USER_NAME,
                message=MESSAGE.format(word=next(self._words)),
                timeout_s=min(TIMEOUT_S, self._connector.timeout_s(bot)),
                is_counted=False,
                is_fast=True,
            )
        except BotBusy:
            return replace(check, error="all its calls are taken")
        except ShuttingDown:
            raise
        except AppError as error:
            reason, fault = _failed(error)
            check = replace(check, error=reason, fault=fault)
        else:
            latency_ms = (self._clock.monotonic_s() - started_s) * 1000
            wrong, fault = _shown(answer)
            check = replace(check, is_answered=wrong is None, latency_ms=latency_ms, error=wrong, fault=fault)
            if answer.is_model_silent:
                check = replace(check, apology=digest_of(answer.text))
            check = self._fleet.record_synthetic_check(check)
            return await self._erased(check) if answer.contract == "v2" else check
        return self._fleet.record_synthetic_check(check)

    async def _erased(self, check: SyntheticCheckView) -> SyntheticCheckView:
        note = await self._memory.erase(self._registry.get(check.bot_name), USER_ID)
        if note is None:
            return check
        check = replace(check, memory_note=note)
        self._fleet.annotate_synthetic_check(check)
        return check

    async def _wait_for_turn(self) -> None:
        """No two checks at one moment, whoever asks for them."""
        async with self._turn:
            now_s = asyncio.get_running_loop().time()
            await asyncio.sleep(max(0.0, self._next_s - now_s))
            self._next_s = max(now_s, self._next_s) + MIN_GAP_S


def _shown(answer: BotAnswer) -> tuple[str | None, Fault]:
    """What is wrong with an answer, if anything is."""
    if answer.is_model_silent:
        return MODEL_SILENT, Fault.LANGUAGE_MODEL
    if answer.is_apology:
        return "apologised", Fault.APOLOGY
    if answer.is_silent:
        return EMPTY, Fault.EMPTY
    return ("the answer broke off" if answer.is_truncated else None), Fault.SILENT


def _failed(error: AppError) -> tuple[str, Fault]:
    """What went wrong, as far as an error tells."""
    if isinstance(error, EmptyAnswer):
        return EMPTY, Fault.EMPTY
    if isinstance(error, BotServerError) and is_model_error(error.detail or ""):
        return MODEL_SILENT, Fault.LANGUAGE_MODEL
    return _reason(error), Fault.SILENT


def _reason(error: AppError) -> str:
    """What went wrong, in our words."""
    if isinstance(error, BotTimeout):
        return "no answer in time"
    if isinstance(error, BotMisaddressed):
        return "another bot answers at its address"
    if isinstance(error, BotStarting):
        return "still starting"
    if isinstance(error, CallsPaused):
        return CALLS_PAUSED
    if isinstance(error, BotUnavailable):
        return "cannot connect" if error.extra.get("connect_failed") else "starting, or the connection was lost"
    return "not a usable answer"
