"""The one way to talk to bots: chat, health and self-description, for both generations of the contract.

Every bot has its own breaker and bulkhead, so that one hung bot costs only those who talk to it. Probes have their
own connections and pass both, for they are how a recovery is seen.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TypeVar

from chat_api.bots.answers import read_connection, read_discord, read_info, read_object, read_readiness
from chat_api.bots.apologies import Apologies
from chat_api.bots.breaker import BreakerState, CallsPaused
from chat_api.bots.chat import BotChat, chat_body
from chat_api.bots.endpoints import Endpoint, Endpoints, EndpointView, OnRefused
from chat_api.bots.http import BotHttp, Reply
from chat_api.bots.http_pool import HttpPool
from chat_api.bots.knowledge import BotKnowledge
from chat_api.bots.schemas import BotAnswer, BotInfo, BotSpec, Discord, Probe
from chat_api.bots.stream import OnDelta
from chat_api.core.call_outcomes import APOLOGY, CANCELLED, OK, PAUSED, SILENT, TRUNCATED
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import AppError, BotFailed, BotTimeout, BotUnavailable, ShuttingDown, Upstream
from chat_api.core.settings import Settings

T = TypeVar("T")

PROBE_TIMEOUT_S = 5.0
PROBE_CONNECTIONS = 64
PROBE_MAX_BYTES = 65_536

Accept = Callable[[BotAnswer], None]
"""Looks at an answer before anybody else does. Raises an ``Upstream`` for one that must not be shown."""
OnCall = Callable[[str, str, float], None]
"""Told of every chat call: bot name, outcome (see ``call_outcomes``, or an error's code), seconds. Must not raise."""


class BotConnector:
    """Pooled, bounded calls to bots. Call ``initialize`` before use and ``cleanup`` after.

    ``on_call`` receives the outcome of every chat call, ``on_refused`` those that were not made.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock = SYSTEM_CLOCK,
        on_call: OnCall | None = None,
        on_refused: OnRefused | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._on_call = on_call or (lambda _bot_name, _outcome, _duration_s: None)
        self._endpoints = Endpoints(
            total_slots=settings.connection_pool_size,
            slots_per_bot=settings.bot_max_parallel_calls,
            clock=clock,
            on_refused=on_refused or (lambda _bot_name, _reason: None),
        )
        self._chat: BotChat | None = None
        self._probing: BotHttp | None = None
        self._pool: BotHttp | None = None
        self.knowledge = BotKnowledge(lambda: _opened(self._pool))
        self._probes = asyncio.Semaphore(PROBE_CONNECTIONS)

    def configure(self, settings: Settings) -> None:
        """Give calls that begin from now on the time that these settings say; pools stay as large as they were made."""
        self._settings = settings
        if self._chat is not None:
            self._chat.apologies = Apologies(settings.bot_apology_patterns)

    async def initialize(self) -> None:
        """Open the connection pools on the running loop; a second call does nothing."""
        if self._chat is not None:
            return
        max_body_bytes = self._settings.bot_max_answer_bytes
        pool = self._pool = HttpPool(max_idle=self._settings.connection_pool_size, max_body_bytes=max_body_bytes)
        apologies = Apologies(self._settings.bot_apology_patterns)
        self._chat = BotChat(pool, self._endpoints, apologies, max_text_bytes=max_body_bytes, clock=self._clock)
        self._probing = HttpPool(max_idle=PROBE_CONNECTIONS, max_body_bytes=PROBE_MAX_BYTES)

    async def cleanup(self) -> None:
        """Close every connection; calls that still run fail as unavailable, later ones with ``ShuttingDown``."""
        async with AsyncExitStack() as stack:
            for opened in (self._chat, self._probing):
                if opened is not None:
                    stack.push_async_callback(opened.aclose)
            self._chat = self._probing = self._pool = None

    def learn_apology(self, bot_name: str, digest: str | None) -> None:
        """What a bot says while its language model is dead, by :func:`digest_of`; ``None``: the model lives.

        An ordinary answer of a v2 bot does not show it: the same words, from a bot that was seen like that, do.
        """
        self._endpoints.learn_apology(bot_name, digest)

    def endpoint_view(self, bot_name: str) -> EndpointView:
        """How busy a bot is, and whether calls to it pass."""
        return self._endpoints.view(bot_name)

    def breaker_state(self, bot_name: str) -> BreakerState:
        """Whether calls to this bot pass; ``closed`` for one never called."""
        return self._endpoints.view(bot_name).breaker

    def timeout_s(self, bot: BotSpec) -> float:
        """How long a bot may take to answer a message: as decided for it, else as its generation may."""
        is_v2 = self._endpoints.of(bot).contract == "v2"
        usual_s = self._settings.bot_api_timeout_v2 if is_v2 else self._settings.bot_api_timeout
        return bot.timeout_s or usual_s

    async def send_message_to_bot(
        self,
        bot: BotSpec,
        *,
        user_id: str,
        message: str,
        user_name: str | None = None,
        timeout_s: float | None = None,
        on_delta: OnDelta | None = None,
        is_counted: bool = True,
        accept: Accept | None = None,
        is_fast: bool = False,
    ) -> BotAnswer:
        """Send one message and wait for the whole answer, at most ``timeout_s`` in total.

        Without it that is what was decided for this bot, else ``BOT_API_TIMEOUT`` or ``BOT_API_TIMEOUT_V2``.

        ``on_delta`` gets the pieces of the text when the bot streams. A stream that breaks off after some text is an
        answer with ``is_truncated``. The bot remembers what it is told, so a call is repeated (once, here) only when
        connecting failed. One that is not ``is_counted`` is nobody's message, and ``on_call`` does not hear of it.
        One that ``is_fast`` asks for the bot's shortest way to an answer.

        Raises: BotTimeout, BotFailed, BotBusy, and BotUnavailable, whose ``extra["connect_failed"]`` says that the
        bot has certainly not seen the message; InvalidInput when the message cannot be encoded.
        """
        content = chat_body(self._clock.now(), user_id=user_id, message=message, user_name=user_name, is_fast=is_fast)
        started_s = self._clock.monotonic_s()
        outcome = CANCELLED
        try:
            answer = await _opened(self._chat).ask(
                bot, content, timeout_s=timeout_s or self.timeout_s(bot), on_delta=on_delta
            )
            if accept is not None:
                accept(answer)
            outcome = _outcome(answer)
            return answer
        except AppError as error:
            outcome = PAUSED if isinstance(error, CallsPaused) else error.code
            raise
        finally:
            if is_counted:
                self._on_call(bot.name, outcome, self._clock.monotonic_s() - started_s)

    async def get_bot_status(self, bot: BotSpec) -> Probe:
        """Look at one bot's health, readiness and connection to Discord. A bad bot is a probe with ``error``.

        Source: bot contract, "Liveness, readiness, identity".
        """
        endpoint = self._endpoints.of(bot)
        async with self._probes:
            started_s = self._clock.monotonic_s()
            try:
                reply = await self._get(bot, "/health")
                latency_ms = (self._clock.monotonic_s() - started_s) * 1000
                if reply.status != 200 or read_object(reply).get("status") != "healthy":
                    raise BotFailed(detail=f"HTTP {reply.status}")
                is_ready, discord = await self._readiness(bot, endpoint)
            except Upstream as error:
                endpoint.reset()
                return Probe(
                    bot_name=bot.name,
                    is_healthy=False,
                    checked_at=self._clock.now(),
                    error=_operator_text(error),
                    url=bot.url,
                )
        if is_ready is not False:
            endpoint.breaker.wake()
        return Probe(
            bot_name=bot.name,
            is_healthy=True,
            checked_at=self._clock.now(),
            latency_ms=latency_ms,
            contract=endpoint.contract,
            is_ready=is_ready,
            discord=discord,
            url=bot.url,
        )

    async def get_bot_info(self, bot: BotSpec) -> BotInfo:
        """Ask a bot what it is.

        Raises: BotUnavailable, BotTimeout, BotFailed.
        Source: bot contract, ``GET /api/bot-info`` (v1), ``GET /api/diagnostics`` (v2), and for the time that the
        latter fails, as it does without its Redis, ``GET /api/internal/health``.
        """
        async with self._probes:
            reply = await self._get(bot, "/api/bot-info")
            if reply.status != 404:
                info = read_info(reply, bot_name=bot.name, contract="v1")
            else:
                try:
                    info = read_info(await self._get(bot, "/api/diagnostics"), bot_name=bot.name, contract="v2")
                except BotFailed:
                    info = read_connection(await self._get(bot, "/api/internal/health"), bot_name=bot.name)
            return replace(info, url=bot.url)

    async def _get(self, bot: BotSpec, path: str) -> Reply:
        deadline_at = asyncio.get_running_loop().time() + PROBE_TIMEOUT_S
        return await _opened(self._probing).request("GET", f"{bot.url}{path}", deadline_at=deadline_at)

    async def _readiness(self, bot: BotSpec, endpoint: Endpoint) -> tuple[bool | None, Discord | None]:
        """v1 bots have ``/ready``, v2 bots do not, which is found out once; they tell whether Discord is there."""
        if endpoint.contract != "v2":
            reply = await self._get(bot, "/ready")
            endpoint.contract = "v2" if reply.status == 404 else "v1"
            if reply.status != 404:
                return read_readiness(reply)
        if not endpoint.tells_discord:
            return None, None
        try:
            reply = await self._get(bot, "/api/internal/health")
        except Upstream:
            return None, None  # it answers its health check all the same
        endpoint.tells_discord = reply.status != 404
        discord = read_discord(reply)
        return (discord.is_connected, discord) if discord else (None, None)


def _outcome(answer: BotAnswer) -> str:
    if answer.is_silent:
        return SILENT
    return TRUNCATED if answer.is_truncated else APOLOGY if answer.is_apology else OK


def _opened(opened: T | None) -> T:
    if opened is None:
        raise ShuttingDown(detail="the bot connector is closed")
    return opened


def _operator_text(error: Upstream) -> str:
    """What went wrong, in our words."""
    if isinstance(error, BotTimeout):
        return "no answer in time"
    if isinstance(error, BotUnavailable):
        return "cannot connect" if error.extra.get("connect_failed") else "connection lost"
    return "unexpected answer"
