"""The v1 wire format: aiohttp, plain error objects, UTC timestamps, metadata on request.

Source: WhisperEngine v1's health server with its external chat API (autumn 2025).
"""

import hashlib
import json
import resource
from collections.abc import Sequence
from enum import StrEnum

from aiohttp import web

from sample_bot.bot import Bot, Incoming
from sample_bot.contract import (
    BOT,
    IS_STREAMING,
    Json,
    Refused,
    answer,
    elapsed_ms,
    utc_timestamp,
)
from sample_bot.engine import EngineError
from sample_bot.metadata import MetadataLevel, reply_metadata

_MAX_BATCH = 10
_APOLOGY = "I apologize, but I'm having trouble putting my thoughts together right now. Please try again in a moment."
_SERVICE = "WhisperEngine Discord Bot"


class _Status(StrEnum):
    READY = "ready"
    NOT_READY = "not_ready"


class V1:
    """Contract of the bots that run one aiohttp port each."""

    @property
    def routes(self) -> Sequence[web.RouteDef]:
        """Every endpoint but streaming."""
        return [
            web.get("/health", self._health),
            web.get("/ready", self._ready),
            web.get("/status", self._status),
            web.get("/metrics", self._metrics),
            web.get("/api/bot-info", self._bot_info),
            web.post("/api/chat", self._chat),
            web.post("/api/chat/batch", self._batch),
        ]

    def read_chat(self, body: bytes) -> Incoming:
        """Understand ``{"user_id", "message", "context"}``.

        Raises: Refused with 400.
        """
        return _incoming(_read_object(body))

    def failed(self, bot: Bot, error: str) -> web.Response:
        """Answer 500 with ``success: false`` and words that stay in character."""
        body = {"success": False, "response": _APOLOGY, "error": error, "timestamp": utc_timestamp()}
        return web.json_response({**body, "bot_name": bot.character.display_name}, status=500)

    def raised(self, error: str) -> web.Response:
        """Answer 500 with the exception's text, as the real bots do."""
        body = {"error": "Internal server error", "message": error, "success": False}
        return web.json_response(body, status=500)

    def starting(self) -> web.Response:
        """Answer 503: components are still missing."""
        body = {
            "error": "Chat API not available - bot components not ready",
            "success": False,
            "details": "Bot is still initializing. Please try again in a few moments.",
        }
        return web.json_response(body, status=503)

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "healthy", "timestamp": utc_timestamp(), "service": _SERVICE})

    async def _ready(self, request: web.Request) -> web.Response:
        bot = request.app[BOT]
        if not bot.is_ready:
            body: Json = {"status": _Status.NOT_READY, "reason": "Bot not connected to Discord"}
            return web.json_response({**body, "timestamp": utc_timestamp()}, status=503)
        body = {
            "status": _Status.READY,
            "bot_user": _discord_user(bot),
            "guilds_count": 1,
            "latency_ms": _latency_ms(bot),
        }
        return web.json_response({**body, "timestamp": utc_timestamp()})

    async def _status(self, request: web.Request) -> web.Response:
        bot = request.app[BOT]
        state = {"ready": bot.is_ready, "user": _discord_user(bot), "latency_ms": _latency_ms(bot)}
        body = {"service": _SERVICE, "timestamp": utc_timestamp(), "bot": state, "character": _character_info(bot)}
        return web.json_response(body)

    async def _metrics(self, request: web.Request) -> web.Response:
        bot = request.app[BOT]
        memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        body = {
            "timestamp": utc_timestamp(),
            "bot_status": _Status.READY if bot.is_ready else _Status.NOT_READY,
            "guild_count": int(bot.is_ready),
            "latency_ms": _latency_ms(bot),
            "memory_usage_mb": round(memory_mb, 2),
        }
        return web.json_response(body)

    async def _bot_info(self, request: web.Request) -> web.Response:
        bot = request.app[BOT]
        capabilities = ["text_chat", "conversation_memory", "character_personality", f"engine:{bot.engine.name}"]
        body = {
            "bot_name": bot.character.display_name,
            "bot_id": str(int(hashlib.sha256(bot.character.key.encode()).hexdigest()[:15], 16)),
            "status": "online" if bot.is_ready else "offline",
            "platform": "discord",
            "api_version": "1.0",
            "capabilities": capabilities + (["streaming"] if request.app[IS_STREAMING] else []),
            "character_info": _character_info(bot),
            "timestamp": utc_timestamp(),
        }
        return web.json_response(body)

    async def _chat(self, request: web.Request) -> web.Response:
        bot = request.app[BOT]
        body = _read_object(await request.read())
        incoming, level = _incoming(body), _metadata_level(body)
        try:
            result = await _result(request, incoming, level)
        except EngineError as exc:
            return self.failed(bot, str(exc))
        return web.json_response({**result, "timestamp": utc_timestamp(), "bot_name": bot.character.display_name})

    async def _batch(self, request: web.Request) -> web.Response:
        body = _read_object(await request.read())
        level, messages = _metadata_level(body), body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise _refused("messages array is required")
        if len(messages) > _MAX_BATCH:
            raise _refused(f"Maximum {_MAX_BATCH} messages per batch")
        results = [await self._batch_item(request, index, item, level=level) for index, item in enumerate(messages)]
        name = request.app[BOT].character.display_name
        answered: Json = {"results": results, "total_processed": len(results)}
        return web.json_response({**answered, "timestamp": utc_timestamp(), "bot_name": name})

    async def _batch_item(self, request: web.Request, index: int, item: object, *, level: MetadataLevel) -> Json:
        """One message of a batch: its failure is its own."""
        try:
            incoming = _incoming(item if isinstance(item, dict) else {})
        except Refused:
            return {"index": index, "success": False, "error": "user_id and message are required"}
        try:
            return {"index": index, "user_id": incoming.user_id, **await _result(request, incoming, level)}
        except EngineError as exc:
            failure: Json = {"success": False, "response": _APOLOGY, "error": str(exc)}
            return {"index": index, "user_id": incoming.user_id, **failure}


async def _result(request: web.Request, incoming: Incoming, level: MetadataLevel) -> Json:
    reply = await answer(request, incoming)
    return {
        "success": True,
        "response": reply.text,
        "processing_time_ms": round(elapsed_ms(request)),
        "memory_stored": True,
        **reply_metadata(incoming, reply, level, engine=request.app[BOT].engine.name),
    }


def _read_object(body: bytes) -> Json:
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Refused(web.json_response({"error": "Invalid JSON in request body", "success": False}, status=400))
    return value


def _incoming(body: Json) -> Incoming:
    for name in ("user_id", "message"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise _refused(f"{name} is required")
    return Incoming(user_id=body["user_id"], message=body["message"])


def _metadata_level(body: Json) -> MetadataLevel:
    try:
        return MetadataLevel(str(body.get("metadata_level", MetadataLevel.STANDARD)).lower())
    except ValueError:
        raise _refused('metadata_level must be "basic", "standard", or "extended"') from None


def _refused(error: str) -> Refused:
    return Refused(web.json_response({"error": error}, status=400))


def _discord_user(bot: Bot) -> str:
    return f"{bot.character.display_name.split()[0]}#0001"


def _latency_ms(bot: Bot) -> float:
    # There is no Discord gateway to measure; -1 is what the real bots say while unconnected.
    return 0.0 if bot.is_ready else -1.0


def _character_info(bot: Bot) -> Json:
    character = bot.character
    return {
        "character_name": character.display_name,
        "occupation": character.occupation,
        "description": character.description,
        "emoji": character.emoji,
        "has_personality": bool(character.description),
        "engine": bot.engine.name,
    }
