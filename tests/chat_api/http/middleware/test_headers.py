"""The headers that every answer carries."""

from starlette.types import Receive, Scope, Send

from chat_api.core.metrics import Metrics
from chat_api.http.middleware.addresses import ForwardedAddresses
from chat_api.http.middleware.headers import HEADERS, SecurityHeaders
from chat_api.http.middleware.requests import RequestContext
from tests.chat_api.http.middleware.echo import client_of, echo


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    """An application with a defect."""
    raise RuntimeError("the password is hunter2")


async def test_every_answer_has_the_security_headers() -> None:
    """And those of the API are not kept by anybody on the way."""
    async with client_of(SecurityHeaders(echo)) as client:
        page, answer = await client.get("/"), await client.get("/api/me")
    for name, value in HEADERS.items():
        assert page.headers[name] == answer.headers[name] == value
    assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in page.headers


async def test_encrypted_answers_ask_to_stay_encrypted() -> None:
    """Behind a proxy that we trust to say so."""
    app = ForwardedAddresses(SecurityHeaders(echo), trusted_proxies=["10.0.0.1"])
    async with client_of(app, peer="10.0.0.1", headers={"X-Forwarded-Proto": "https"}) as client:
        assert (await client.get("/")).headers["strict-transport-security"]


async def test_a_defect_is_answered_calmly() -> None:
    """500 with a reference and the security headers, and not a word of what happened."""
    app = RequestContext(SecurityHeaders(broken), metrics=Metrics(), default_language="en")
    async with client_of(app) as client:
        answer = await client.get("/api/x")
    assert answer.status_code == 500
    error = answer.json()["error"]
    assert error["code"] == "internal_error"
    assert error["request_id"] == answer.headers["x-request-id"]
    assert "hunter2" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"]
