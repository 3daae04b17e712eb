"""One chat call: through the bot's breaker and bulkhead, whole or in pieces.

It is repeated only when the bot cannot have seen it.
"""

import asyncio
from dataclasses import replace
from datetime import datetime

import orjson

from chat_api.bots.answers import read_answer
from chat_api.bots.apologies import Apologies
from chat_api.bots.endpoints import Endpoint, Endpoints
from chat_api.bots.http import BotHttp, OnEventData, Reply
from chat_api.bots.schemas import BotAnswer, BotSpec
from chat_api.bots.stream import OnDelta, StreamedText
from chat_api.core.clock import Clock
from chat_api.core.errors import BotUnavailable, InvalidInput, Upstream

CONNECT_RETRY_DELAY_S = 0.2
SLOT_WAIT_S = 5.0


class BotChat:
    """Makes chat calls over its own connections; closed with ``aclose``."""

    def __init__(
        self, http: BotHttp, endpoints: Endpoints, apologies: Apologies, *, max_text_bytes: int, clock: Clock
    ) -> None:
        self._http = http
        self._endpoints = endpoints
        self._max_text_bytes = max_text_bytes
        self._clock = clock
        self.apologies = apologies

    async def aclose(self) -> None:
        """Close every connection; calls under way fail as unavailable."""
        await self._http.aclose()

    async def ask(
        self, bot: BotSpec, content: bytes, *, timeout_s: float, on_delta: OnDelta | None = None
    ) -> BotAnswer:
        """See ``BotConnector.send_message_to_bot``."""
        deadline_at = asyncio.get_running_loop().time() + timeout_s
        # Waiting for a slot leaves most of the time to the bot.
        slot_wait_s = min(SLOT_WAIT_S, timeout_s / 4)
        stream: StreamedText | None = None
        started_s = self._clock.monotonic_s()
        try:
            async with self._endpoints.call(bot, wait_s=slot_wait_s) as endpoint:
                started_s = self._clock.monotonic_s()
                if on_delta is not None and endpoint.is_streaming is not False:
                    stream = StreamedText(on_delta, max_bytes=self._max_text_bytes)
                    reply = await self._stream(bot, content, deadline_at, endpoint, stream)
                else:
                    reply = await self._post(f"{bot.url}/api/chat", content, deadline_at)
                elapsed_s = self._clock.monotonic_s() - started_s
                if reply.is_event_stream and stream is not None:
                    stream.finish()
                    answer = BotAnswer(text=stream.text, bot_name=bot.name, processing_time_s=elapsed_s)
                else:
                    answer = read_answer(reply, bot_name=bot.name, processing_time_s=elapsed_s)
                return self._recognised(answer, endpoint)
        except Upstream:
            if stream is None or not stream.text:
                raise
            elapsed_s = self._clock.monotonic_s() - started_s
            return BotAnswer(text=stream.text, bot_name=bot.name, processing_time_s=elapsed_s, is_truncated=True)

    def _recognised(self, answer: BotAnswer, endpoint: Endpoint) -> BotAnswer:
        """An apology that looks like an answer is told by its words; v2 has them for its language model alone."""
        if answer.is_apology:
            return answer
        if self._endpoints.is_apology(answer.bot_name, answer.text):
            return replace(answer, is_apology=True, is_model_silent=True)
        if self.apologies.has(answer.text):
            return replace(answer, is_apology=True, is_model_silent=endpoint.contract == "v2")
        return answer

    async def _stream(
        self, bot: BotSpec, content: bytes, deadline_at: float, endpoint: Endpoint, stream: StreamedText
    ) -> Reply:
        """Ask for the answer in pieces; a bot that has no such page is asked again, and never for pieces any more."""
        reply = await self._post(f"{bot.url}/api/chat/stream", content, deadline_at, stream.feed)
        endpoint.is_streaming = reply.status not in {404, 405}
        return reply if endpoint.is_streaming else await self._post(f"{bot.url}/api/chat", content, deadline_at)

    async def _post(
        self, url: str, content: bytes, deadline_at: float, on_event_data: OnEventData | None = None
    ) -> Reply:
        async def attempt() -> Reply:
            return await self._http.request(
                "POST", url, content=content, deadline_at=deadline_at, on_event_data=on_event_data
            )

        try:
            return await attempt()
        except BotUnavailable as error:
            if not error.extra.get("connect_failed"):
                raise
        await asyncio.sleep(CONNECT_RETRY_DELAY_S)
        return await attempt()


def chat_body(now: datetime, *, user_id: str, message: str, user_name: str | None, is_fast: bool = False) -> bytes:
    """What both generations read, each the name in its own place; ``platform`` and ``timestamp`` of the specification.

    ``is_fast`` asks a v2 bot for its shortest way to an answer, which also makes it show that its language model is
    dead; v1 ignores it. Source: bot contract, ``POST /api/chat``.

    Raises: InvalidInput when it cannot be encoded.
    """
    try:
        return orjson.dumps(
            {
                "user_id": user_id,
                "message": message,
                "platform": "WEB_UI",
                "timestamp": now.isoformat(),
                "context": {
                    "channel_type": "dm",
                    "platform": "web",
                    "user_name": user_name,
                    "metadata": {"discord_author_name": user_name} if user_name else {},
                },
                "metadata_level": "basic",
                **({"force_mode": "fast"} if is_fast else {}),
            }
        )
    except orjson.JSONEncodeError as error:
        raise InvalidInput("not valid text.", field="content") from error
