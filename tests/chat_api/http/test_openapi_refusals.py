"""What the OpenAPI description says of refusals and names, looked at as a whole."""

import re

from tests.chat_api.http.test_openapi import operations
from tests.support.api import RunningApi


async def test_every_body_may_be_refused(door: RunningApi) -> None:
    """Each operation with a body says that it may be unreadable, too large, no JSON, or not valid.

    Below ``/v1`` what is not valid is a 400, as the clients of that API expect.
    """
    for name, operation in operations(door.app.openapi()):
        if "requestBody" in operation:
            refusals = {"400", "413", "415"} | (set() if " /v1/" in name else {"422"})
            assert refusals <= operation["responses"].keys(), name


async def test_every_error_is_told_once(door: RunningApi) -> None:
    """No answer names the same error twice."""
    for name, operation in operations(door.app.openapi()):
        for answer in operation["responses"].values():
            codes = re.findall(r"`(\w+)`:", answer["description"])
            assert len(codes) == len(set(codes)), (name, codes)


async def test_files_are_described_as_text(door: RunningApi) -> None:
    """A list that is also given as CSV says of what type that is."""
    for name, operation in operations(door.app.openapi()):
        content = operation["responses"].get("200", {}).get("content", {})
        assert content.get("text/csv", {"schema": {"type": "string"}}) == {"schema": {"type": "string"}}, name


async def test_no_schema_is_named_after_a_module(door: RunningApi) -> None:
    """Two models of one name would be told apart by where we keep them, and a moved file would break clients."""
    assert not [name for name in door.app.openapi()["components"]["schemas"] if "__" in name]
