"""The v2 wire format: FastAPI's validation errors, ``detail`` texts, local timestamps.

Source: WhisperEngine v2's HTTP API (late 2025).
"""

import json
import random
from collections.abc import Sequence
from enum import StrEnum

from aiohttp import web

from sample_bot.bot import Bot, Incoming
from sample_bot.contract import BOT, IS_STREAMING, Json, Refused, answer, elapsed_ms, local_timestamp
from sample_bot.prompt import EngineError
from sample_bot.v2_knowledge import KNOWLEDGE_ROUTES


class _Mode(StrEnum):
    FAST = "fast"
    REFLECTIVE = "reflective"


_APOLOGIES = (
    "I'm having a bit of trouble thinking clearly right now. Could you try again in a moment?",
    "Sorry, my thoughts are all over the place. Give me a minute?",
)
_COMPLEXITY = {_Mode.FAST: "SIMPLE", _Mode.REFLECTIVE: "COMPLEX_HIGH"}


class V2:
    """Contract of the bots that run FastAPI."""

    @property
    def routes(self) -> Sequence[web.RouteDef]:
        """Every endpoint but streaming."""
        return [
            web.get("/health", self._health),
            web.get("/api/diagnostics", self._diagnostics),
            web.get("/api/internal/health", self._internal_health),
            web.post("/api/chat", self._chat),
            *KNOWLEDGE_ROUTES,
        ]

    def read_chat(self, body: bytes) -> Incoming:
        """Understand ``{"user_id", "message", "context", "force_mode"}``.

        Raises: Refused with 422 and a list of all that is wrong.
        """
        return _read(body)[0]

    def failed(self, bot: Bot, error: str) -> web.Response:
        """Answer 500: this generation does not tell its failures apart."""
        return self.raised(error)

    def raised(self, error: str) -> web.Response:
        """Answer 500 with the exception's text, as the real bots do."""
        return web.json_response({"detail": error}, status=500)

    def model_dead(self, bot: Bot, body: bytes) -> web.Response:
        """Answer 200 with a stock apology, as the real bots do; only in the fast mode it shows what it is."""
        _, mode = _read(body)
        is_forced = b"force_mode" in body and mode is _Mode.FAST
        facts = ("unknown", "unknown", "unknown") if is_forced else ("supergraph", "DYNAMIC", "mixed")
        answered = {
            "success": True,
            "response": random.choice(_APOLOGIES),
            "timestamp": local_timestamp(),
            "bot_name": bot.character.key,
            "processing_time_ms": 12.0,
            "memory_stored": True,
            **dict(zip(("mode", "complexity", "model_used"), facts, strict=True)),
        }
        return web.json_response(answered)

    def model_unpaid(self, bot: Bot, body: bytes) -> web.Response:
        """Answer 200 with a stock apology: this generation does not say what its language model said."""
        return self.model_dead(bot, body)

    def empty(self, bot: Bot) -> web.Response:
        """Answer 200 without a text: of this generation that is a fault."""
        answered = {"success": True, "response": "", "timestamp": local_timestamp(), "bot_name": bot.character.key}
        return web.json_response(answered | {"mode": "supergraph", "complexity": "DYNAMIC", "model_used": "mixed"})

    def starting(self) -> web.Response:
        """Answer 500: this generation has no word for "not yet"."""
        return self.raised("Bot is not initialized")

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "healthy", "timestamp": local_timestamp()})

    async def _internal_health(self, request: web.Request) -> web.Response:
        bot = request.app[BOT]
        is_connected = bot.is_ready and bot.is_on_discord
        return web.json_response(
            {
                "status": "ready" if is_connected else "waiting",
                "bot_connected": is_connected,
                "bot_name": bot.character.key,
            }
        )

    async def _diagnostics(self, request: web.Request) -> web.Response:
        bot = request.app[BOT]
        body = {
            "bot_name": bot.character.key,
            "llm_models": {"main": bot.engine.name},
            "database_status": dict(bot.claims.database_status),
            "feature_flags": {"streaming": request.app[IS_STREAMING]},
            "queue_depths": dict(bot.claims.queue_depths),
            "uptime_seconds": round(bot.uptime_s, 1),
            "version": "2.5",
        }
        return web.json_response(body)

    async def _chat(self, request: web.Request) -> web.Response:
        bot = request.app[BOT]
        incoming, mode = _read(await request.read())
        try:
            reply = await answer(request, incoming)
        except EngineError as exc:
            return self.failed(bot, str(exc))
        body = {
            "success": True,
            "response": reply.text,
            "timestamp": local_timestamp(),
            "bot_name": bot.claims.answers_as or bot.character.key,
            "processing_time_ms": round(elapsed_ms(request), 3),
            "memory_stored": bot.claims.stores_memory,
            "mode": mode,
            "complexity": _COMPLEXITY[mode],
            "model_used": bot.engine.name,
        }
        return web.json_response(body)


def _read(body: bytes) -> tuple[Incoming, _Mode]:
    try:
        value = json.loads(body)
    except ValueError as exc:
        raise _refused([_problem(["body", getattr(exc, "pos", 0)], "JSON decode error", "json_invalid")]) from None
    if not isinstance(value, dict):
        message = "Input should be a valid dictionary or object to extract fields from"
        raise _refused([_problem(["body"], message, "model_attributes_type")])
    if problems := _problems(value):
        raise _refused(problems)
    user_name = (value.get("context") or {}).get("user_name")
    incoming = Incoming(
        user_id=value["user_id"],
        message=value["message"],
        user_name=user_name if isinstance(user_name, str) and user_name else None,
    )
    return incoming, _Mode(value.get("force_mode") or _Mode.FAST)


def _problems(value: Json) -> list[Json]:
    problems = []
    for name in ("user_id", "message"):
        if name not in value:
            problems.append(_problem(["body", name], "Field required", "missing"))
        elif not isinstance(value[name], str):
            problems.append(_problem(["body", name], "Input should be a valid string", "string_type"))
    if value.get("context") is not None and not isinstance(value["context"], dict):
        problems.append(_problem(["body", "context"], "Input should be a valid dictionary", "dict_type"))
    if value.get("force_mode") not in (None, *_Mode):
        problems.append(_problem(["body", "force_mode"], "Input should be 'fast' or 'reflective'", "literal_error"))
    return problems


def _problem(loc: list[str | int], msg: str, kind: str) -> Json:
    return {"loc": loc, "msg": msg, "type": kind}


def _refused(problems: list[Json]) -> Refused:
    return Refused(web.json_response({"detail": problems}, status=422))
