"""Calls of the REST API: repeated where that cannot do anything twice, every failure translated."""

import asyncio
import json
from collections.abc import Mapping
from enum import StrEnum
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from whisperengine_client.errors import (
    ChatError,
    Conflict,
    InvalidInput,
    ServerFailed,
    TryLater,
    Unreachable,
    error_of_status,
)
from whisperengine_client.retry_policy import RetryPolicy, at_least

PENDING_WAIT_S = 2.0  # At most so long between two looks at a message that another process answers.


class Repeat(StrEnum):
    """When a call may be made again by itself."""

    NEVER = "never"
    UNSEEN = "unseen"  # where the server has certainly done nothing
    ALWAYS = "always"  # where the reply was lost, too: doing it twice is the same as once
    UNTIL_ANSWERED = "until answered"  # and while another process of the server is at it


class BorrowedTransport(httpx.AsyncBaseTransport):
    """A transport that several clients share, and none of them closes."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on."""
        return await self._transport.handle_async_request(request)


class Http:
    """One server's API, with the token of one user."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None,
        timeout_s: float,
        retry_policy: RetryPolicy,
        transport: httpx.AsyncBaseTransport | None,
        trust_env: bool,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.token = token
        self.retry_policy = retry_policy
        self._client = httpx.AsyncClient(
            base_url=self.base_url,
            timeout=timeout_s,
            trust_env=trust_env,
            transport=BorrowedTransport(transport) if transport else None,
            # Only the token says who asks: a cookie of an earlier login would bring back an earlier user.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: Repeat = Repeat.ALWAYS,
    ) -> dict[str, Any]:
        """The JSON object that the server answers, after as many attempts as ``repeat`` and the retry policy allow.

        Raises: ChatError, whatever went wrong.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.retry_policy.total_s
        was_unreachable = False
        for wait_s in self.retry_policy.waits():
            try:
                return await self._attempt(method, path, body, params, headers)
            except ChatError as error:
                error.was_repeated = was_unreachable
                pause_s = _pause_s(error, repeat, wait_s)
                if pause_s is None or loop.time() + pause_s > deadline:
                    raise
                was_unreachable = was_unreachable or isinstance(error, Unreachable)
            await asyncio.sleep(pause_s)
        raise AssertionError("the waits have no end")

    async def _attempt(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        params: Mapping[str, str | int] | None,
        headers: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        sent = {"Accept": "application/json", **(headers or {})}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        content = None
        if body is not None:
            content = dumped(body)
            sent["Content-Type"] = "application/json"
        try:
            answer = await self._client.request(method, path, content=content, params=params, headers=sent)
        except (httpx.HTTPError, OSError) as error:
            is_unseen = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            code = "not_connected" if is_unseen else "reply_lost"
            raise Unreachable(f"{method} {path}: {type(error).__name__}", code=code) from error
        return _read(answer)


def dumped(body: Mapping[str, Any]) -> bytes:
    """JSON. Raises: InvalidInput for what JSON cannot hold, such as half of a surrogate pair."""
    try:
        return json.dumps(dict(body), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:  # a UnicodeEncodeError is a ValueError
        raise InvalidInput(f"This cannot be sent as JSON: {error}") from error


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = json.loads(answer.content) if answer.content else {}
    except (ValueError, RecursionError):
        body = None
    if answer.is_success:
        if isinstance(body, dict):
            return body
        raise ServerFailed("The server's answer is not a JSON object.", status=answer.status_code)
    error = body.get("error") if isinstance(body, dict) else None
    raise error_of_status(
        answer.status_code, error if isinstance(error, dict) else {}, retry_after_s=_retry_after_s(answer)
    )


def _retry_after_s(answer: httpx.Response) -> float | None:
    try:
        return float(answer.headers["Retry-After"])
    except (KeyError, ValueError):
        return None  # a proxy may send a date instead


def _pause_s(error: ChatError, repeat: Repeat, wait_s: float) -> float | None:
    """Seconds until the next attempt, ``None`` where there must be none."""
    if repeat is Repeat.NEVER:
        return None
    if isinstance(error, Unreachable):
        return wait_s if repeat is not Repeat.UNSEEN or error.code == "not_connected" else None
    if isinstance(error, Conflict):
        return min(wait_s, PENDING_WAIT_S) if repeat is Repeat.UNTIL_ANSWERED else None
    if isinstance(error, TryLater):
        # Without a code it was said by a proxy, which does not tell how far the request had come.
        return at_least(error.retry_after_s, wait_s) if error.code or repeat is not Repeat.UNSEEN else None
    return None
