"""A route for the one door that everything passes through: FastAPI describes it, and plain ASGI serves it.

FastAPI solves dependencies and builds response models for every request anew, which costs more than all that the
message itself needs. Source: performance notes, "What a chat request costs". What is accepted and what is answered is
the same: the body's own model validates it, and the errors leave by the same handlers.
"""

from typing import Any, Generic, TypeVar

import orjson
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T", bound=BaseModel)


class HotRoute(APIRoute):
    """Serves a route whose endpoint takes a request and returns a response, without FastAPI's machinery.

    What the endpoint takes and gives is described to OpenAPI by ``openapi_extra`` and ``responses``.
    """

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        super().__init__(path, endpoint, **options)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            response: Response = await endpoint(Request(scope, receive))
            await response(scope, receive, send)

        self.app = serve


class JsonBody(Generic[T]):
    """Reads one model from a request's body, with the errors that FastAPI would raise."""

    def __init__(self, model: type[T]) -> None:
        self._validator = model.__pydantic_validator__

    async def read(self, request: Request) -> T:
        """The body. Raises: RequestValidationError."""
        body = await request.body()
        content_type = request.headers.get("content-type", "")
        if not content_type.partition(";")[0].strip().lower().endswith("json"):
            raise RequestValidationError(
                [{"type": "model_attributes_type", "loc": ("body",), "msg": "", "input": None}]
            )
        try:
            value: T = self._validator.validate_json(body, strict=True)
        except ValidationError as error:
            raise RequestValidationError(_located(error, body)) from None
        return value


def json_response(content: dict[str, Any]) -> Response:
    """A JSON answer, encoded once."""
    return Response(orjson.dumps(content), media_type="application/json")


def _located(error: ValidationError, body: bytes) -> list[dict[str, Any]]:
    try:
        from_json(body)
    except ValueError:
        return [_problem("json_invalid")]
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [{**problem, "loc": ("body", *problem["loc"])} for problem in found]


def _problem(kind: str) -> dict[str, Any]:
    return {"type": kind, "loc": ("body",), "msg": "", "input": None}
