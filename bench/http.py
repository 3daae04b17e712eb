"""HTTP/1.1 as the bench speaks it: requests made once as bytes, answers read with as little work as possible."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from chat_api.core.errors import Unavailable

TIMEOUT_S = 30.0
HOST = "127.0.0.1"


def request_bytes(
    method: str, path: str, *, body: object = None, token: str | None = None, headers: Mapping[str, str] | None = None
) -> bytes:
    """A whole request; ``body`` goes as JSON, ``token`` as a bearer token."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", f"host: {HOST}"]
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(content)}"]
    if token:
        lines.append(f"authorization: Bearer {token}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def response_size(data: bytes | bytearray) -> tuple[int, int, int] | None:
    """The status of an answer, where its body begins and where it ends; ``None`` while its head is incomplete.

    One that is sent in chunks ends with the data, once its last chunk is there.
    Raises: Unavailable when nothing tells where it ends.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = data[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at < 0 and b"transfer-encoding: chunked" in head:
        return (int(data[9:12]), end + 4, len(data)) if data.endswith(b"\r\n0\r\n\r\n") else None
    if at < 0:
        raise Unavailable(detail=f"an answer without a length: {bytes(data[:200])!r}")
    stop = head.find(b"\r\n", at + 2)
    length = int(head[at + 17 : stop if stop > 0 else end])
    return int(data[9:12]), end + 4, end + 4 + length


async def read_response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer with a ``Content-Length``: its status and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    start = head.index(b"content-length:") + len(b"content-length:")
    return int(head[9:12]), await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))


async def fetch(port: int, request: bytes) -> bytes:
    """Send one request on a connection of its own. Returns: the body. Raises: Unavailable when it is no success."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(request)
            status, body = await read_response(reader)
            writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        raise Unavailable(detail=f"port {port} did not answer: {type(error).__name__}") from error
    if not 200 <= status < 300:
        raise Unavailable(detail=f"port {port} answered {status} to {request[:60]!r}: {body[:200]!r}")
    return body


async def fetch_json(port: int, request: bytes) -> Any:
    """What :func:`fetch` returns, read as JSON."""
    return json.loads(await fetch(port, request))
