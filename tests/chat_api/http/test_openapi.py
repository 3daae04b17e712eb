"""The OpenAPI description: complete, and true of the running API."""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.result import Ok

from chat_api.app import create_app
from tests.support.api import MakeSettings, RunningApi


def no_bug(_: object, response: schemathesis.Response, __: object) -> None:
    """A 503 in the description says what is away, as the container engine is here; a 500 is a bug."""
    assert response.status_code != HTTPStatus.INTERNAL_SERVER_ERROR


CHECKS = [
    no_bug,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
# Who asks next would be signed out, or find the chat in maintenance.
UNSETTLING = {
    "/api/logout",
    "/api/admin/settings/{name}",
    "/api/admin/announcement",
    "/api/admin/features/{name}",
    "/api/admin/maintenance",
}
DETERMINISTIC: dict[str, Any] = {"deadline": None, "derandomize": True, "database": None, "phases": [Phase.generate]}


def operations(description: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation with a name for messages."""
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


async def test_every_operation_is_described(door: RunningApi) -> None:
    """A summary, a description, and each error in the one shape that errors have."""
    async with door.client() as client:
        description = (await client.get("/openapi.json")).json()
    names = dict(operations(description))
    assert len(names) >= 15
    for name, operation in names.items():
        assert operation["summary"], name
        assert operation["description"], name
        failures = {code: answer for code, answer in operation["responses"].items() if int(code) >= 400}
        assert failures, name
        for code, answer in failures.items():
            shape = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            usual = "OpenAIErrorBody" if " /v1/" in name else "ErrorBody"
            assert shape == ("ReadyAnswer" if name == "GET /health/ready" else usual), (name, code)
            assert answer["description"]
    assert "HTTPValidationError" not in description["components"]["schemas"]


async def test_every_body_has_examples(door: RunningApi) -> None:
    """For each of its fields; what a reader copies is what works."""
    schemas = door.app.openapi()["components"]["schemas"]
    given = [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for _, operation in operations(door.app.openapi())
        if "requestBody" in operation
    ]
    bodies = [schemas[body["$ref"].rpartition("/")[2]] if "$ref" in body else body for body in given]
    assert bodies
    for body in bodies:
        for field, schema in body["properties"].items():
            assert schema["examples"], (body["title"], field)


# Hypothesis sees that somebody draws random numbers while it generates: the server, which shares our process.
@pytest.mark.filterwarnings("ignore:.*random.*:hypothesis.errors.HypothesisDeprecationWarning")
@pytest.mark.parametrize("role", ["user", "admin", "key", None])
async def test_the_description_is_true(door: RunningApi, tokens: dict[str, str], role: str | None) -> None:
    """Whatever is sent, after the description or against it, the answer is one that the description has."""
    headers = {"Authorization": f"Bearer {tokens[role]}"} if role else {}
    description = schemathesis.openapi.from_dict(door.app.openapi())
    found: list[Any] = [found.ok() for found in description.get_all_operations() if isinstance(found, Ok)]
    assert len(found) >= 15
    requests = st.one_of(
        *(
            operation.as_strategy(generation_mode=mode)
            for operation in found
            if operation.path not in UNSETTLING
            for mode in schemathesis.GenerationMode
        )
    )

    @settings(max_examples=150, suppress_health_check=list(HealthCheck), **DETERMINISTIC)
    @given(case=requests)
    def check(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(base_url=door.url, headers=headers, checks=CHECKS)

    # In a thread, because it waits for answers that this loop gives.
    await asyncio.to_thread(check)


async def test_the_description_is_made_beside_the_loop(make_settings: MakeSettings) -> None:
    """It takes a second of a processor, and anybody may ask for it: meanwhile everybody else is served."""
    app = create_app(make_settings())
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    counting = asyncio.create_task(count())
    first, second = await asyncio.gather(app.described(), app.described())
    counting.cancel()
    assert first is second
    assert turns > 1
