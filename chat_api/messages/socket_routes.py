"""The chat WebSocket. Source: specification, "WebSocket /ws/{token}"; protocol, "WebSocket"."""

import asyncio
from typing import Any
from uuid import UUID

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
from chat_api.core.language import _
from chat_api.core.logging import get_logger
from chat_api.core.principals import Principal
from chat_api.fleet.registry import BotRegistry
from chat_api.http.dependencies import Services, address_of, services_of
from chat_api.messages.frames import duplicate_frame, error_frame
from chat_api.messages.schemas import StreamPosition
from chat_api.messages.service import MAX_CLIENT_ID_CHARS, MessagesService
from chat_api.messages.socket_connection import CloseCode, Connection
from chat_api.messages.socket_manager import MAX_FRAME_CHARS, Hello, WebSocketManager
from chat_api.people.auth import AuthService

log = get_logger(__name__)
router = APIRouter()

PROTOCOL_VERSION = 2
_KNOWN_TYPES = frozenset({"hello", "message", "typing_start", "stop", "ping", "pong"})


@router.websocket("/ws/{token}")
async def chat_socket(websocket: WebSocket, token: str) -> None:
    """Serve one client until it leaves, or until its session ends."""
    services = services_of(websocket)
    manager: WebSocketManager = websocket.app.state.websockets
    try:
        principal = await services.of(AuthService).open_socket(token, address=address_of(websocket))
    except AppError as error:
        # Accept first: a browser sees the code of a close, but nothing of a refused handshake.
        await websocket.accept()
        is_final = isinstance(error, NotAuthenticated)
        await websocket.close(CloseCode.NOT_AUTHENTICATED if is_final else CloseCode.SHUTTING_DOWN)
        return
    try:
        if await manager.connect(websocket, principal.user_id, principal.session_id) is None:
            return
    except AppError:
        await websocket.close(CloseCode.SHUTTING_DOWN)
        return
    connection = manager.connection(websocket)
    assert connection is not None
    try:
        await _Conversation(websocket, manager, connection, services, principal).serve()
    except WebSocketDisconnect:
        pass
    except asyncio.CancelledError:
        if connection.close_code is None:  # otherwise it was cancelled because its peer doesn't read
            raise
    finally:
        await manager.disconnect(websocket)


class _Conversation:
    """Handles what one client sends, frame by frame."""

    def __init__(
        self,
        websocket: WebSocket,
        manager: WebSocketManager,
        connection: Connection,
        services: Services,
        principal: Principal,
    ) -> None:
        self._websocket = websocket
        self._manager = manager
        self._connection = connection
        self._registry = services.of(BotRegistry)
        self._messages = services.of(MessagesService)
        self._principal = principal
        self._frames_in = websocket.app.state.metrics.ws_frames

    async def serve(self) -> None:
        """Read until the client leaves or we close; anything it sends after that is ignored."""
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect" or self._connection.close_code is not None:
                return
            text = message.get("text")
            if text is None:
                self._connection.close(CloseCode.BAD_FRAME)
            elif not self._connection.on_frame():
                self._connection.close(CloseCode.RATE_LIMITED)
            else:
                await self._take(text)

    async def _take(self, text: str) -> None:
        client_msg_id: str | None = None
        try:
            frame = _parsed(text)
            client_msg_id = _client_msg_id(frame)
            kind = frame.get("type")
            self._frames_in.labels("in", kind if isinstance(kind, str) and kind in _KNOWN_TYPES else "other").inc()
            await self._handle(kind, frame)
        except AppError as error:
            if error.detail:
                log.warning("frame_refused", code=error.code, detail=error.detail)
            self._manager.reply(self._connection, error_frame(error, client_msg_id=client_msg_id))
        except Exception:
            log.exception("frame_failed", user_id=self._principal.user_id)
            self._manager.reply(self._connection, error_frame(AppError(), client_msg_id=client_msg_id))

    async def _handle(self, kind: object, frame: dict[str, Any]) -> None:
        match kind:
            case "message":
                await self._submit(frame)
            case "hello":
                await self._manager.greet(self._connection, _hello(frame))
            case "typing_start":
                self._registry.get(_text(frame, "bot_name"))
            case "stop":
                await self._messages.stop(self._principal, _uuid(frame, "message_id"))
            case "ping":
                self._manager.reply(self._connection, {"type": "pong"})
            case "pong":
                pass  # any frame proves that the client is there
            case _:
                raise InvalidInput("is not a known frame type", field="type")

    async def _submit(self, frame: dict[str, Any]) -> None:
        data = frame.get("data")
        if not isinstance(data, dict):
            raise InvalidInput("must be an object", field="data")
        submission = await self._messages.submit(
            self._principal,
            bot_name=_text(data, "bot_name"),
            content=_text(data, "content"),
            client_msg_id=_client_msg_id(frame),
            message_type=_text(data, "message_type", default="text"),
            origin=self._connection.connection_id,
        )
        # A new message is acknowledged by its own event, in the order of the stream.
        if submission.is_duplicate and self._connection.is_v2:
            self._manager.reply(self._connection, duplicate_frame(submission))


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > MAX_FRAME_CHARS:
        raise PayloadTooLarge("The frame is too large.")
    try:
        # orjson refuses NaN, lone surrogates and deep nesting, without recursing.
        frame = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest("The frame is not valid JSON.") from error
    if not isinstance(frame, dict):
        raise MalformedRequest("A frame is a JSON object.")
    return frame


def _hello(frame: dict[str, Any]) -> Hello:
    if frame.get("v") != PROTOCOL_VERSION:
        raise InvalidInput("must be 2", field="v")
    client_id = _text(frame, "client_id")
    if not 1 <= len(client_id) <= MAX_CLIENT_ID_CHARS:
        raise InvalidInput(_("1 to {most} characters", most=MAX_CLIENT_ID_CHARS), field="client_id")
    since = frame.get("since")
    if since is None:
        return Hello(client_id=client_id, since=None)
    if not isinstance(since, dict):
        raise InvalidInput("must be an object", field="since")
    seq = since.get("seq")
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq < 2**62:
        raise InvalidInput("must be a number from 0 on", field="since.seq")
    return Hello(client_id=client_id, since=StreamPosition(epoch=_uuid(since, "epoch"), seq=seq))


def _text(values: dict[str, Any], field: str, *, default: str | None = None) -> str:
    value = values.get(field, default)
    if not isinstance(value, str):
        raise InvalidInput("must be a string", field=field)
    return value


def _uuid(values: dict[str, Any], field: str) -> UUID:
    try:
        return UUID(_text(values, field))
    except ValueError:
        raise InvalidInput("must be a UUID", field=field) from None


def _client_msg_id(frame: dict[str, Any]) -> str | None:
    data = frame.get("data")
    value = data.get("client_msg_id") if isinstance(data, dict) else None
    if value is not None and not isinstance(value, str):
        raise InvalidInput("must be a string", field="client_msg_id")
    return value
