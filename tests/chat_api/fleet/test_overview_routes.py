"""The console's API: signing in, setting up, the status."""

import re

import pytest

from models import Role
from tests.support.api import ADMIN_PASSWORD, MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.shared_api import assert_error


async def test_an_administrator_signs_in_with_name_and_password(door: RunningApi, tokens: dict[str, str]) -> None:
    """The answer has the token and the role, the cookie is out of reach, and both open the console."""
    async with door.client() as client:
        answer = await client.post("/api/admin/login", json={"username": "test-admin", "password": ADMIN_PASSWORD})
        assert answer.status_code == 200
        body = answer.json()
        assert (body["username"], body["role"]) == ("test-admin", "admin")
        assert "httponly" in answer.headers["set-cookie"].lower()
        assert (await client.get("/api/admin/status")).status_code == 200
        assert (await client.post("/api/logout")).status_code == 200
        assert_error(await client.get("/api/admin/status"), 401)
    async with door.client(body["admin_token"]) as client:
        assert_error(await client.get("/api/admin/status"), 401)


@pytest.mark.parametrize("name", ["test-admin", "nobody", "\x00"])
async def test_a_wrong_password_says_nothing(door: RunningApi, tokens: dict[str, str], name: str) -> None:
    """The same answer whether or not there is somebody of that name."""
    async with door.client() as client:
        answer = await client.post("/api/admin/login", json={"username": name, "password": "wrong password"})
    assert assert_error(answer, 401)["message"] == "Incorrect username, password or code."
    assert "set-cookie" not in answer.headers


async def test_guessing_passwords_is_slow(make_settings: MakeSettings) -> None:
    """Ten attempts a minute from one address, whatever the general limit; setup codes count too."""
    async with running_api(make_settings()) as api, api.client() as client:
        await api.services.admin_setup.create_admin("root", ADMIN_PASSWORD)
        body = {"username": "root", "password": "wrong password"}
        statuses = [(await client.post("/api/admin/login", json=body)).status_code for _ in range(10)]
        assert statuses == [401] * 10
        refused = await client.post("/api/admin/login", json=body | {"password": ADMIN_PASSWORD})
        assert_error(refused, 429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 120
        setup = {"code": "0" * 16, "username": "mallory", "password": ADMIN_PASSWORD}
        assert_error(await client.post("/api/admin/setup", json=setup), 429)


async def test_the_first_administrator_is_made_with_the_printed_code(make_settings: MakeSettings) -> None:
    """The code works once, over the same door that the console uses."""
    async with running_api(make_settings()) as api, api.client() as client:
        body = {"code": api.app.state.setup_code, "username": "root", "password": ADMIN_PASSWORD}
        assert_error(await client.post("/api/admin/setup", json=body | {"code": "wrong"}), 401)
        assert_error(await client.post("/api/admin/setup", json=body | {"password": "short"}), 422)
        assert (await client.post("/api/admin/setup", json=body)).status_code == 200
        assert_error(await client.post("/api/admin/setup", json=body | {"username": "second"}), 401)
        login = await client.post("/api/admin/login", json={"username": "root", "password": ADMIN_PASSWORD})
        assert login.json()["role"] == Role.ADMIN


async def test_the_status_is_as_specified(door: RunningApi, tokens: dict[str, str]) -> None:
    """System, services with times in seconds, bots with their ports."""
    async with door.client(tokens["viewer"]) as client:

        async def checked() -> dict[str, dict[str, dict[str, object]]] | None:
            body: dict[str, dict[str, dict[str, object]]] = (await client.get("/api/admin/status")).json()
            is_online = {bot["status"] for bot in body["bots"].values()} == {"online"}
            return body if is_online and body["services"]["redis"]["status"] == "healthy" else None

        body = await eventually(checked)
    assert {"status", "uptime", "version"} <= body["system"].keys()
    assert re.fullmatch(r"(\d+d )?(\d+h )?\d+m( \d+s)?", str(body["system"]["uptime"]))
    assert body["services"].keys() == {"postgres", "redis", "qdrant", "docker"}
    response_time = body["services"]["postgres"]["response_time"]
    assert isinstance(response_time, float)
    assert 0 <= response_time < 60
    assert body["services"]["qdrant"] == {"status": "not_configured", "response_time": None, "fault": None}
    for bot in body["bots"].values():
        assert bot["health_check"] == "healthy"
        assert isinstance(bot["port"], int)
