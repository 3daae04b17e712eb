"""Who may do what: nothing without credentials, nothing with somebody else's."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import text
from starlette.routing import BaseRoute

from chat_api.core.database import Database
from chat_api.core.principals import LEAST_ROLE, OF_USERS, Permission, Principal
from chat_api.core.security import is_api_key
from models import Role
from tests.support.api import ADMIN_PASSWORD, RunningApi
from tests.support.shared_api import assert_error

# What a stranger may use, and why there is nothing to steal there.
OPEN = {
    ("POST", "/api/login"),
    ("POST", "/api/logout"),  # ends only what comes with the request
    ("POST", "/api/admin/login"),
    ("POST", "/api/admin/setup"),  # asks for the code
    ("GET", "/api/bots"),  # the specification has it without a token
    ("GET", "/health"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),  # loopback; see test_health
    ("GET", "/api/announcement"),  # shown before a login
}
USERS = {
    ("GET", "/api/me"),
    ("GET", "/api/keys"),
    ("POST", "/api/keys"),
    ("PUT", "/api/keys/{key_id}"),
    ("POST", "/api/keys/{key_id}/rotate"),
    ("DELETE", "/api/keys/{key_id}"),
    ("GET", "/api/keys/{key_id}/usage"),
    ("POST", "/api/chat"),
    ("POST", "/api/chat/{message_id}/retry"),
    ("GET", "/api/conversations"),
    ("GET", "/api/conversations/{bot_name}/messages"),
    ("PUT", "/api/conversations/{bot_name}/read"),
    ("POST", "/api/chat/{message_id}/stop"),
    ("GET", "/api/stream"),
    ("POST", "/api/ws-ticket"),
    ("GET", "/api/messages/{message_id}"),
    ("PATCH", "/api/messages/{message_id}"),
    ("DELETE", "/api/messages/{message_id}"),
    ("PUT", "/api/messages/{message_id}/reactions/{emoji}"),
    ("DELETE", "/api/messages/{message_id}/reactions/{emoji}"),
    ("GET", "/api/users/me/memories"),
    ("DELETE", "/api/users/me/memories"),
    ("GET", "/api/users/me/memories/receipts"),
    ("POST", "/api/users/me/memories/receipts/{receipt_id}/retry"),
}
ADMINS = {
    ("GET", "/api/me"),
    ("GET", "/api/keys"),
    ("POST", "/api/keys"),
    ("PUT", "/api/keys/{key_id}"),
    ("POST", "/api/keys/{key_id}/rotate"),
    ("DELETE", "/api/keys/{key_id}"),
    ("GET", "/api/keys/{key_id}/usage"),
    ("GET", "/api/admin/keys"),
    ("GET", "/api/admin/status"),
    ("GET", "/api/admin/audit"),
    ("GET", "/api/admin/bots/{bot_name}/impact"),
    ("POST", "/api/admin/bots/{bot_name}/restart"),
    ("DELETE", "/api/admin/bots/{bot_name}"),
    ("GET", "/api/admin/bots/{bot_name}/series"),
    ("GET", "/api/admin/bots/{bot_name}/uptime"),
    ("GET", "/api/admin/bots/{bot_name}/intervals"),
    ("GET", "/api/admin/services/{name}/series"),
    ("GET", "/api/admin/services/{name}/uptime"),
    ("GET", "/api/admin/services/{name}/intervals"),
    ("GET", "/api/admin/series/{name}"),
    ("GET", "/api/admin/fleet-data"),
    ("GET", "/api/admin/fleet-data/anatomy"),
    ("GET", "/api/admin/fleet-data/queues"),
    ("POST", "/api/admin/bots/{bot_name}/start"),
    ("POST", "/api/admin/bots/{bot_name}/stop"),
    ("POST", "/api/admin/bots/actions"),
    ("GET", "/api/admin/restarts"),
    ("POST", "/api/admin/rolling-restarts/preview"),
    ("POST", "/api/admin/rolling-restarts"),
    ("GET", "/api/admin/rolling-restarts"),
    ("GET", "/api/admin/rolling-restarts/{rolling_id}"),
    ("POST", "/api/admin/rolling-restarts/{rolling_id}/abort"),
    ("GET", "/api/admin/bots/{bot_name}/policy"),
    ("PATCH", "/api/admin/bots/{bot_name}/policy"),
    ("POST", "/api/admin/bots/{bot_name}/quarantine/release"),
    ("GET", "/api/admin/incidents"),
    ("GET", "/api/admin/incidents/{incident_id}"),
    ("GET", "/api/admin/incidents/{incident_id}/export"),
    ("POST", "/api/admin/incidents/{incident_id}/acknowledge"),
    ("POST", "/api/admin/incidents/{incident_id}/notes"),
    ("GET", "/api/admin/changes"),
    ("GET", "/api/admin/bots/{bot_name}/changes"),
    ("GET", "/api/admin/matrix"),
    ("GET", "/api/admin/alerts"),
    ("POST", "/api/admin/alerts/{alert_id}/silence"),
    ("DELETE", "/api/admin/alerts/{alert_id}/silence"),
    ("GET", "/api/admin/alert-rules"),
    ("GET", "/api/admin/alert-subjects"),
    ("POST", "/api/admin/alert-rules"),
    ("PUT", "/api/admin/alert-rules/{rule_id}"),
    ("DELETE", "/api/admin/alert-rules/{rule_id}"),
    ("GET", "/api/admin/alert-channels"),
    ("POST", "/api/admin/alert-channels"),
    ("PUT", "/api/admin/alert-channels/{channel_id}"),
    ("DELETE", "/api/admin/alert-channels/{channel_id}"),
    ("POST", "/api/admin/alert-channels/{channel_id}/test"),
    ("GET", "/api/admin/maintenance-windows"),
    ("POST", "/api/admin/maintenance-windows"),
    ("PUT", "/api/admin/maintenance-windows/{window_id}"),
    ("DELETE", "/api/admin/maintenance-windows/{window_id}"),
    ("GET", "/api/admin/notifications"),
    ("GET", "/api/admin/bots"),
    ("GET", "/api/admin/bots/{bot_name}"),
    ("POST", "/api/admin/bots/{bot_name}/try"),
    ("GET", "/api/admin/logs"),
    ("GET", "/api/admin/logs/stream"),
    ("GET", "/api/admin/bots/{bot_name}/container"),
    ("POST", "/api/admin/bots/{bot_name}/merge"),
    ("GET", "/api/admin/adoption"),
    ("POST", "/api/admin/adoption"),
    ("POST", "/api/admin/adoption/release"),
    ("GET", "/api/admin/parts"),
    ("POST", "/api/admin/parts/{container}/{action}"),
    ("GET", "/api/admin/bots/{bot_name}/usage"),
    ("GET", "/api/admin/users"),
    ("GET", "/api/admin/users/{user_id}"),
    ("DELETE", "/api/admin/users/{user_id}"),
    ("GET", "/api/admin/users/{user_id}/sessions"),
    ("DELETE", "/api/admin/users/{user_id}/sessions"),
    ("DELETE", "/api/admin/users/{user_id}/sessions/{session_id}"),
    ("POST", "/api/admin/users/{user_id}/ban"),
    ("POST", "/api/admin/users/{user_id}/unban"),
    ("POST", "/api/admin/users/{user_id}/merge"),
    ("POST", "/api/admin/users/{user_id}/export"),
    ("POST", "/api/admin/users/{user_id}/memories/read"),
    ("POST", "/api/admin/users/{user_id}/memories/erase"),
    ("GET", "/api/admin/users/{user_id}/memories/receipts"),
    ("GET", "/api/admin/memory-receipts"),
    ("GET", "/api/admin/memory-receipts/{receipt_id}"),
    ("POST", "/api/admin/memory-receipts/{receipt_id}/retry"),
    ("GET", "/api/admin/admins"),
    ("PUT", "/api/admin/admins/{admin_id}/role"),
    ("PUT", "/api/admin/admins/{admin_id}/enabled"),
    ("DELETE", "/api/admin/admins/{admin_id}/sessions"),
    ("POST", "/api/admin/conversations/search"),
    ("POST", "/api/admin/conversations/{user_id}/{bot_name}/read"),
    ("POST", "/api/admin/conversations/{user_id}/{bot_name}/export"),
    ("POST", "/api/admin/conversations/{user_id}/{bot_name}/delete"),
    ("GET", "/api/admin/analytics/usage"),
    ("GET", "/api/admin/analytics/bots"),
    ("GET", "/api/admin/analytics/retention"),
    ("GET", "/api/admin/settings"),
    ("PUT", "/api/admin/settings/{name}"),
    ("DELETE", "/api/admin/settings/{name}"),
    ("GET", "/api/admin/announcement"),
    ("PUT", "/api/admin/announcement"),
    ("GET", "/api/admin/features"),
    ("GET", "/api/admin/features/{name}"),
    ("PUT", "/api/admin/features/{name}"),
    ("GET", "/api/admin/maintenance"),
    ("PUT", "/api/admin/maintenance"),
    ("GET", "/api/admin/reports/{day}"),
    ("GET", "/api/admin/reports/{day}.md"),
    ("GET", "/api/admin/report-schedule"),
    ("PUT", "/api/admin/report-schedule"),
    ("GET", "/api/admin/restart-schedules"),
    ("POST", "/api/admin/restart-schedules"),
    ("PUT", "/api/admin/restart-schedules/{schedule_id}"),
    ("POST", "/api/admin/restart-schedules/{schedule_id}/pause"),
    ("POST", "/api/admin/restart-schedules/{schedule_id}/resume"),
    ("DELETE", "/api/admin/restart-schedules/{schedule_id}"),
    ("GET", "/api/admin/check-suites"),
    ("POST", "/api/admin/check-suites"),
    ("PUT", "/api/admin/check-suites/{suite_id}"),
    ("DELETE", "/api/admin/check-suites/{suite_id}"),
    ("POST", "/api/admin/check-suites/{suite_id}/runs"),
    ("GET", "/api/admin/check-runs"),
    ("GET", "/api/admin/check-runs/{run_id}"),
    ("POST", "/api/admin/check-runs/{run_id}/stop"),
    ("GET", "/api/admin/system"),
    ("GET", "/api/admin/system/slow-queries"),
    ("GET", "/api/admin/system/workers"),
}
# With an API key and nothing else; refused in the words of that API. What a key may do there: ``gateway/``.
KEYS = {
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model}"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/responses"),
}
VALUES = {
    "model": "elena",
    "message_id": "0190d0f2-7c1e-7000-8000-000000000000",
    "rolling_id": "0190d0f2-7c1e-7000-8000-000000000000",
    "bot_name": "elena",
    "name": "redis",
    "container": "whisperengine-v2-postgres",
    "action": "restart",
    "emoji": "👍",
    "incident_id": "0190d0f2-7c1e-7000-8000-000000000000",
    "alert_id": "0190d0f2-7c1e-7000-8000-000000000000",
    "rule_id": "0190d0f2-7c1e-7000-8000-000000000000",
    "channel_id": "0190d0f2-7c1e-7000-8000-000000000000",
    "window_id": "0190d0f2-7c1e-7000-8000-000000000000",
    "schedule_id": "0190d0f2-7c1e-7000-8000-000000000000",
    "suite_id": "0190d0f2-7c1e-7000-8000-000000000000",
    "run_id": "0190d0f2-7c1e-7000-8000-000000000000",
    "day": "2026-01-31",
    "key_id": "0190d0f2-7c1e-7000-8000-000000000000",
    "user_id": "weu_0000000000000000",
    "admin_id": "adm_0000000000000000",
    "session_id": "0190d0f2-7c1e-7000-8000-000000000000",
    "receipt_id": "0190d0f2-7c1e-7000-8000-000000000000",
}
BODY: dict[str, Any] = {
    "content": "Hello",
    "bot_name": "elena",
    "seq": 1,
    "version": 1,
    "action": "stop",
    "bot_names": ["elena"],
    "reason": "Because",
}


def routes_of(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Every route of an application with its method, those of included routers too."""
    for route in routes:
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        if inner is not None:
            yield from routes_of(inner)
        elif isinstance(route, APIRoute):
            yield from ((method, route.path) for method in route.methods or ())


async def call(api: RunningApi, method: str, path: str, token: str | None) -> Any:
    """Knock at one route with one token, or with none."""
    async with api.client(token) as client:
        return await client.request(
            method, path.format(**VALUES), json=BODY if method in {"POST", "PUT", "PATCH"} else None
        )


def test_every_route_is_accounted_for(door: RunningApi) -> None:
    """A new one has to be put on one of the lists, and so under the tests below."""
    assert set(routes_of(door.app.routes)) == OPEN | USERS | ADMINS | KEYS


async def test_nothing_opens_without_credentials(door: RunningApi) -> None:
    """Every route that is not on the list of open ones answers 401."""
    for method, path in set(routes_of(door.app.routes)) - OPEN - KEYS:
        assert_error(await call(door, method, path, None), 401, "not_authenticated")


async def test_a_key_is_all_that_opens_the_gateway(door: RunningApi, tokens: dict[str, str]) -> None:
    """Neither nothing nor a session does, as a bearer token or as a cookie."""
    for method, path in KEYS:
        for token in (None, *(token for token in tokens.values() if not is_api_key(token))):
            answer = await call(door, method, path, token)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key"), (method, path)
        async with door.client(cookies={"we_session": tokens["user"]}) as client:
            assert (await client.request(method, path.format(**VALUES))).status_code == 401


async def test_a_users_token_opens_no_console(door: RunningApi, tokens: dict[str, str]) -> None:
    """As a bearer token, and in the administrator's cookie."""
    for method, path in ADMINS - USERS:
        assert_error(await call(door, method, path, tokens["user"]), 401)
        async with door.client(cookies={"we_admin": tokens["user"]}) as client:
            assert_error(await client.request(method, path.format(**VALUES)), 401)


@pytest.mark.parametrize("role", list(Role))
async def test_an_administrators_token_opens_no_chat(door: RunningApi, tokens: dict[str, str], role: Role) -> None:
    """Administrators talk with bots as users, under a user's name."""
    for method, path in USERS - ADMINS:
        assert_error(await call(door, method, path, tokens[role]), 401)


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_sees_the_status(door: RunningApi, tokens: dict[str, str], role: Role) -> None:
    """To look is the least that an administrator may do."""
    assert (await call(door, "GET", "/api/admin/status", tokens[role])).status_code == 200
    me = (await call(door, "GET", "/api/me", tokens[role])).json()
    assert (me["is_admin"], me["role"]) == (True, role)


async def test_a_viewer_restarts_nothing(door: RunningApi, tokens: dict[str, str]) -> None:
    """403, and a line in the audit trail that says who tried what."""
    assert_error(await call(door, "POST", "/api/admin/bots/{bot_name}/restart", tokens["viewer"]), 403)
    principal = await door.services.auth.authenticate(tokens["viewer"], is_admin=True)
    line = (await door.services.audit.find(principal))[0]
    assert (line.actor_name, line.action, line.target, line.outcome) == (
        "test-viewer",
        "bot.restart",
        "elena",
        "denied",
    )
    assert line.address == "127.0.0.1"


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
async def test_an_operator_may_restart(door: RunningApi, tokens: dict[str, str], role: Role) -> None:
    """Without a container engine it fails, but it is not forbidden."""
    answer = await call(door, "POST", "/api/admin/bots/{bot_name}/restart", tokens[role])
    assert_error(answer, 503, "engine_unavailable")
    assert answer.headers["retry-after"]


@pytest.mark.parametrize("permission", list(Permission))
@pytest.mark.parametrize("role", [None, *Role])
async def test_each_permission_is_denied_below_its_role(
    door: RunningApi, permission: Permission, role: Role | None
) -> None:
    """Chat is for users only, all else for the roles that the table names; what it does not name is nobody's."""
    principal = await door.principal(f"person {role}"[:30])
    person = Principal(
        user_id=principal.user_id, username="x", display_name="x", session_id=principal.session_id, role=role
    )
    ranks = [None, *Role]
    least = LEAST_ROLE.get(permission)
    users_too = permission is Permission.OWN_KEYS and role is None
    expected = role is None if permission in OF_USERS else users_too or ranks.index(role) >= ranks.index(least)
    assert person.may(permission) is expected


async def test_demotion_holds_from_the_next_request(door: RunningApi) -> None:
    """The token stays the same, what it opens does not; disabled, it opens nothing."""
    await door.services.admin_setup.create_admin("temporary", ADMIN_PASSWORD, role=Role.OPERATOR)
    token = (await door.services.auth.admin_login("temporary", ADMIN_PASSWORD)).token
    restart = ("POST", "/api/admin/bots/{bot_name}/restart", token)
    assert_error(await call(door, *restart), 503)
    assert door.settings.database_url
    database = Database(door.settings.database_url.get_secret_value(), pool_size=1)
    try:
        for change, status in (("role = 'viewer'", 403), ("disabled_at = now()", 401)):
            async with database.write() as connection:
                await connection.execute(text(f"UPDATE web_admins SET {change} WHERE username = 'temporary'"))
            assert_error(await call(door, *restart), status)
    finally:
        await database.dispose()


async def test_other_peoples_things_are_not_found(door: RunningApi) -> None:
    """Another's message cannot be retried, and another's history is empty: like one that does not exist."""
    first, second = await asyncio.gather(door.login("owner one"), door.login("owner two"))
    async with door.client(first) as owner, door.client(second) as other:
        sent = (await owner.post("/api/chat", json=BODY)).json()
        foreign = await other.post(f"/api/chat/{sent['message_id']}/retry")
        missing = await other.post(f"/api/chat/{VALUES['message_id']}/retry")
        assert (await other.get("/api/conversations")).json() == {"conversations": []}
        assert (await other.get("/api/conversations/elena/messages")).json()["messages"] == []
    assert assert_error(foreign, 404)["message"] == assert_error(missing, 404)["message"]
