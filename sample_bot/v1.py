"""The v1 wire format: aiohttp, plain error objects, UTC timestamps, metadata on request.

Source: WhisperEngine v1's health server with its external chat API (autumn 2025).
"""

import json
from collections.abc import Sequence

from aiohttp import web

from sample_bot.bot import Bot, Incoming
from sample_bot.contract import BOT, Json, Refused, answer, elapsed_ms, utc_timestamp
from sample_bot.metadata import MetadataLevel, reply_metadata
from sample_bot.prompt import EngineError
from sample_bot.v1_status import STATUS_ROUTES

_MAX_BATCH = 10
_APOLOGY = "I apologize, but I'm having trouble putting my thoughts together right now. Please try again in a moment."


class V1:
    """Contract of the bots that run one aiohttp port each."""

    @property
    def routes(self) -> Sequence[web.RouteDef]:
        """Every endpoint but streaming."""
        return [*STATUS_ROUTES, web.post("/api/chat", self._chat), web.post("/api/chat/batch", self._batch)]

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

    def model_dead(self, bot: Bot, body: bytes) -> web.Response:
        """Apologise in character, with a 500."""
        return self.failed(bot, "language model: no answer")

    def model_unpaid(self, bot: Bot, body: bytes) -> web.Response:
        """Answer 500 with the exception's text."""
        return self.raised("LLMError: HTTP error: 402")

    def empty(self, bot: Bot) -> web.Response:
        """Answer 200 without a text: the bot chose not to answer."""
        answered = {"success": True, "response": "", "timestamp": utc_timestamp(), "memory_stored": False}
        return web.json_response(answered | {"bot_name": bot.character.display_name, "processing_time_ms": 1})

    def starting(self) -> web.Response:
        """Answer 503: components are still missing."""
        body = {
            "error": "Chat API not available - bot components not ready",
            "success": False,
            "details": "Bot is still initializing. Please try again in a few moments.",
        }
        return web.json_response(body, status=503)

    async def _chat(self, request: web.Request) -> web.Response:
        bot = request.app[BOT]
        body = _read_object(await request.read())
        incoming, level = _incoming(body), _metadata_level(body)
        try:
            result = await _result(request, incoming, level)
        except EngineError as exc:
            return self.failed(bot, str(exc))
        return web.json_response({**result, "timestamp": utc_timestamp(), "bot_name": _said_name(bot)})

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
        "memory_stored": request.app[BOT].claims.stores_memory,
        **reply_metadata(incoming, reply, level, engine=request.app[BOT].engine.name),
    }


def _said_name(bot: Bot) -> str:
    return bot.claims.answers_as or bot.account or bot.character.display_name


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
