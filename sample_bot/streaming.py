"""``POST /api/chat/stream``: the answer as OpenAI-style server-sent events, same in both generations."""

import asyncio
import json

from aiohttp import web

from sample_bot.contract import BOT, Contract, Json, log_chat
from sample_bot.faults import FaultMode, Faults, until_gone
from sample_bot.prompt import EngineError

STREAM_FAULT = web.RequestKey("stream_fault", FaultMode)
_PIECES_BEFORE_FAULT = 2


def stream_route(contract: Contract, faults: Faults) -> web.RouteDef:
    """Build the endpoint for one contract."""

    async def stream(request: web.Request) -> web.StreamResponse:
        """Answer piece by piece; a failure before the first piece is an ordinary error answer."""
        bot = request.app[BOT]
        incoming = contract.read_chat(await request.read())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        length = count = 0
        try:
            async for piece in bot.stream(incoming):
                if not response.prepared:
                    await response.prepare(request)
                if STREAM_FAULT in request and count == _PIECES_BEFORE_FAULT:
                    break
                count += 1
                length += len(piece)
                await response.write(_event({"choices": [{"index": 0, "delta": {"content": piece}}]}))
                await asyncio.sleep(faults.plan.piece_delay_ms / 1000)
                await faults.until_released(request, pieces=count)
            if STREAM_FAULT in request:
                await _misbehave(request, response, request[STREAM_FAULT])
                return response
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


async def _misbehave(request: web.Request, response: web.StreamResponse, mode: FaultMode) -> None:
    """Let a stream that has begun go wrong."""
    match mode:
        case FaultMode.TRUNCATE_STREAM if request.transport is not None:
            request.transport.close()
        case FaultMode.FAIL_STREAM:
            await response.write(_event({"error": {"message": "the sample bot was told to fail"}}))
        case FaultMode.BABBLE_STREAM:
            await response.write(b': \xff\ndata: {"choices": [{"delta": {"content": \n\n')
        case _:
            await until_gone(request)


def _event(data: Json) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"
