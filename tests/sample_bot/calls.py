"""Short forms of the calls that every test here makes."""

from typing import Any

import aiohttp

from tests.support.sample_bots import RunningBot

Answer = tuple[int, dict[str, Any]]


async def get(http: aiohttp.ClientSession, bot: RunningBot, path: str) -> Answer:
    """Status and JSON of a GET."""
    async with http.get(bot.url + path) as response:
        return response.status, await response.json()


async def post(http: aiohttp.ClientSession, bot: RunningBot, path: str, body: object) -> Answer:
    """Status and JSON of a POST; bytes go as they are, anything else as JSON."""
    sent = {"data": body} if isinstance(body, bytes) else {"json": body}
    async with http.post(bot.url + path, **sent) as response:
        return response.status, await response.json()


async def say(http: aiohttp.ClientSession, bot: RunningBot, user_id: str, message: str, **fields: object) -> str:
    """Say something that must be answered, and return the answer."""
    status, body = await post(http, bot, "/api/chat", {"user_id": user_id, "message": message, **fields})
    assert status == 200, body
    assert body["success"] is True
    return str(body["response"])
