"""The endpoint that every chat message uses: described by FastAPI, served by plain ASGI.

FastAPI resolves dependencies and builds response models anew for every request, which costs more than everything the
message itself needs. Source: performance notes, "What a chat request costs". What is accepted and what is answered is
the same: the endpoint's own models read the body and write the answer, and errors leave by the same handlers.
"""

import asyncio
import gzip
import json
import secrets
import time
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from chat_api.core.cookies import SESSION_COOKIE
from chat_api.core.errors import AppError, MalformedRequest, PayloadTooLarge, ShuttingDown
from chat_api.core.language import speak, wanted_language
from chat_api.core.logging import get_logger
from chat_api.core.metrics import Metrics
from chat_api.core.security import is_api_key
from chat_api.http.dependencies import address_of, as_user, bearer_token, by_api_key, cookie_of, services_of
from chat_api.http.errors import error_answer
from chat_api.http.middleware.addresses import ForwardedAddresses
from chat_api.http.middleware.body_limits import MAX_BODY_BYTES, check_announced, is_json
from chat_api.http.middleware.cors import Cors
from chat_api.http.middleware.encodings import smallest_compressed
from chat_api.http.middleware.headers import HEADERS, HSTS
from chat_api.http.middleware.origins import OriginGuard, foreign_origin
from chat_api.http.middleware.requests import ANSWER_HEADERS, account
from chat_api.messages.service import RESTART_S, MessagesService
from chat_api.people.auth import AuthService

log = get_logger(__name__)

RAW_HEADERS = [
    (name.lower().encode(), value.encode()) for name, value in (HEADERS | {"Cache-Control": "no-store"}).items()
]
RAW_HEADERS_SECURE = [*RAW_HEADERS, (b"strict-transport-security", HSTS.encode())]


class FastPathRoute(APIRoute):
    """An endpoint of the form ``(body, principal, messages, idempotency_key) -> answer``.

    ``body`` is the endpoint's only model, ``principal`` the signed-in user, as :meth:`AuthService.recognise` knows it.
    """

    async def answer(self, scope: Scope, receive: Receive) -> bytes:
        """The JSON answer to one request. Raises: AppError, RequestValidationError."""
        request = Request(scope)
        headers = request.headers
        services = services_of(request)
        address = address_of(request)
        token = bearer_token(request)
        if token is not None and is_api_key(token):
            principal = as_user(await by_api_key(request, token))
        else:
            principal = await services.of(AuthService).recognise(
                token or cookie_of(request, SESSION_COOKIE), address=address
            )
        body = await _body(headers.get("content-length", "0"), receive)
        answer: BaseModel = await self.endpoint(
            body=_read(body, headers.get("content-type", ""), self._model),
            principal=principal,
            messages=services.of(MessagesService),
            idempotency_key=headers.get("idempotency-key"),
        )
        return answer.__pydantic_serializer__.to_json(answer)

    @cached_property
    def _model(self) -> type[BaseModel]:
        assert self.body_field is not None
        return self.body_field.field_info.annotation  # type: ignore[return-value]


class FastPath:
    """Answers for the :class:`FastPathRoute` among an application's routes, before its middleware.

    Applies the same guard functions as the middleware, without one ASGI wrapper per guard.
    """

    def __init__(
        self,
        host: ASGIApp,
        routes: Iterable[FastPathRoute],
        *,
        addresses: ForwardedAddresses,
        origins: OriginGuard,
        cors: Cors,
        metrics: Metrics,
        default_language: str,
    ) -> None:
        self._host = host
        self._routes = {route.path: route for route in routes}
        self._addresses = addresses
        self._origins = origins
        self._cors = cors
        self._metrics = metrics
        self._default_language = default_language

    def route(self, scope: Scope) -> FastPathRoute | None:
        """The route that is to be served here."""
        return self._routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None

    async def serve(self, route: FastPathRoute, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, including its errors."""
        began_s = time.perf_counter()
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        bind_contextvars(request_id=request_id)  # never reset: the server runs each request in its own task
        scope["app"], scope["route"] = self._host, route
        self._addresses.believe(scope)
        speak(wanted_language(scope["headers"], default=self._default_language))
        cors = self._cors.headers(scope)
        if cors:
            self._cors.admit(scope)
        status, headers, body = await self._answer(route, scope, receive)
        fixed = RAW_HEADERS_SECURE if scope["scheme"] == "https" else RAW_HEADERS
        extra = scope["state"].get(ANSWER_HEADERS, ())
        headers = [*headers, *fixed, (b"x-request-id", request_id.encode()), *extra, *cors]
        if len(body) >= smallest_compressed(_header(scope, b"accept-encoding")):
            body = gzip.compress(body, compresslevel=6)
            headers = [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding"), *headers]
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        account(self._metrics, scope, status, time.perf_counter() - began_s)

    async def _answer(
        self, route: FastPathRoute, scope: Scope, receive: Receive
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Status, headers and body."""
        try:
            if not self._origins.is_allowed(scope):
                raise foreign_origin()
            return 200, [(b"content-type", b"application/json")], await route.answer(scope, receive)
        except (AppError, RequestValidationError) as error:
            response = await error_answer(Request(scope), error)
        except asyncio.CancelledError:  # by the server, at the end of the process
            response = await error_answer(Request(scope), ShuttingDown(retry_after_s=RESTART_S))
        except Exception:
            log.exception("request_failed", path=route.path)
            response = await error_answer(Request(scope), AppError())
        kept = [header for header in response.raw_headers if header[0] != b"content-length"]
        return response.status_code, kept, bytes(response.body)


def _header(scope: Scope, name: bytes) -> bytes:
    return b",".join(value for key, value in scope["headers"] if key == name)


async def _body(announced: str, receive: Receive) -> bytes:
    """The whole body. Raises: PayloadTooLarge, MalformedRequest."""
    check_announced(announced)
    chunks: list[bytes] = []
    received = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise MalformedRequest
        chunk = message.get("body", b"")
        received += len(chunk)
        if received > MAX_BODY_BYTES:
            raise PayloadTooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _read(body: bytes, content_type: str, model: type[BaseModel]) -> BaseModel:
    """What a body says. Raises: RequestValidationError, as FastAPI would."""
    if not is_json(content_type):
        raise RequestValidationError([_problem("model_attributes_type")])
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if error.errors(include_url=False, include_input=False)[0]["type"] != "json_invalid":
            raise RequestValidationError(_located(error)) from None
    # The fast parser refuses some valid JSON, such as a lone surrogate: then a field is invalid, not the body.
    try:
        return model.model_validate(json.loads(body) if body else None)
    except ValidationError as error:
        raise RequestValidationError(_located(error)) from None
    except (ValueError, RecursionError):
        raise RequestValidationError([_problem("json_invalid")]) from None


def _located(error: ValidationError) -> list[dict[str, Any]]:
    found = error.errors(include_url=False, include_input=False)
    return [{**problem, "loc": ("body", *problem["loc"])} for problem in found]


def _problem(kind: str) -> dict[str, Any]:
    return {"type": kind, "loc": ("body",), "msg": "", "input": None}
