"""A small server of WebSocket v2 in memory, for what a healthy one does not do: gaps, silence, lost acknowledgements.

What a healthy one does is tested against the real API, in ``tests/whisperengine_client/test_client.py``.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from chat_api.core.settings import Settings
from tests.support.api import running

NOW = "2026-11-22T22:48:52.386508+00:00"

Frame = dict[str, Any]


class ScriptedServer:
    """One user's stream. The fields below ``hellos`` make it misbehave; each word of ``script`` is used once."""

    def __init__(self) -> None:
        self.url = ""
        self.epoch = str(uuid4())
        self.events: list[Frame] = []
        self.hellos: list[Frame] = []
        self.frames: list[Frame] = []
        self.answers: list[tuple[int, Frame, dict[str, str]]] = []  # what REST calls are told first
        self.calls: list[tuple[str, str, str | None, Frame | None]] = []
        self.refusals: list[Frame] = []  # error frames for the next messages
        self.greetings: list[int] = []  # codes that the next connections are closed with
        self.max_replay = 300
        self.ping_s = 25.0
        self.is_silent = False
        self.is_deaf = False  # messages are neither stored nor refused
        self.is_ack_lost = False
        self._sockets: set[WebSocket] = set()

    @property
    def seq(self) -> int:
        """Where the stream stands."""
        return int(self.events[-1]["seq"]) if self.events else 0

    @property
    def socket_count(self) -> int:
        """How many have said hello and are there."""
        return len(self._sockets)

    async def append(self, kind: str, *, to: WebSocket | None = None, skipped: int = 0, **fields: Any) -> Frame:
        """Store an event, and tell everybody but ``to``. ``skipped`` numbers are left out of what is told."""
        frame = {"type": kind, "seq": self.seq + 1, **fields}
        if kind == "message":
            frame["data"] = {"timestamp": NOW, "seq": frame["seq"], **fields["data"]}
        self.events.append(frame)
        await self.tell(frame | {"seq": frame["seq"] + skipped}, but=to)
        return frame

    async def say(self, content: str, *, bot_name: str = "elena", role: str = "user", **data: Any) -> Frame:
        """A message or an answer."""
        said = {"role": role, "content": content, "bot_name": bot_name, "message_id": str(uuid4()), **data}
        return await self.append("message", data=said)

    async def tell(self, frame: Frame, *, but: WebSocket | None = None) -> None:
        """Send a frame to everybody."""
        for socket in self._sockets - {but}:
            await socket.send_json(frame)

    async def close(self, code: int) -> None:
        """Close every connection."""
        for socket in list(self._sockets):
            await socket.close(code)

    async def serve(self, socket: WebSocket) -> None:
        """One connection."""
        await socket.accept()
        hello = await socket.receive_json()
        self.hellos.append(hello)
        if self.greetings:
            await socket.close(self.greetings.pop(0))
            return
        limits = {"message_chars": 4000, "frame_chars": 64 * 1024}
        await socket.send_json(
            {"type": "welcome", "epoch": self.epoch, "seq": self.seq, "ping_s": self.ping_s, "limits": limits}
        )
        await self._resume(socket, hello.get("since"))
        self._sockets.add(socket)
        try:
            while True:
                frame = await socket.receive_json()
                self.frames.append(frame)
                await self._take(socket, frame)
        except WebSocketDisconnect:
            pass
        finally:
            self._sockets.discard(socket)

    async def _resume(self, socket: WebSocket, since: Frame | None) -> None:
        if since is None:
            return
        missed = [event for event in self.events if event["seq"] > since["seq"]]
        if since["epoch"] != self.epoch or len(missed) > self.max_replay:
            await socket.send_json({"type": "resync", "epoch": self.epoch, "seq": self.seq})
            return
        for event in missed:
            await socket.send_json(event)
        await socket.send_json({"type": "resumed", "seq": self.seq})

    async def _take(self, socket: WebSocket, frame: Frame) -> None:
        if frame["type"] == "ping" and not self.is_silent:
            await socket.send_json({"type": "pong"})
        if frame["type"] != "message" or self.is_deaf:
            return
        data = frame["data"]
        if self.refusals:
            await socket.send_json(
                {"type": "error", "client_msg_id": data["client_msg_id"], "message": "no", **self.refusals.pop(0)}
            )
            return
        known = next((event for event in self.events if _client_msg_id(event) == data["client_msg_id"]), None)
        status = "duplicate" if known else "stored"
        if known is None:
            message = {"role": "user", "message_id": str(uuid4()), **data}
            known = await self.append("message", to=socket, data=message)
        if self.is_ack_lost:
            self.is_ack_lost = False
            await socket.close(1011)
            return
        ack = {"client_msg_id": data["client_msg_id"], "message_id": known["data"]["message_id"], "seq": known["seq"]}
        await socket.send_json({"type": "ack", "status": status, **ack})


class _Lost(Response):
    """A reply of which only the beginning arrives."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin, and hang up."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


def _client_msg_id(event: Frame) -> str | None:
    data: Frame = event.get("data", {})
    return data.get("client_msg_id") if data.get("role") == "user" else None


def _line(event: Frame) -> Frame:
    return {"status": "answered", "reply_to": None, **event["data"], "seq": event["seq"]}


def _entry(bot_name: str, last: Frame) -> Frame:
    return {"bot_name": bot_name, "exchange_count": 1, "unread_count": 0, "read_up_to": 0, "last_message": last}


def _app(server: ScriptedServer) -> FastAPI:
    app = FastAPI()
    app.state.settings = Settings()

    def lines(bot_name: str) -> list[Frame]:
        said = [event for event in reversed(server.events) if event["type"] == "message"]
        return [_line(event) for event in said if event["data"]["bot_name"] == bot_name]

    @app.get("/api/conversations/{bot_name}/messages")
    async def messages(bot_name: str, limit: int, before: int = 2**62) -> Frame:
        found = [line for line in lines(bot_name) if line["seq"] < before]
        return {"messages": found[:limit], "next_before": found[limit - 1]["seq"] if len(found) > limit else None}

    @app.get("/api/messages/{message_id}")
    async def message(message_id: str) -> Response:
        for event in server.events:
            if event.get("data", {}).get("message_id") == message_id:
                return JSONResponse(_line(event))
        return JSONResponse({"error": {"code": "not_found", "message": "Not found."}}, 404)

    @app.get("/api/conversations")
    async def conversations() -> Frame:
        names = dict.fromkeys(event["data"]["bot_name"] for event in server.events if event["type"] == "message")
        entries = [_entry(name, lines(name)[0]) for name in names]
        return {"conversations": entries}

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def other(path: str, request: Request) -> Response:
        body = await request.json() if await request.body() else None
        server.calls.append((request.method, "/" + path, request.headers.get("idempotency-key"), body))
        status, answer, headers = server.answers.pop(0) if server.answers else (200, {"ticket": "wst_1"}, {})
        return JSONResponse(answer, status, headers) if status else _Lost()

    app.add_api_websocket_route("/ws/{token}", server.serve)
    return app


@asynccontextmanager
async def scripted_server() -> AsyncIterator[ScriptedServer]:
    """Run one on a free port while the block runs."""
    server = ScriptedServer()
    async with running(_app(server)) as url:
        server.url = url
        yield server
