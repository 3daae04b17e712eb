"""Server-sent events: what both streams of the gateway have in common."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson

from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.core.principals import Principal
from chat_api.gateway.schemas import Ending
from chat_api.gateway.service import GatewayService, Talk
from chat_api.http.openai_errors import openai_error

log = get_logger(__name__)

PING = b": ping\n\n"
DONE = b"data: [DONE]\n\n"


def event(data: Mapping[str, Any], *, name: str | None = None) -> bytes:
    """One event."""
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + orjson.dumps(data) + b"\n\n"


async def told(
    gateway: GatewayService, principal: Principal, talk: Talk, *, error_name: str | None = None
) -> AsyncIterator[str | bytes | Ending]:
    """The pieces of an answer, comments in between as they are, and its end; or instead of that an error, and no more.

    What was not streamed of the whole answer is its last piece.
    """
    said: list[str] = []
    try:
        async for piece in gateway.pieces(principal, talk):
            if piece is None:
                yield PING
            else:
                said.append(piece)
                yield piece
        ending = await talk.answer
        before = "".join(said)
        rest = ending.text[len(before) :] if ending.text.startswith(before) else ""
        if rest:
            yield rest
        yield ending
    except AppError as error:
        yield _failed(error, error_name)
    except Exception:
        log.exception("gateway_stream_failed", model=talk.model)
        yield _failed(AppError(), error_name)
    finally:
        talk.close()


def _failed(error: AppError, name: str | None) -> bytes:
    body = openai_error(error)
    # The Responses API has its errors as an event of a type, the other one bare.
    return event(body if name is None else {"type": name, **body["error"]}, name=name)
