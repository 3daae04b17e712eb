"""``POST /api/chat/stream``: the answer as OpenAI-style server-sent events, same in both generations."""

import json

from aiohttp import web

from sample_bot.contract import BOT, Contract, Json, log_chat
from sample_bot.engine import EngineError


def stream_route(contract: Contract) -> web.RouteDef:
    """Build the endpoint for one contract."""

    async def stream(request: web.Request) -> web.StreamResponse:
        """Answer piece by piece; a failure before the first piece is an ordinary error answer."""
        bot = request.app[BOT]
        incoming = contract.read_chat(await request.read())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        length = 0
        try:
            async for piece in bot.stream(incoming):
                if not response.prepared:
                    await response.prepare(request)
                length += len(piece)
                await response.write(_event({"choices": [{"index": 0, "delta": {"content": piece}}]}))
        except EngineError as exc:
            log_chat(request, incoming, length, error=str(exc))
            if not response.prepared:
                return contract.failed(bot, str(exc))
            await response.write(_event({"error": {"message": str(exc)}}))
            return response
        log_chat(request, incoming, length)
        await response.write(b"data: [DONE]\n\n")
        return response

    return web.post("/api/chat/stream", stream)


def _event(data: Json) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"
