"""API keys: made, limited, rotated, revoked, and never seen again."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from chat_api.core.database import Database
from chat_api.core.errors import NotAuthenticated, OutOfScope, PermissionDenied
from chat_api.core.masking import mask_secrets
from chat_api.core.principals import SCOPES, Permission
from chat_api.core.security import KEY_PREFIX, KeyRing, new_api_key
from chat_api.keys.schemas import KeyDraft
from models import KeyScope, Role
from tests.chat_api.http.test_permissions import BODY, VALUES, call, routes_of
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot
from tests.support.shared_api import assert_error

Capture = pytest.CaptureFixture[str]
# What a key may see although no permission is asked for: what a stranger may, and whose key it is.
UNGUARDED = {
    ("GET", "/api/me"),
    ("POST", "/api/login"),
    ("POST", "/api/logout"),
    ("POST", "/api/admin/login"),
    ("POST", "/api/admin/setup"),
    ("GET", "/api/bots"),
    ("GET", "/health"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/api/announcement"),
}


async def make_key(api: RunningApi, token: str, **body: Any) -> dict[str, Any]:
    """A new key of whoever the token is of: ``secret``, and what the API tells of it."""
    async with api.client(token) as client:
        answer = await client.post("/api/keys", json={"name": "A program", "scopes": ["chat", "history"]} | body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return {"secret": found["secret"], **found["key"]}


async def get(api: RunningApi, path: str, token: str) -> httpx.Response:
    """One look at a door."""
    async with api.client(token) as client:
        return await client.get(path)


async def test_a_key_is_its_owner_within_its_scopes(door: RunningApi) -> None:
    """It chats and reads as the account; its message is theirs, and is told apart by its source."""
    person = await door.login("key owner")
    key = await make_key(door, person)
    assert key["secret"].startswith(KEY_PREFIX)
    assert key["last_four"] == key["secret"][-4:]
    async with door.client(key["secret"]) as client:
        sent = await client.post("/api/chat", json={"content": "Hello", "bot_name": "elena"})
        assert sent.status_code == 200, sent.text
        me = (await client.get("/api/me")).json()
    history = (await get(door, "/api/conversations/elena/messages", person)).json()["messages"]
    assert [line["content"] for line in history if line["role"] == "user"] == ["Hello"]
    assert me["username"] == "key owner"
    async with _database(door).read() as connection:
        found = (
            await connection.execute(
                text("SELECT source, api_key_id FROM web_conversations WHERE id = :id"),
                {"id": UUID(sent.json()["message_id"])},
            )
        ).one()
    assert tuple(found) == ("api", UUID(key["id"]))


async def test_scopes_and_bots_are_the_most_it_may_do(door: RunningApi) -> None:
    """Without a scope, or for another bot, it is refused with a code of its own."""
    person = await door.login("narrow owner")
    chats = (await make_key(door, person, scopes=["chat"], bots=["elena"]))["secret"]
    assert_error(await get(door, "/api/conversations", chats), 403, "out_of_scope")
    async with door.client(chats) as client:
        assert_error(await client.post("/api/chat", json=BODY | {"bot_name": "marcus"}), 403, "out_of_scope")
        assert (await client.post("/api/chat", json=BODY)).status_code == 200
        assert_error(await client.post("/api/ws-ticket"), 403, "out_of_scope")
        assert_error(await client.post("/api/keys", json={"name": "x", "scopes": ["chat"]}), 403, "out_of_scope")
    reads = (await make_key(door, person, scopes=["history"], bots=["marcus"]))["secret"]
    assert (await get(door, "/api/conversations", reads)).json() == {"conversations": []}
    assert_error(await get(door, "/api/conversations/elena/messages", reads), 403, "out_of_scope")


async def test_a_key_without_the_scope_opens_no_route(door: RunningApi, tokens: dict[str, str]) -> None:
    """Every route asks for a permission, so that a key can do nothing that it was not made for."""
    administrator = (await make_key(door, tokens["admin"], scopes=["chat"]))["secret"]
    person = (await make_key(door, await door.login("scopeless"), scopes=["history"], bots=["nobody"]))["secret"]
    readable = {("GET", "/api/conversations"), ("GET", "/api/stream")}
    for method, route in sorted(set(routes_of(door.app.routes)) - UNGUARDED):
        if not route.startswith("/api"):
            continue
        path = re.sub(r"\{(\w+)\}", lambda found: VALUES.get(found[1], "nothing"), route)
        assert (await call(door, method, path, administrator)).status_code in {401, 403, 404, 415, 422}, (method, path)
        if (method, route) not in readable:
            answer = await call(door, method, path, person)
            assert answer.status_code in {401, 403, 404, 415, 422}, (method, path)


async def test_an_administrators_key_operates_as_far_as_they_may(door: RunningApi, tokens: dict[str, str]) -> None:
    """The scope and the role are both needed; what it does is audited as its owner's, with the key's name."""
    watcher = (await make_key(door, tokens["admin"], name="Watcher", scopes=["status"]))["secret"]
    assert (await get(door, "/api/admin/bots", watcher)).status_code == 200
    assert_error(await call(door, "POST", "/api/admin/bots/{bot_name}/restart", watcher), 403, "out_of_scope")
    operator = (await make_key(door, tokens["admin"], name="Pager", scopes=["status", "operate"]))["secret"]
    assert_error(await call(door, "POST", "/api/admin/bots/{bot_name}/restart", operator), 503, "engine_unavailable")
    assert_error(await get(door, "/api/admin/users", operator), 403, "out_of_scope")
    admin = await door.services.auth.authenticate(tokens["admin"], is_admin=True)
    denied = next(line for line in await door.services.audit.find(admin) if line.details.get("api_key") == "Watcher")
    assert (denied.actor_name, denied.action, denied.outcome) == ("test-admin", "bot.restart", "denied")
    async with door.client(tokens["viewer"]) as client:
        refused = await client.post("/api/keys", json={"name": "Too much", "scopes": ["operate"]})
    assert_error(refused, 422, "invalid_input")


@pytest.mark.parametrize("permission", list(Permission))
async def test_each_permission_needs_its_scope(
    door: RunningApi, tokens: dict[str, str], permission: Permission
) -> None:
    """What no scope covers, no key may do: make keys or administrators."""
    principal = await door.services.auth.authenticate(tokens["admin"], is_admin=True)
    key = await door.services.keys.create(principal, _draft())
    try:
        entered = await door.services.key_access.enter(key.secret, address="127.0.0.1")
        assert entered.key is not None
        assert entered.may(permission) is (principal.may(permission) and permission in SCOPES)
        if permission not in SCOPES:
            with pytest.raises(OutOfScope):
                entered.require(permission)
    finally:
        await door.services.keys.revoke(principal, key.key.key_id)


async def test_guests_and_switched_off_people_make_no_keys(door: RunningApi) -> None:
    """Nobody could come back to a guest's account; and administrators may keep people from making keys."""
    await door.login("key holder", password="a password of mine")
    guest = await door.services.auth.authenticate(await door.login("key holder"))
    assert guest.is_guest
    with pytest.raises(PermissionDenied):
        await door.services.keys.create(guest, _draft(scopes=[KeyScope.CHAT]))


async def test_a_rotation_overlaps(door: RunningApi) -> None:
    """The secret until now works on, the one before it does not; without an overlap it ends at once."""
    person = await door.login("rotating")
    key = await make_key(door, person)
    first = key["secret"]
    async with door.client(person) as client:
        second = (await client.post(f"/api/keys/{key['id']}/rotate", json={"overlap_hours": 1})).json()
        assert second["key"]["overlap_until"] is not None
        assert {(await get(door, "/api/me", one)).status_code for one in (first, second["secret"])} == {200}
        third = (await client.post(f"/api/keys/{key['id']}/rotate", json={"overlap_hours": 0})).json()["secret"]
    assert_error(await get(door, "/api/me", first), 401)
    assert_error(await get(door, "/api/me", second["secret"]), 401)
    assert (await get(door, "/api/me", third)).status_code == 200


async def test_an_expired_key_and_a_banned_owner_open_nothing(door: RunningApi, tokens: dict[str, str]) -> None:
    """By the database's clock, and as the owner is at this moment."""
    person = await door.login("soon banned")
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    key = await make_key(door, person, expires_at=soon)
    assert (await get(door, "/api/me", key["secret"])).status_code == 200
    async with _database(door).write() as connection:
        await connection.execute(
            text("UPDATE web_api_keys SET expires_at = now() - interval '1 second' WHERE id = :id"),
            {"id": UUID(key["id"])},
        )

    async def is_refused(secret: str) -> bool:
        return (await get(door, "/api/me", secret)).status_code == 401

    await eventually(lambda: is_refused(key["secret"]))
    other = await make_key(door, person)
    admin = await door.services.auth.authenticate(tokens["admin"], is_admin=True)
    owner = (await door.services.auth.authenticate(person)).user_id
    await door.services.users.ban(admin, owner, reason="For the test")
    await eventually(lambda: is_refused(other["secret"]))


async def test_a_limit_and_a_budget_of_its_own(api: RunningApi) -> None:
    """Every answer says what is left; over it, when to come again; a budget is spent to the last message."""
    person = await api.login("limited")
    slow = await make_key(api, person, requests_per_minute=2)
    answers = [await get(api, "/api/me", slow["secret"]) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert [one.headers["x-ratelimit-remaining-requests"] for one in answers] == ["1", "0", "0"]
    assert answers[2].headers["x-ratelimit-limit-requests"] == "2"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30  # a minute's half, not a minute
    assert answers[2].headers["x-ratelimit-reset-requests"] == "60s"
    few = await make_key(api, person, messages_per_day=2)
    async with api.client(few["secret"]) as client:
        sent = await asyncio.gather(*(client.post("/api/chat", json=BODY) for _ in range(5)))
        twin = {**BODY, "client_msg_id": "one"}
        assert sorted(one.status_code for one in sent) == [200, 200, 429, 429, 429]
        assert_error(await client.post("/api/chat", json=twin), 429, "budget_spent")
    await api.services.key_access.flush()
    async with api.client(person) as client:
        (today,) = (await client.get(f"/api/keys/{few['id']}/usage", params={"days": 1})).json()["days"]
        (listed,) = [one for one in (await client.get("/api/keys")).json()["keys"] if one["id"] == few["id"]]
    assert (today["messages"], today["requests"], today["refused"]) == (2, 6, 4)
    assert listed["messages_today"] == 2
    assert listed["last_used_at"] is not None


async def test_a_key_is_nowhere(api: RunningApi, caplog: pytest.LogCaptureFixture, capfd: Capture) -> None:
    """Made, used, changed, rotated, mistyped, revoked: logs, audit, metrics, errors and tables do not have it."""
    person = await api.login("secretive")
    key = await make_key(api, person)
    async with api.client(person) as client:
        changed = await client.put(f"/api/keys/{key['id']}", json={"name": "Renamed", "scopes": ["chat"]})
        rotated = (await client.post(f"/api/keys/{key['id']}/rotate", json={})).json()["secret"]
        await client.delete(f"/api/keys/{key['id']}")
    mistyped = rotated[:-1] + ("a" if rotated[-1] != "a" else "b")
    told = [changed.text]
    for secret in (key["secret"], rotated, mistyped):
        async with api.client(secret) as client:
            for path in ("/api/me", "/v1/models", "/v1/chat/completions"):
                told.append((await client.get(path)).text)
            told.append((await client.post("/api/chat", json=BODY)).text)
            told.append((await client.get("/metrics")).text)
    async with _database(api).read() as connection:
        for table in ("web_audit", "web_api_keys", "web_api_key_secrets", "web_incidents", "web_incident_entries"):
            told.append(str((await connection.execute(text(f"SELECT * FROM {table}"))).all()))
    out, err = capfd.readouterr()
    everything = "\n".join([*told, caplog.text, out, err])
    for secret in (key["secret"], rotated, mistyped):
        assert secret not in everything
    assert "keys.rotate" in everything
    assert key["last_four"] in everything


async def test_what_a_key_looks_like_is_masked(door: RunningApi) -> None:
    """Wherever a bot's log or an error of another program has one."""
    for line in ("using {} now", '{{"key": "{}"}}', "Authorization: Bearer {}", "https://x/?key={}"):
        secret = new_api_key()
        assert secret not in mask_secrets(line.format(secret))


async def test_a_new_secret_key_lets_old_keys_in(make_settings: MakeSettings) -> None:
    """Hashed under the secret before, it opens, and is kept under the new one from then on."""
    first, second = "first-secret-" * 4, "second-secret-" * 4
    async with running_api(make_settings(web_ui_secret_key=first)) as before:
        key = await make_key(before, await before.login("moving"))
    async with running_api(make_settings(web_ui_secret_key=second, web_ui_previous_secret_keys=(first,))) as after:
        assert (await get(after, "/api/me", key["secret"])).status_code == 200
        await after.services.key_access.flush()
        async with _database(after).read() as connection:
            kept = (await connection.execute(text("SELECT key_hash FROM web_api_key_secrets"))).scalar_one()
    assert kept == KeyRing([second]).digests(key["secret"])[0]


async def test_revoked_keys_are_dead_in_every_process(make_settings: MakeSettings, elena: RunningBot) -> None:
    """Fifty keys under load in two processes, one of which hears no signal: each is refused in both."""
    settings = make_settings(bots=(elena,))
    async with running_api(settings) as first, running_api(settings) as second:
        second.services.pubsub._handlers.pop("api_keys_changed")  # it is told of nothing
        admin = await first.services.auth.authenticate(await first.admin_login(Role.ADMIN), is_admin=True)
        made = [await first.services.keys.create(admin, _draft()) for _ in range(50)]
        states: dict[str, set[int]] = {one.secret: set() for one in made}
        is_over = asyncio.Event()

        async def load(api: RunningApi, client: httpx.AsyncClient) -> None:
            while not is_over.is_set():
                for secret in list(states):
                    answer = await client.get("/api/me", headers={"Authorization": f"Bearer {secret}"})
                    states[secret].add(answer.status_code)

        async with first.client() as one, second.client() as two, asyncio.TaskGroup() as tasks:
            tasks.create_task(load(first, one))
            tasks.create_task(load(second, two))
            await eventually(lambda: all(200 in seen for seen in states.values()))
            await asyncio.gather(*(first.services.keys.revoke(admin, one.key.key_id) for one in made))
            here = [
                (await one.get("/api/me", headers={"Authorization": f"Bearer {key}"})).status_code for key in states
            ]
            assert here == [401] * 50  # at once, in the process that revoked

            async def is_dead_elsewhere() -> bool:
                seen = [
                    (await two.get("/api/me", headers={"Authorization": f"Bearer {key}"})).status_code for key in states
                ]
                return seen == [401] * 50

            await eventually(is_dead_elsewhere)
            is_over.set()
        assert all(seen <= {200, 401} for seen in states.values())


async def test_other_peoples_keys_are_not_found(door: RunningApi, tokens: dict[str, str]) -> None:
    """Only their owner and administrators see and end them."""
    key = await make_key(door, await door.login("owner of a key"))
    path = f"/api/keys/{key['id']}"
    for token in (await door.login("stranger to it"), tokens["operator"]):
        async with door.client(token) as client:
            assert_error(await client.delete(path), 404)
            assert_error(await client.get(f"{path}/usage"), 404)
    assert_error(await get(door, "/api/admin/keys", tokens["operator"]), 403)
    listed = (await get(door, "/api/admin/keys", tokens["admin"])).json()["keys"]
    assert key["id"] in [one["id"] for one in listed]
    assert "secret" not in json.dumps(listed)
    async with door.client(tokens["admin"]) as client:
        assert (await client.delete(path)).json()["state"] == "revoked"
    assert_error(await get(door, "/api/me", key["secret"]), 401)


async def test_erasing_a_person_takes_their_keys(api: RunningApi) -> None:
    """And the keys are in what is given out of them."""
    person = await api.principal("erased one")
    key = await api.services.keys.create(person, _draft(scopes=[KeyScope.CHAT]))
    admin = await api.services.auth.authenticate(await api.admin_login(), is_admin=True)
    pieces = [piece async for piece in await api.services.person_data.export(admin, person.user_id, reason="Asked")]
    assert json.loads(b"".join(pieces))["api_keys"][0]["name"] == "Key"
    api.services.person_data._drain_s = 0
    await api.services.person_data.erase(admin, person.user_id, typed_name="erased one")
    with pytest.raises(NotAuthenticated):
        await api.services.key_access.enter(key.secret, address="127.0.0.1")


def _draft(**more: Any) -> KeyDraft:
    """All that an administrator's key can be for: histories are people's."""
    return KeyDraft(**{"name": "Key", "scopes": [scope for scope in KeyScope if scope != "history"]} | more)


def _database(api: RunningApi) -> Database:
    return api.services.keys._database
