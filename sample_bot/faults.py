"""Misbehaviour on request: every way in which a bot fails its callers, for tests and load."""

import asyncio
import random
import socket
import struct
from collections import deque
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from aiohttp import web

from sample_bot.bot import Bot
from sample_bot.claims import Claims
from sample_bot.contract import Contract, Json
from sample_bot.knowledge import Erasure

_HUGE_CHUNK = b"x" * 65_536
_HUGE_CHUNKS = 1024  # 64 MiB: endless to any client that caps an answer, yet finite
_GONE_POLL_S = 0.1
_HOLD_POLL_S = 0.02
_MAX_CALLS = 10_000


class FaultMode(StrEnum):
    """What the next answers look like."""

    OK = "ok"
    HTTP500 = "http500"
    EXCEPTION = "exception"
    BADJSON = "badjson"
    NOTJSON = "notjson"
    HUGE = "huge"
    TRUNCATE = "truncate"
    HANG = "hang"
    MODEL_DEAD = "model_dead"
    MODEL_UNPAID = "model_unpaid"
    EMPTY = "empty"
    NOT_READY = "not_ready"
    RESET = "reset"
    TRUNCATE_STREAM = "truncate_stream"
    HANG_STREAM = "hang_stream"
    BABBLE_STREAM = "babble_stream"
    FAIL_STREAM = "fail_stream"


STREAM_MODES = frozenset(
    {FaultMode.TRUNCATE_STREAM, FaultMode.HANG_STREAM, FaultMode.BABBLE_STREAM, FaultMode.FAIL_STREAM}
)
"""Only in the middle of a stream; answers in one piece are well."""

_BABBLE = (FaultMode.BADJSON, FaultMode.NOTJSON, FaultMode.HUGE, FaultMode.TRUNCATE)


class FaultScope(StrEnum):
    """Which endpoints misbehave."""

    CHAT = "chat"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """How a bot misbehaves; rates are shares of answers between 0 and 1.

    ``delay_ms`` is before an answer, ``piece_delay_ms`` after each piece of a stream. While ``is_held`` no answer
    begins, and after ``hold_after`` pieces (0: never) a stream waits, until the plan is changed. While
    ``is_off_discord`` the bot answers, and says that Discord is not there; while ``is_graph_away`` it has no knowledge
    graph. ``erasure`` is how it forgets a person on request. From ``says`` to ``database_status``: see ``Claims``.
    """

    delay_ms: int = 0
    piece_delay_ms: int = 0
    is_held: bool = False
    is_off_discord: bool = False
    is_graph_away: bool = False
    erasure: Erasure = Erasure.OK
    says: str = ""
    answers_as: str = ""
    stores_memory: bool = True
    queue_depths: Json = field(default_factory=dict)
    database_status: Json = field(default_factory=dict)
    hold_after: int = 0
    failure_rate: float = 0.0
    hang_rate: float = 0.0
    babble_rate: float = 0.0
    mode: FaultMode = FaultMode.OK
    scope: FaultScope = FaultScope.CHAT

    @property
    def claims(self) -> Claims:
        """What the bot says whatever is true."""
        return Claims(
            says=self.says,
            answers_as=self.answers_as,
            stores_memory=self.stores_memory,
            queue_depths=self.queue_depths,
            database_status=self.database_status,
        )

    def changed(self, changes: Json) -> "FaultPlan":
        """Apply the fields given.

        Raises: ValueError for an unknown field or an impossible value.
        """
        values: dict[str, Any] = {**asdict(self), **changes}
        if unknown := values.keys() - asdict(self).keys():
            raise ValueError(f"unknown field {sorted(unknown)[0]!r}")
        for name in ("failure_rate", "hang_rate", "babble_rate"):
            if not isinstance(values[name], int | float) or not 0 <= values[name] <= 1:
                raise ValueError(f"{name} must be between 0 and 1")
        for name in ("delay_ms", "piece_delay_ms"):
            if not isinstance(values[name], int) or values[name] < 0:
                raise ValueError(f"{name} must be a whole number of milliseconds")
        if not isinstance(values["hold_after"], int) or values["hold_after"] < 0:
            raise ValueError("hold_after must be a whole number of pieces")
        for name in ("is_held", "is_off_discord", "is_graph_away", "stores_memory"):
            if not isinstance(values[name], bool):
                raise ValueError(f"{name} must be true or false")
        for name, kind in (("says", str), ("answers_as", str), ("queue_depths", dict), ("database_status", dict)):
            if not isinstance(values[name], kind):
                raise ValueError(f"{name} must be a {kind.__name__}")
        values["mode"], values["scope"] = FaultMode(values["mode"]), FaultScope(values["scope"])
        values["erasure"] = Erasure(values["erasure"])
        return replace(self, **values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One chat message that reached the bot."""

    user_id: object
    message: object


class Faults:
    """The plan in force, the dice, and the calls that came."""

    def __init__(self, plan: FaultPlan, *, seed: int | None = None) -> None:
        self.plan = plan
        self.call_count = 0
        self.calls: deque[Call] = deque(maxlen=_MAX_CALLS)
        self._dice = random.Random(seed)

    def record(self, user_id: object, message: object) -> None:
        """Count a chat message, whatever becomes of it."""
        self.call_count += 1
        self.calls.append(Call(user_id=user_id, message=message))

    async def until_released(self, request: web.Request, *, pieces: int = 0) -> None:
        """Wait while the plan holds an answer that has so many pieces, or until the caller gives up."""
        while self._holds(pieces) and not _is_gone(request):  # noqa: ASYNC110  (a plan has no event)
            await asyncio.sleep(_HOLD_POLL_S)

    def _holds(self, pieces: int) -> bool:
        return self.plan.is_held if pieces == 0 else 0 < self.plan.hold_after <= pieces

    def next_mode(self) -> FaultMode:
        """Decide how the next answer goes: the mode in force, else the dice."""
        plan = self.plan
        if plan.mode is not FaultMode.OK:
            return plan.mode
        roll = self._dice.random()
        if roll < plan.failure_rate:
            return FaultMode.HTTP500
        if roll < plan.failure_rate + plan.hang_rate:
            return FaultMode.HANG
        if roll < plan.failure_rate + plan.hang_rate + plan.babble_rate:
            return self._dice.choice(_BABBLE)
        return FaultMode.OK


async def misbehave(request: web.Request, mode: FaultMode, *, contract: Contract, bot: Bot) -> web.StreamResponse:
    """Answer, or fail to answer, in this mode (any but ``ok``)."""
    match mode:
        case FaultMode.HTTP500:
            return contract.failed(bot, "the sample bot was told to fail")
        case FaultMode.EXCEPTION:
            return contract.raised("KeyError: 'the sample bot was told to raise'")
        case FaultMode.MODEL_DEAD:
            return contract.model_dead(bot, await request.read())
        case FaultMode.MODEL_UNPAID:
            return contract.model_unpaid(bot, await request.read())
        case FaultMode.EMPTY:
            return contract.empty(bot)
        case FaultMode.NOT_READY:
            return contract.starting()
        case FaultMode.BADJSON:
            return web.Response(text='{"success": true, "response": ', content_type="application/json")
        case FaultMode.NOTJSON:
            return web.Response(text="<html><body>Bad gateway</body></html>", content_type="text/html")
        case FaultMode.HUGE:
            return await _huge(request)
        case FaultMode.TRUNCATE:
            return await _truncated(request)
        case FaultMode.RESET:
            _reset(request)
        case _:
            await until_gone(request)
    # Nobody is left to read this.
    return web.Response(status=500)


async def _huge(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"success": true, "response": "')
    for _ in range(_HUGE_CHUNKS):
        await response.write(_HUGE_CHUNK)
    await response.write(b'"}')
    return response


async def _truncated(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = 1000
    await response.prepare(request)
    await response.write(b'{"success": true, "response": "I was about to')
    if request.transport is not None:
        request.transport.close()
    return response


def _reset(request: web.Request) -> None:
    """Close with RST instead of FIN, as a killed container's network does."""
    if request.transport is None:
        return
    connection: socket.socket = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()


async def until_gone(request: web.Request) -> None:
    """Say nothing until the caller gives up."""
    while not _is_gone(request):  # noqa: ASYNC110
        await asyncio.sleep(_GONE_POLL_S)


def _is_gone(request: web.Request) -> bool:
    # aiohttp tells a handler that its client left only by cancelling every handler, which real bots do not do.
    return request.transport is None or request.transport.is_closing()
