"""The chat WebSocket. Source: specification, "WebSocket /ws/{token}"."""

from typing import Any

import orjson
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from chat_api.core.errors import (
    AppError,
    InvalidInput,
    MalformedRequest,
    NotAuthenticated,
    PayloadTooLarge,
)
from chat_api.core.logging import get_logger
from chat_api.realtime.connection import CloseCode
from chat_api.realtime.frames import error_frame
from chat_api.realtime.manager import WebSocketManager
from chat_api.routes.dependencies import address_of, services_of
from chat_api.schemas.principals import Principal
from chat_api.services.container import Services

log = get_logger(__name__)
router = APIRouter()

MAX_FRAME_CHARS = 64 * 1024


@router.websocket("/ws/{token}")
async def chat_socket(websocket: WebSocket, token: str) -> None:
    """Serve one client until it leaves, or until its session ends."""
    services = services_of(websocket)
    manager: WebSocketManager = websocket.app.state.websockets
    try:
        principal = await services.auth.authenticate(token, address=address_of(websocket))
    except AppError as error:
        # Accepted first: a browser learns the code of a close, but nothing of a refused handshake.
        await websocket.accept()
        is_final = isinstance(error, NotAuthenticated)
        await websocket.close(CloseCode.NOT_AUTHENTICATED if is_final else CloseCode.SHUTTING_DOWN)
        return
    if await manager.connect(websocket, principal.user_id, principal.session_id) is None:
        return
    try:
        await _serve(websocket, manager, services, principal)
    except WebSocketDisconnect:
        pass
    finally:
        await manager.disconnect(websocket)


async def _serve(websocket: WebSocket, manager: WebSocketManager, services: Services, principal: Principal) -> None:
    metrics = websocket.app.state.metrics
    while True:
        message = await manager.receive(websocket)
        if message is None or message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is None:
            manager.close(websocket, CloseCode.BAD_FRAME)
            return
        client_msg_id: str | None = None
        try:
            frame = _parsed(text)
            client_msg_id = _client_msg_id(frame)
            metrics.ws_frames.labels("in", _known_type(frame)).inc()
            await _handle(frame, services, principal)
        except AppError as error:
            if error.detail:
                log.warning("frame_refused", code=error.code, detail=error.detail)
            manager.reply(websocket, error_frame(error, client_msg_id=client_msg_id))
        except Exception:
            log.exception("frame_failed", user_id=principal.user_id)
            manager.reply(websocket, error_frame(AppError(), client_msg_id=client_msg_id))


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > MAX_FRAME_CHARS:
        raise PayloadTooLarge("The frame is too large.")
    try:
        # orjson refuses NaN, lone surrogates and what nests too deeply, without recursing.
        frame = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest("The frame is not valid JSON.") from error
    if not isinstance(frame, dict):
        raise MalformedRequest("A frame is a JSON object.")
    return frame


async def _handle(frame: dict[str, Any], services: Services, principal: Principal) -> None:
    match frame.get("type"):
        case "message":
            data = frame.get("data")
            if not isinstance(data, dict):
                raise InvalidInput("data: must be an object")
            submission = await services.messages.submit(
                principal,
                bot_name=_text(data, "bot_name"),
                content=_text(data, "content"),
                client_msg_id=_client_msg_id(frame),
                message_type=_text(data, "message_type", default="text"),
            )
            log.debug("message_accepted", is_duplicate=submission.is_duplicate)
        case "typing_start":
            services.registry.get(_text(frame, "bot_name"))
        case _:
            raise InvalidInput("type: is not a known frame type")


def _text(values: dict[str, Any], field: str, *, default: str | None = None) -> str:
    value = values.get(field, default)
    if not isinstance(value, str):
        raise InvalidInput(f"{field}: must be a string")
    return value


def _client_msg_id(frame: dict[str, Any]) -> str | None:
    data = frame.get("data")
    value = data.get("client_msg_id") if isinstance(data, dict) else None
    if value is not None and not isinstance(value, str):
        raise InvalidInput("client_msg_id: must be a string")
    return value


def _known_type(frame: dict[str, Any]) -> str:
    kind = frame.get("type")
    return kind if isinstance(kind, str) and kind in {"message", "typing_start"} else "other"
