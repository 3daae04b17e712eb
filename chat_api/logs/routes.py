"""Logs of bots, for operators' programs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from chat_api.core.errors import AppError
from chat_api.core.principals import Principal
from chat_api.engine.log_schemas import LogPage
from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import CONSOLE, errors
from chat_api.http.exports import also_as, attachment, csv_of
from chat_api.keys.access import KeyAccess
from chat_api.logs.bodies import LogAnswer, LogEntry
from chat_api.logs.service import LogService
from chat_api.logs.viewer import LogViewer
from chat_api.people.auth import AuthService

router = APIRouter(prefix="/api/admin", tags=["Logs and containers"])

Auth = Annotated[AuthService, service(AuthService)]
Keys = Annotated[KeyAccess, service(KeyAccess)]
Logs = Annotated[LogService, service(LogService)]

HOUR = timedelta(hours=1)
STREAM_LINES = 500
HEARTBEAT_S = 4.0
PAUSE_S = 0.1
_FAILURES = errors(*CONSOLE, "not_found", "invalid_input", "engine_failed", "engine_unavailable")

Bots = Annotated[str, Query(min_length=1, max_length=2600, description="Names, comma-separated.", examples=["elena"])]
Levels = Annotated[
    str, Query(max_length=60, description="Levels, comma-separated: `debug`, `info`, `warning`, `error`, `other`.")
]
Pattern = Annotated[str, Query(max_length=1000, description="A regular expression; small letters match large ones.")]


@router.get(
    "/logs",
    summary="Read logs back",
    response_model=LogAnswer,
    responses={
        **_FAILURES,
        200: {
            "content": {"text/csv": {"schema": {"type": "string"}}, "text/plain": {"schema": {"type": "string"}}},
            "description": "Lines of several bots, merged by time, oldest first.",
        },
    },
)
async def logs(
    principal: Admin,
    logs: Logs,
    bots: Bots,
    since: Annotated[datetime | None, Query(description="By default an hour before `until`.")] = None,
    until: Annotated[datetime | None, Query(description="By default now.")] = None,
    level: Levels = "",
    q: Pattern = "",
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    order: Annotated[Literal["newest", "oldest"], Query(description="Which end of the span to keep.")] = "newest",
    format: Annotated[Literal["json", "csv", "text"], Query()] = "json",
) -> Any:
    """The lines of a span, filtered; secrets are masked."""
    end = _aware(until) or datetime.now(UTC)
    page = await logs.history(
        principal,
        _names(bots),
        since=_aware(since) or max(end, datetime(1971, 1, 1, tzinfo=UTC)) - HOUR,
        until=end,
        levels=_names(level),
        pattern=q,
        limit=limit,
        newest=order == "newest",
    )
    return _rendered(page, format)


@router.get(
    "/logs/stream",
    summary="Follow logs",
    response_class=StreamingResponse,
    responses=also_as("text/event-stream", "Server-sent events.") | _FAILURES,
)
async def stream(
    principal: Admin, logs: Logs, auth: Auth, keys: Keys, bots: Bots, level: Levels = "", q: Pattern = ""
) -> StreamingResponse:
    """Events `lines` (a list), `counts` (`emitted = shown + dropped + waiting`, of matching lines) and `failed`.

    A slow reader loses its oldest lines, which `dropped` counts. Ends with the session, or the API key.
    """
    viewer = logs.watch(principal, _names(bots), levels=_names(level), pattern=q)
    return StreamingResponse(
        _events(partial(_is_live, auth, keys, principal), viewer),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _is_live(auth: AuthService, keys: KeyAccess, principal: Principal) -> bool:
    """Whether the session, or the API key, that a stream was opened with may still see it."""
    if principal.key is not None:
        return await keys.is_live(principal)
    return principal.session_id in await auth.living([principal.session_id])


async def _events(is_live: Callable[[], Awaitable[bool]], viewer: LogViewer) -> AsyncIterator[bytes]:
    try:
        while await is_live():
            heartbeat_s = asyncio.get_running_loop().time() + HEARTBEAT_S
            while (left_s := heartbeat_s - asyncio.get_running_loop().time()) > 0:
                if not await viewer.wait(timeout_s=left_s):
                    break
                batch = viewer.take(STREAM_LINES)
                if batch.lines:
                    yield _event(
                        "lines", [LogEntry.model_validate(line).model_dump(mode="json") for line in batch.lines]
                    )
                await asyncio.sleep(PAUSE_S)
            yield _event("counts", asdict(viewer.counts))
    except AppError as error:
        yield _event("failed", {"code": error.code, "message": error.message})
    finally:
        viewer.close()


def _event(name: str, data: object) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def _rendered(page: LogPage, kind: str) -> Response | LogAnswer:
    answer = LogAnswer.model_validate(page)
    if kind == "csv":
        return csv_of("logs", LogEntry, answer.lines)
    if kind == "text":
        lines = "".join(f"{entry.at.isoformat()} {entry.bot_name} {entry.text}\n" for entry in answer.lines)
        return PlainTextResponse(lines, headers=attachment("logs.txt"))
    return answer


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
