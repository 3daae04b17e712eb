"""The canary: a tiny real conversation with a bot, for one that answers its health check may still not answer people.

It takes the way of every message (the bot's breaker and bulkhead hold), under a user of its own. It is stored nowhere
as a message and counts in no figure of real answers.
"""

from dataclasses import replace

from chat_api.bots.breaker import CallsPaused
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

USER_ID = "weu_ca9a27c0de000001"
USER_NAME = "Console check"
MESSAGE = "Hello! This is an automatic check. A single word is enough as an answer."


class SyntheticChecksService:
    """Asks one bot at a time; when to ask is the caller's to say."""

    def __init__(self, registry: BotRegistry, fleet: FleetService, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._registry = registry
        self._fleet = fleet
        self._clock = clock

    async def ask(self, bot_name: str) -> SyntheticCheckView:
        """Ask a bot, and let the fleet know how it went; takes at most ``BOT_API_TIMEOUT`` and never fails.

        A bot that has no slot for a call is busy with people, which says nothing about it: that is not recorded.
        ``checked_at`` is when it was asked: what it says of a bot that was restarted meanwhile is not believed.

        Raises: NotFound for an unknown bot, ShuttingDown.
        """
        bot = self._registry.get(bot_name)
        asked_at, started_s = self._clock.now(), self._clock.monotonic_s()
        canary = SyntheticCheckView(bot_name=bot.name, is_answered=False, checked_at=asked_at)
        try:
            answer = await self._fleet.identities.send(
                bot.name, user_id=USER_ID, user_name=USER_NAME, message=MESSAGE, is_counted=False, is_fast=True
            )
        except BotBusy:
            return replace(canary, error="all its calls are taken")
        except ShuttingDown:
            raise
        except AppError as error:
            canary = replace(canary, error=_reason(error))
        else:
            latency_ms = (self._clock.monotonic_s() - started_s) * 1000
            wrong, fault = _shown(answer)
            canary = replace(canary, is_answered=wrong is None, latency_ms=latency_ms, error=wrong, fault=fault)
            if answer.is_model_silent:
                canary = replace(canary, apology=digest_of(answer.text))
        return self._fleet.record_synthetic_check(canary)


def _shown(answer: BotAnswer) -> tuple[str | None, Fault]:
    """What is wrong with an answer, if anything is."""
    if answer.is_model_silent:
        return "its language model does not answer", Fault.LANGUAGE_MODEL
    if answer.is_apology:
        return "apologised", Fault.APOLOGY
    if answer.is_silent:
        return "gave an empty answer", Fault.EMPTY
    return ("the answer broke off" if answer.is_truncated else None), Fault.SILENT


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
