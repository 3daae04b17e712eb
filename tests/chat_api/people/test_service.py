"""People as administrators handle them: shut out at once, joined, given out, and erased without a trace."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest
import websockets

from chat_api.core.errors import AppError, Conflict, InvalidInput, NotAuthenticated, NotFound, PermissionDenied
from chat_api.core.principals import Principal
from chat_api.people.data import PersonDataService
from chat_api.people.schemas import PersonKind, PersonSort, person_reference
from models import Role
from tests.support.api import ADMIN_PASSWORD, RunningApi
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot


async def admin(api: RunningApi, role: Role = Role.ADMIN) -> Principal:
    """An administrator of a role."""
    return await api.services.auth.authenticate(await api.admin_login(role), is_admin=True)


async def say(api: RunningApi, user: Principal, content: str = "Hello") -> None:
    """Write to elena and wait for the answer."""
    await api.services.messages.send(user, bot_name="elena", content=content)


@pytest.fixture
async def raw(database_url: str) -> Any:
    """A connection past our own code."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def data_of(api: RunningApi) -> PersonDataService:
    """The service without the wait for other processes: there are none here."""
    service = api.services.person_data
    service._drain_s = 0.0
    return service


async def rows_with(raw: asyncpg.Connection, needle: str) -> list[str]:
    """The tables of the whole database in which a text stands anywhere."""
    tables = await raw.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    found = []
    for (name,) in tables:
        if await raw.fetchval(f'SELECT count(*) FROM "{name}" t WHERE t::text LIKE $1', f"%{needle}%"):
            found.append(name)
    return sorted(found)


async def test_people_are_found_a_page_at_a_time(api: RunningApi, raw: asyncpg.Connection) -> None:
    """By part of a name, whatever signs are in it, or a whole id; guests and banned apart; sorted, counted once."""
    alice = await api.principal("alice")
    await api.principal("alice")  # a guest under the same name
    await api.principal("per%cent")
    await say(api, alice)
    who = await admin(api, Role.OPERATOR)
    find = api.services.users.find
    assert (await find(who, search="alic")).total == 2
    assert [one.username for one in (await find(who, search="%")).people] == ["per%cent"]
    assert [one.user_id for one in (await find(who, search=alice.user_id)).people] == [alice.user_id]
    assert [one.is_guest for one in (await find(who, kind=PersonKind.GUESTS)).people] == [True]
    page = await find(who, sort=PersonSort.MESSAGES, limit=1)
    assert (page.people[0].user_id, page.people[0].messages, page.total) == (alice.user_id, 1, 3)
    assert page.people[0].platforms == ("web_ui",)
    await raw.execute(
        "INSERT INTO universal_users (universal_id, primary_username) VALUES ('weu_d', 'dis');"
        "INSERT INTO platform_identities (universal_id, platform, platform_user_id, username)"
        " VALUES ('weu_d', 'discord', '4711', 'Disco <b>')"
    )
    assert [one.user_id for one in (await find(who, search="4711")).people] == ["weu_d"]


async def test_the_end_of_a_session_ends_its_socket(api: RunningApi) -> None:
    """One session and then all: the socket that is open is closed, and the token opens nothing."""
    token = await api.login("alice")
    user = await api.services.auth.authenticate(token)
    who = await admin(api, Role.OPERATOR)
    async with websockets.connect(api.ws_url + token) as socket:
        assert await api.services.users.end_sessions(who, user.user_id, user.session_id) == 1
        await socket.wait_closed()
        assert socket.close_code == 4401
    with pytest.raises(NotAuthenticated):
        await api.services.auth.authenticate(token)
    with pytest.raises(NotFound):
        await api.services.users.end_sessions(who, user.user_id, user.session_id)
    details = await api.services.users.details(who, user.user_id)
    assert [session.is_live for session in details.live_sessions] == [False]


async def test_a_ban_holds_until_it_is_lifted(api: RunningApi) -> None:
    """The token is dead, the name opens nothing; the reason is kept; lifted, the person may sign in again."""
    async with api.client() as browser:
        body = {"username": "mallory", "password": "a password of theirs"}
        token = (await browser.post("/api/login", json=body)).json()["session_token"]
        user = await api.services.auth.authenticate(token)
        who = await admin(api)
        with pytest.raises(InvalidInput):
            await api.services.users.ban(who, user.user_id, reason=" ")
        await api.services.users.ban(who, user.user_id, reason="spam in 12 rooms")
        with pytest.raises(NotAuthenticated):
            await api.services.auth.authenticate(token)
        assert (await browser.post("/api/login", json=body)).status_code == 403
        details = await api.services.users.details(who, user.user_id)
        assert (details.is_banned, details.ban_reason) == (True, "spam in 12 rooms")
        await api.services.users.unban(who, user.user_id)
        assert (await browser.post("/api/login", json=body)).status_code == 200


async def test_an_erased_person_is_nowhere(api: RunningApi, raw: asyncpg.Connection) -> None:
    """No table holds the id or the words any more, the audit trail included; nobody else has lost anything."""
    alice, bob = await api.principal("alicia"), await api.principal("bobby")
    await say(api, alice, "the secret of alicia")
    await say(api, bob, "the word of bobby")
    await api.services.changes.react(
        alice, (await raw.fetchval("SELECT id FROM web_conversations WHERE user_id = $1", alice.user_id)), "👍"
    )
    who = await admin(api)
    await api.services.users.ban(who, alice.user_id, reason="a test of erasing")
    assert len(await rows_with(raw, alice.user_id)) > 5
    before = await rows_with(raw, bob.user_id)
    with pytest.raises(InvalidInput):
        await data_of(api).erase(who, alice.user_id, typed_name="bobby")
    erasure = await data_of(api).erase(who, alice.user_id, typed_name="alicia")
    assert (erasure.messages, erasure.is_user_row_kept) == (1, False)
    assert await rows_with(raw, alice.user_id) == []
    assert await rows_with(raw, "alicia") == []
    assert await rows_with(raw, bob.user_id) == before
    line = (await api.services.audit.find(who))[0]
    assert (line.action, line.target) == ("users.erase", person_reference(alice.user_id))
    with pytest.raises(NotFound):
        await data_of(api).erase(who, alice.user_id, typed_name="alicia")


async def test_an_erasure_is_recorded_when_it_begins(api: RunningApi, raw: asyncpg.Connection) -> None:
    """In one transaction with the person's end: whatever comes before all is deleted, it is known who did it."""
    alice = await api.principal("alicia")
    who = await admin(api)
    service = api.services.person_data
    service._drain_s = 3600.0
    erasing = asyncio.create_task(service.erase(who, alice.user_id, typed_name="alicia"))
    await eventually(lambda: raw.fetchval("SELECT banned_at FROM web_accounts WHERE user_id = $1", alice.user_id))
    line = (await api.services.audit.find(who))[0]
    assert (line.action, line.target) == ("users.erase", person_reference(alice.user_id))
    assert line.details == {"step": "shut out", "sessions": 1}
    erasing.cancel()
    await asyncio.gather(erasing, return_exceptions=True)


async def test_ends_of_all_kinds_end_what_browsers_hold(api: RunningApi) -> None:
    """The end of all sessions, a ban and a merge leave no claim; the end of one session only that browser's."""
    auth = api.services.auth
    who = await admin(api)

    async def is_back(name: str, claim: str | None) -> bool:
        return not (await auth.login(name, claim=claim)).principal.is_guest

    laptop = await auth.login("alicia")
    phone = await auth.login("alicia", token=laptop.token)
    user_id = laptop.principal.user_id
    await api.services.users.end_sessions(who, user_id, laptop.principal.session_id)
    assert not await is_back("alicia", laptop.claim)
    assert await is_back("alicia", phone.claim)
    await api.services.users.end_sessions(who, user_id)
    assert not await is_back("alicia", phone.claim)

    banned, merged = await auth.login("mallory"), await auth.login("webby")
    await api.services.users.ban(who, banned.principal.user_id, reason="a test of bans")
    await api.services.users.unban(who, banned.principal.user_id)
    assert not await is_back("mallory", banned.claim)
    await data_of(api).merge(who, source_id=merged.principal.user_id, target_id=user_id)
    assert not await is_back("webby", merged.claim)


async def test_a_merged_person_is_one(api: RunningApi, raw: asyncpg.Connection) -> None:
    """Identities move, conversations and their order stay; erased, the row that Discord uses is kept."""
    web = await api.principal("webby")
    await say(api, web)
    await raw.execute(
        "INSERT INTO universal_users (universal_id, primary_username) VALUES ('weu_disc', 'discordian');"
        "INSERT INTO platform_identities (universal_id, platform, platform_user_id, username)"
        " VALUES ('weu_disc', 'discord', '42', 'discordian')"
    )
    stream = await raw.fetch("SELECT * FROM web_streams WHERE user_id = $1", web.user_id)
    who, data = await admin(api), data_of(api)
    assert await data.merge(who, source_id=web.user_id, target_id="weu_disc") == 1
    details = await api.services.users.details(who, "weu_disc")
    assert {one.platform for one in details.identities} == {"discord", "web_ui"}
    assert [thread.exchanges for thread in details.threads] == [1]
    assert await raw.fetch("SELECT * FROM web_streams WHERE user_id = $1", web.user_id) == stream
    await say(api, web)  # signed in as before
    for source, target, error in (
        (web.user_id, "weu_disc", Conflict),
        ("weu_disc", "weu_disc", InvalidInput),
        ("weu_nobody", "weu_disc", NotFound),
    ):
        with pytest.raises(error):
            await data.merge(who, source_id=source, target_id=target)
    erasure = await data.erase(who, "weu_disc", typed_name="discordian")
    assert (erasure.messages, erasure.is_user_row_kept) == (2, True)
    assert await rows_with(raw, web.user_id) == []
    assert await rows_with(raw, "discordian") == ["platform_identities", "universal_users"]


@pytest.mark.parametrize(
    ("person_id", "identity"),
    [
        ("672814231002939413", None),  # as a v1 bot makes the person of a Discord user
        ("weu_disc", "672814231002939413"),
        ("weu_disc", "42"),  # no id that Discord gives: a v2 bot would keep nothing under it
    ],
)
async def test_bots_know_a_linked_person_by_their_discord_id(
    api: RunningApi, raw: asyncpg.Connection, elena: RunningBot, person_id: str, identity: str | None
) -> None:
    """From the next message on, in every process; nobody else is sent under another id."""
    web, other = await api.principal("webby"), await api.principal("other")
    await say(api, web)
    await raw.execute(
        "INSERT INTO universal_users (universal_id, primary_username) VALUES ($1, 'discordian')", person_id
    )
    if identity is not None:
        await raw.execute(
            "INSERT INTO platform_identities (universal_id, platform, platform_user_id, username)"
            " VALUES ($1, 'discord', $2, 'discordian')",
            person_id,
            identity,
        )
    await data_of(api).merge(await admin(api), source_id=web.user_id, target_id=person_id)
    await say(api, web)
    await say(api, other)
    linked = "672814231002939413" if identity != "42" else web.user_id
    assert [call.user_id for call in await elena.calls()][-3:] == [web.user_id, linked, other.user_id]


async def test_an_export_holds_everything_but_what_opens_doors(api: RunningApi, raw: asyncpg.Connection) -> None:
    """One JSON document with the words, the devices and the names; no hash of a token, claim or password."""
    user = await api.principal("expo")
    for number in range(3):
        await say(api, user, f"word {number}")
    who = await admin(api)
    data_of(api)
    pieces = await api.services.person_data.export(who, user.user_id, reason="they asked for it")
    document = json.loads(b"".join([piece async for piece in pieces]))
    assert [one["user_message"] for one in document["messages"]] == ["word 0", "word 1", "word 2"]
    assert document["accounts"][0]["username"] == "expo"
    hashes = await raw.fetchrow(
        "SELECT session_token, (SELECT claim_hash FROM web_claims LIMIT 1) AS claim_hash FROM web_user_sessions"
        " WHERE user_id = $1",
        user.user_id,
    )
    text = json.dumps(document)
    assert not any(value in text for value in hashes.values())
    assert (await api.services.audit.find(who))[0].details == {"reason": "they asked for it"}


async def test_the_last_administrator_stays(api: RunningApi) -> None:
    """Nobody changes themselves; two who take the right from each other leave one who has it."""
    who = await admin(api)
    for name in ("second admin", "third admin"):
        await api.services.admin_setup.create_admin(name, ADMIN_PASSWORD)
    service = api.services.administrators
    ids = {one.username: one.admin_id for one in await service.all(who)}
    second = await api.services.auth.admin_login("second admin", ADMIN_PASSWORD)
    with pytest.raises(Conflict):
        await service.set_role(who, who.user_id, Role.VIEWER)
    with pytest.raises(Conflict):
        await service.set_enabled(who, who.user_id, is_enabled=False)
    await service.set_enabled(who, ids["third admin"], is_enabled=False)
    await service.set_role(who, second.principal.user_id, Role.OPERATOR)
    # As its principal was before the change: a request that was on its way.
    with pytest.raises(Conflict):
        await service.set_enabled(second.principal, who.user_id, is_enabled=False)
    now = await api.services.auth.authenticate(second.token, is_admin=True)
    assert now.role is Role.OPERATOR
    with pytest.raises(PermissionDenied):
        await service.all(now)
    assert await service.end_sessions(who, second.principal.user_id) == 1
    with pytest.raises(NotAuthenticated):
        await api.services.auth.authenticate(second.token, is_admin=True)


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.OPERATOR])
async def test_what_each_role_may_not(api: RunningApi, role: Role | None) -> None:
    """Denied by the services themselves; what would change something leaves a line."""
    user = await api.principal("victim")
    who = user if role is None else await admin(api, role)
    users, data, admins = api.services.users, data_of(api), api.services.administrators
    attempts: list[Any] = [
        users.ban(who, user.user_id, reason="because"),
        users.unban(who, user.user_id),
        data.merge(who, source_id="a", target_id="b"),
        data.export(who, user.user_id, reason="because"),
        data.erase(who, user.user_id, typed_name="victim"),
        admins.all(who),
        admins.set_role(who, "adm_x", Role.ADMIN),
        admins.set_enabled(who, "adm_x", is_enabled=False),
        admins.end_sessions(who, "adm_x"),
    ]
    if role is not Role.OPERATOR:
        attempts += [users.find(who), users.details(who, user.user_id), users.end_sessions(who, user.user_id)]
    for attempt in attempts:
        with pytest.raises((PermissionDenied, NotAuthenticated)):
            await attempt
    lines = await api.services.audit.find(await admin(api))
    assert sum(line.outcome == "denied" for line in lines) >= 8
    await api.services.messages.send(user, bot_name="elena", content="still here")


async def test_who_talks_to_a_bot_now(api: RunningApi) -> None:
    """The number is for everybody of the console, the names for those who may see people."""
    await say(api, await api.principal("talker"))
    talking_to = api.services.users.talking_to
    assert await talking_to(await admin(api, Role.VIEWER), "elena") == (1, ())
    assert await talking_to(await admin(api, Role.OPERATOR), "elena") == (1, ("talker",))
    with pytest.raises(AppError):
        await talking_to(await api.principal("nosy"), "elena")
