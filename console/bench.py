"""``bench``: what the chat path costs, as ratios to baselines measured in the same run.

Everything is real and runs beside each other on this machine: the product (``serve`` with embedded servers: token,
limit, durable before and after the bot), a bare proxy that stores nothing, and a bot that answers at once. Only the
ratios mean anything on another machine. Source of the targets: the performance notes, "Targets".
"""

import asyncio
import json
import os
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from chat_api.core.child_process import ChildProcess, log_tail
from chat_api.core.errors import Unavailable
from console.bench_servers import read_response
from console.terminal import say

CONCURRENCY = 32
ROUNDS = 2  # alternating, so that a busy moment of the machine meets both
START_TIMEOUT_S = 60.0
PROJECT = Path(__file__).resolve().parent.parent
TARGET_RATIO = 0.35
TARGET_ADDED_MS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One measurement: answers a second, and the time an answer took."""

    per_second: float
    median_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the result."""

    name: str
    value: float
    unit: str
    target: str = ""


async def run_bench(*, is_json: bool, seconds: float) -> int:
    """Start what is needed in a temporary folder, measure, print. Returns the exit code; targets do not fail it."""
    with tempfile.TemporaryDirectory(prefix="we-bench-") as folder:
        async with _parts(Path(folder)) as (bot, proxy, product):
            rows = await _measure(bot, proxy, product, seconds=seconds)
    if is_json:
        say(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        say(*(f"{row.name:<52} {row.value:>10.2f} {row.unit:<10} {row.target}" for row in rows))
    return 0


async def _measure(bot: int, proxy: int, product: int, *, seconds: float) -> list[Row]:
    anonymous = [_chat_request(user) for user in range(CONCURRENCY)]
    signed_in = [_chat_request(user, token=await _sign_in(product, user)) for user in range(CONCURRENCY)]
    await _load(product, signed_in, seconds=min(1.0, seconds))  # connections and caches
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append((await _load(proxy, anonymous, seconds=seconds)).per_second)
        ours.append((await _load(product, signed_in, seconds=seconds)).per_second)
    direct = await _load(bot, anonymous[:1], seconds=seconds / 2)
    single = await _load(product, signed_in[:1], seconds=seconds / 2)
    bare_rate, rate = statistics.mean(bare), statistics.mean(ours)
    return [
        Row(name=f"bare proxy, stores nothing, {CONCURRENCY} at once", value=bare_rate, unit="answers/s"),
        Row(name=f"REST chat, everything on, {CONCURRENCY} at once", value=rate, unit="answers/s"),
        Row(name="ratio", value=rate / bare_rate, unit="x", target=f"target >= {TARGET_RATIO}"),
        Row(name="bot alone, one at a time, median", value=direct.median_ms, unit="ms"),
        Row(name="REST chat, one at a time, median", value=single.median_ms, unit="ms"),
        Row(
            name="added to the bot's own time, median",
            value=single.median_ms - direct.median_ms,
            unit="ms",
            target=f"target <= {TARGET_ADDED_MS:g}",
        ),
        Row(name="REST chat, one at a time, p99", value=single.p99_ms, unit="ms"),
    ]


async def _load(port: int, requests: Sequence[bytes], *, seconds: float) -> Load:
    """Send each of ``requests`` again and again on a connection of its own for ``seconds``.

    Raises: Unavailable when an answer is not 200: then the figures would mean nothing.
    """
    times_ms: list[float] = []
    ends_at = time.perf_counter() + seconds

    async def repeat(request: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < ends_at:
            writer.write(request)
            status, body = await read_response(reader)
            if status != 200:
                raise Unavailable(detail=f"port {port} answered {status}: {body[:200]!r}")
            times_ms.append((time.perf_counter() - began) * 1000)
        writer.close()

    began = time.perf_counter()
    async with asyncio.timeout(seconds + START_TIMEOUT_S):
        await asyncio.gather(*map(repeat, requests))
    passed_s = time.perf_counter() - began
    times_ms.sort()
    p99 = times_ms[int(len(times_ms) * 0.99)]
    return Load(per_second=len(times_ms) / passed_s, median_ms=statistics.median(times_ms), p99_ms=p99)


async def _sign_in(port: int, user: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request("/api/login", {"username": f"bench{user}"}))
    status, body = await read_response(reader)
    writer.close()
    if status != 200:
        raise Unavailable(detail=f"login answered {status}: {body[:200]!r}")
    return str(json.loads(body)["session_token"])


def _chat_request(user: int, *, token: str | None = None) -> bytes:
    body = {"content": "What do you see down there?", "bot_name": "bench", "message_type": "text"}
    return _request("/api/chat", body | {"message": body["content"], "user_id": f"bench{user}"}, token=token)


def _request(path: str, body: dict[str, str], *, token: str | None = None) -> bytes:
    content = json.dumps(body).encode()
    headers = {"host": "localhost", "content-type": "application/json", "content-length": str(len(content))}
    if token:
        headers["authorization"] = f"Bearer {token}"
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + content


@asynccontextmanager
async def _parts(folder: Path) -> AsyncIterator[tuple[int, int, int]]:
    """The ports of a bot, a bare proxy and the product, each a process of its own."""
    bot, proxy, product = _free_ports(3)
    fleet = folder / "bots.json"
    fleet.write_text(json.dumps([{"name": "bench", "url": f"http://127.0.0.1:{bot}"}]))
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}} | {
        "BENCH_BOT_PORT": str(bot),
        "BOTS_CONFIG": str(fleet),
        "WEB_UI_HOST": "127.0.0.1",
        "WEB_UI_PORT": str(product),
        "WEB_UI_STATE_DIR": str(folder / "state"),
        "RATE_LIMIT_REQUESTS_PER_MINUTE": "100000000",
        "LOG_LEVEL": "WARNING",
    }
    uvicorn = [sys.executable, "-m", "uvicorn", "--log-level", "warning", "--timeout-keep-alive", "600"]
    commands = {
        bot: [*uvicorn, "--port", str(bot), "console.bench_servers:instant_bot"],
        proxy: [*uvicorn, "--port", str(proxy), "console.bench_servers:bare_proxy"],
        product: [sys.executable, "-m", "console.cli", "serve"],
    }
    children: list[ChildProcess] = []
    try:
        for port, command in commands.items():
            log = folder / f"{port}.log"
            children.append(ChildProcess.start(command, log=log, env=env, cwd=PROJECT))
            await _answering(port, children[-1], log)
        yield bot, proxy, product
    finally:
        await asyncio.gather(*(child.stop(signal.SIGTERM, grace_s=30.0) for child in children))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(held.getsockname()[1]) for held in sockets]
    for held in sockets:
        held.close()
    return ports


async def _answering(port: int, child: ChildProcess, log: Path) -> None:
    """Wait until a process answers HTTP. Raises: Unavailable with the end of its log."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while child.exit_code is None and time.monotonic() < deadline:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            if await reader.read(12):
                writer.close()
                return
        except OSError:
            pass
        await asyncio.sleep(0.05)
    raise Unavailable(detail=f"did not start:\n{log_tail(log)}")
