"""The one door that everything passes through: FastAPI describes it, and plain ASGI serves it.

FastAPI solves dependencies and builds response models for every request anew, which costs more than all that the
message itself needs. Source: performance notes, "What a chat request costs". What is accepted and what is answered is
the same: the endpoint's own models read the body and write the answer, and errors leave by the same handlers.
"""

import json
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from chat_api.core.cookies import SESSION_COOKIE
from chat_api.core.errors import AppError
from chat_api.routes.dependencies import address_of, cookie_of, services_of
from chat_api.routes.errors import error_answer


class HotRoute(APIRoute):
    """An endpoint of the form ``(body, principal, services, idempotency_key) -> answer``.

    ``body`` is the endpoint's only model, ``principal`` the signed-in user, as :meth:`AuthService.recognise` knows it.
    """

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        services = services_of(request)
        principal = await services.auth.recognise(_token(request), address=address_of(request))
        answer: BaseModel = await self.endpoint(
            body=await _read(request, self.body_field.field_info.annotation),  # type: ignore[union-attr, arg-type]
            principal=principal,
            services=services,
            idempotency_key=request.headers.get("idempotency-key"),
        )
        content = answer.__pydantic_serializer__.to_json(answer)
        await Response(content, media_type="application/json")(scope, receive, send)


class HotDoor:
    """Stands behind the guards and before the framework, and answers for the :class:`HotRoute` among its routes."""

    def __init__(self, app: ASGIApp, *, host: FastAPI, routes: dict[str, HotRoute]) -> None:
        self._app = app
        self._host = host
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a hot route, or go on."""
        route = self._routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if route is None:
            return await self._app(scope, receive, send)
        scope["route"], scope["app"] = route, self._host
        try:
            await route.serve(scope, receive, send)
        except (AppError, RequestValidationError) as error:
            response = await error_answer(Request(scope, receive), error)
            await response(scope, receive, send)


def _token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else cookie_of(request, SESSION_COOKIE)


async def _read(request: Request, model: type[BaseModel]) -> BaseModel:
    """The body. Raises: RequestValidationError, as FastAPI would."""
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    if not content_type.partition(";")[0].strip().lower().endswith("json"):
        raise RequestValidationError([_problem("model_attributes_type")])
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if error.errors(include_url=False, include_input=False)[0]["type"] != "json_invalid":
            raise RequestValidationError(_located(error)) from None
    # What the fast reader refuses may still be JSON to the letter, such as a lone surrogate: then a field is at fault.
    try:
        return model.model_validate(json.loads(body) if body else None)
    except ValidationError as error:
        raise RequestValidationError(_located(error)) from None
    except (ValueError, RecursionError):
        raise RequestValidationError([_problem("json_invalid")]) from None


def _located(error: ValidationError) -> list[dict[str, Any]]:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [{**problem, "loc": ("body", *problem["loc"])} for problem in found]


def _problem(kind: str) -> dict[str, Any]:
    return {"type": kind, "loc": ("body",), "msg": "", "input": None}
