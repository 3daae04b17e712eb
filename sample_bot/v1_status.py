"""What a v1 bot tells operators about itself: health, readiness, status, metrics, identity."""

import hashlib
import resource
from enum import StrEnum

from aiohttp import web

from sample_bot.bot import Bot
from sample_bot.contract import BOT, IS_STREAMING, Json, utc_timestamp

_SERVICE = "WhisperEngine Discord Bot"


class _Status(StrEnum):
    READY = "ready"
    NOT_READY = "not_ready"


async def _health(request: web.Request) -> web.Response:
    return web.json_response({"status": "healthy", "timestamp": utc_timestamp(), "service": _SERVICE})


async def _ready(request: web.Request) -> web.Response:
    bot = request.app[BOT]
    if not bot.is_ready or not bot.is_on_discord:
        body: Json = {"status": _Status.NOT_READY, "reason": "Bot not connected to Discord"}
        return web.json_response({**body, "timestamp": utc_timestamp()}, status=503)
    body = {
        "status": _Status.READY,
        "bot_user": _discord_user(bot),
        "guilds_count": 1,
        "latency_ms": _latency_ms(bot),
    }
    return web.json_response({**body, "timestamp": utc_timestamp()})


async def _status(request: web.Request) -> web.Response:
    bot = request.app[BOT]
    state = {"ready": bot.is_ready, "user": _discord_user(bot), "latency_ms": _latency_ms(bot)}
    body = {"service": _SERVICE, "timestamp": utc_timestamp(), "bot": state, "character": _character_info(bot)}
    return web.json_response(body)


async def _metrics(request: web.Request) -> web.Response:
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


async def _bot_info(request: web.Request) -> web.Response:
    bot = request.app[BOT]
    capabilities = ["text_chat", "conversation_memory", "character_personality", f"engine:{bot.engine.name}"]
    body = {
        "bot_name": bot.account or bot.character.display_name,
        "bot_id": str(int(hashlib.sha256(bot.character.key.encode()).hexdigest()[:15], 16)),
        "status": "online" if bot.is_ready else "offline",
        "platform": "discord",
        "api_version": "1.0",
        "capabilities": capabilities + (["streaming"] if request.app[IS_STREAMING] else []),
        "character_info": _character_info(bot),
        "timestamp": utc_timestamp(),
    }
    return web.json_response(body)


def _discord_user(bot: Bot) -> str:
    return f"{bot.character.display_name.split()[0]}#0001"


def _latency_ms(bot: Bot) -> float:
    # There is no Discord gateway to measure; -1 is what the real bots say while unconnected.
    return 0.0 if bot.is_ready else -1.0


def _character_info(bot: Bot) -> Json:
    character = bot.character
    return {
        "character_name": "Default Assistant" if bot.account else character.display_name,
        "occupation": character.occupation,
        "description": character.description,
        "emoji": character.emoji,
        "has_personality": bool(character.description),
        "engine": bot.engine.name,
    }


STATUS_ROUTES = (
    web.get("/health", _health),
    web.get("/ready", _ready),
    web.get("/status", _status),
    web.get("/metrics", _metrics),
    web.get("/api/bot-info", _bot_info),
)
