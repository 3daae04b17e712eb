"""What bots remember of people on real bots: shown to who may see it, erased, and never believed without a look."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from chat_api.core.errors import AppError, Conflict, InvalidInput, NotFound, RateLimited
from chat_api.core.principals import Principal
from chat_api.fleet.schemas import BotStatus
from chat_api.memories.schemas import BotKnows, PersonMemories, Receipt, ReceiptState
from chat_api.people.schemas import person_reference
from models import ErasureOutcome, MemoryPart, Role
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot

DISCORD_ID = "672814231002939413"
SAID = "I live in Seattle <b>. I like tide pools"


async def admin(api: RunningApi, role: Role = Role.ADMIN) -> Principal:
    """An administrator of a role."""
    return await api.services.auth.authenticate(await api.admin_login(role), is_admin=True)


async def known(api: RunningApi, name: str, said: str = SAID) -> Principal:
    """Somebody who told marcus something of themselves."""
    user = await api.principal(name)
    await api.services.messages.send(user, bot_name="marcus", content=said)
    return user


@pytest.fixture
async def raw(database_url: str) -> Any:
    """A connection past our own code."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def outcomes(receipt: Receipt, bot_name: str) -> dict[str, str]:
    """What became of the parts at one bot."""
    return {part.part.value: part.outcome.value for part in receipt.parts if part.bot_name == bot_name}


def told(memories: PersonMemories, bot_name: str) -> Any:
    """What one bot told."""
    return next(bot for bot in memories.bots if bot.bot_name == bot_name)


def status_of(api: RunningApi, bot_name: str) -> BotStatus:
    """How a bot is seen now."""
    return next(bot.status for bot in api.services.fleet.current().bots if bot.name == bot_name)


async def make_due(raw: asyncpg.Connection, receipt_id: UUID) -> None:
    """Have the time come at which what is left is tried again."""
    await raw.execute(
        "UPDATE web_memory_erasure_parts SET next_try_at = now() WHERE erasure_id = $1 AND next_try_at IS NOT NULL",
        receipt_id,
    )


async def test_a_person_sees_what_bots_know_of_them_and_an_administrator_for_a_reason(api: RunningApi) -> None:
    """Trust, memories, facts and relations of a v2 bot; a v1 bot cannot. The reason is recorded, nothing told is."""
    user = await known(api, "alicia")
    memories = await api.services.memories.own(user)
    marcus, elena = told(memories, "marcus"), told(memories, "elena")
    assert (marcus.knows, marcus.trust_score, marcus.memory_count) == (BotKnows.SOMETHING, 2, 1)
    assert marcus.memories[0].content == SAID
    assert marcus.facts == ("User LIVES_IN Seattle", "User LIKES tide pools")
    assert [(one.kind, one.target) for one in marcus.relations] == [("LIVES_IN", "Seattle"), ("LIKES", "tide pools")]
    assert (elena.knows, memories.not_answered) == (BotKnows.UNSUPPORTED, ())
    stranger = await api.services.memories.own(await api.principal("stranger"))
    assert told(stranger, "marcus").knows is BotKnows.NOTHING

    who = await admin(api)
    with pytest.raises(InvalidInput):
        await api.services.memories.of_person(who, user.user_id, reason=" ")
    seen = await api.services.memories.of_person(who, user.user_id, reason="ticket 4711")
    assert told(seen, "marcus") == marcus
    line = (await api.services.audit.find(who))[0]
    assert (line.action, line.target) == ("memories.read", person_reference(user.user_id))
    assert line.details == {"reason": "ticket 4711", "bot_name": None}


async def test_what_is_erased_is_gone_and_the_receipt_says_so(api: RunningApi) -> None:
    """By part, then everywhere; what was not there and what a bot cannot is told apart; a line in the trail."""
    user, other = await known(api, "alicia"), await known(api, "bobby")
    receipt = await api.services.memory_erasures.erase_own(user, bot_name="marcus", parts=[MemoryPart.MEMORIES])
    assert (outcomes(receipt, "marcus"), receipt.state) == ({"memories": "erased"}, ReceiptState.DONE)
    marcus = told(await api.services.memories.own(user), "marcus")
    assert (marcus.memories, marcus.trust_score, len(marcus.facts)) == ((), 2, 2)

    who = await admin(api)
    receipt = await api.services.memory_erasures.erase(who, user.user_id, reason="they asked for it")
    assert outcomes(receipt, "marcus") == {"memories": "nothing_there", "trust": "erased", "knowledge": "erased"}
    assert set(outcomes(receipt, "elena").values()) == {ErasureOutcome.UNSUPPORTED}
    assert receipt.state is ReceiptState.INCOMPLETE
    line = (await api.services.audit.find(who))[0]
    assert (line.action, line.target) == ("memories.erase", person_reference(user.user_id))
    assert (line.details["reason"], line.details["receipt_id"]) == ("they asked for it", str(receipt.receipt_id))
    assert told(await api.services.memories.own(user), "marcus").knows is BotKnows.NOTHING
    assert told(await api.services.memories.own(other), "marcus").knows is BotKnows.SOMETHING
    own = await api.services.memory_erasures.own_receipts(user)
    assert [(one.requested_by, one.reason) for one in own] == [("administrator", None), (None, None)]


@pytest.mark.parametrize(
    ("erasure", "outcome"), [("nothing", ErasureOutcome.REFUSED), ("claims", ErasureOutcome.STILL_THERE)]
)
async def test_a_success_is_not_believed(
    api: RunningApi, marcus: RunningBot, raw: asyncpg.Connection, erasure: str, outcome: ErasureOutcome
) -> None:
    """Neither one that clears no part nor one that claims them all; tried again when it is due, until it is true."""
    user = await known(api, "alicia")
    await marcus.set_faults(erasure=erasure)
    receipt = await api.services.memory_erasures.erase_own(user, bot_name="marcus")
    assert set(outcomes(receipt, "marcus").values()) == {outcome}
    assert receipt.state is ReceiptState.OPEN
    await marcus.set_faults(erasure="ok")
    await api.services.memory_erasures.runs.retry_due()  # not yet
    (stored,) = await api.services.memory_erasures.own_receipts(user)
    assert stored == receipt
    await make_due(raw, receipt.receipt_id)
    await api.services.memory_erasures.runs.retry_due()
    (stored,) = await api.services.memory_erasures.own_receipts(user)
    assert (set(outcomes(stored, "marcus").values()), stored.state) == ({ErasureOutcome.ERASED}, ReceiptState.DONE)
    assert await raw.fetchval("SELECT bot_user_ids FROM web_memory_erasures") == []
    with pytest.raises(Conflict):
        await api.services.memory_erasures.retry_own(user, receipt.receipt_id)


async def test_what_cannot_be_seen_is_not_called_erased(api: RunningApi, marcus: RunningBot) -> None:
    """Without its graph nobody knows what a bot still holds; memories and trust are gone all the same."""
    user = await known(api, "alicia")
    await marcus.set_faults(is_graph_away=True)
    shown = told(await api.services.memories.own(user), "marcus")
    assert (shown.is_graph_available, shown.knows) == (False, BotKnows.SOMETHING)
    receipt = await api.services.memory_erasures.erase_own(user, bot_name="marcus")
    assert outcomes(receipt, "marcus") == {"memories": "erased", "trust": "erased", "knowledge": "refused"}
    await marcus.set_faults(is_graph_away=False)
    receipt = await api.services.memory_erasures.retry_own(user, receipt.receipt_id)
    assert (outcomes(receipt, "marcus")["knowledge"], receipt.state) == ("erased", ReceiptState.DONE)


async def test_a_bot_that_is_away_is_told_when_it_is_back(
    api: RunningApi, marcus: RunningBot, raw: asyncpg.Connection
) -> None:
    """Named while it is away; the leader's task goes on by itself, and gives up after thirty days."""
    user = await known(api, "alicia")
    await marcus.kill()
    memories = await api.services.memories.own(user)
    assert (told(memories, "marcus").knows, memories.not_answered) == (BotKnows.NOT_REACHED, ("marcus",))
    kept, old = [await api.services.memory_erasures.erase_own(user, bot_name="marcus") for _ in range(2)]
    assert set(outcomes(kept, "marcus").values()) == {ErasureOutcome.NOT_REACHED}
    assert all(part.next_try_at for part in kept.parts)
    await raw.execute(
        "UPDATE web_memory_erasures SET requested_at = now() - $2::interval WHERE id = $1",
        old.receipt_id,
        timedelta(days=31),
    )
    await raw.execute("UPDATE web_memory_erasure_parts SET next_try_at = now() + interval '1 day'")
    await eventually(lambda: status_of(api, "marcus") is BotStatus.OFFLINE)
    await api.services.memory_erasures.runs.retry_due()
    await marcus.start()  # that the bot is back is reason enough

    async def is_done() -> bool:
        await api.services.memory_erasures.runs.retry_due()
        receipt = await api.services.memory_erasures.receipt(await admin(api), kept.receipt_id)
        return receipt.state is ReceiptState.DONE

    await eventually(is_done)
    given_up = await api.services.memory_erasures.receipt(await admin(api), old.receipt_id)
    assert (given_up.state, given_up.closed_at is None) == (ReceiptState.INCOMPLETE, False)
    assert await raw.fetch("SELECT 1 FROM web_memory_erasures WHERE bot_user_ids <> '{}'") == []


async def test_an_attempt_that_died_is_taken_over(api: RunningApi, raw: asyncpg.Connection) -> None:
    """What is to be erased is stored before any bot is told; while somebody is at it nobody else is."""
    user = await known(api, "alicia")
    receipt = await api.services.memory_erasures.erase_own(user, bot_name="marcus", parts=[MemoryPart.TRUST])
    await raw.execute(
        "UPDATE web_memory_erasures SET closed_at = NULL, bot_user_ids = $1, claimed_until = now() + interval '1 hour'",
        [user.user_id],
    )
    await raw.execute("UPDATE web_memory_erasure_parts SET outcome = 'pending', next_try_at = now()")
    await api.services.memory_erasures.runs.retry_due()
    await api.services.memory_erasures.runs.attempt(receipt.receipt_id)
    assert await raw.fetchval("SELECT outcome FROM web_memory_erasure_parts") == "pending"
    await raw.execute("UPDATE web_memory_erasures SET claimed_until = now() - interval '1 second'")
    await api.services.memory_erasures.runs.retry_due()
    (stored,) = await api.services.memory_erasures.own_receipts(user)
    assert (stored.receipt_id, stored.state) == (receipt.receipt_id, ReceiptState.DONE)


async def test_a_person_linked_to_discord_is_one(api: RunningApi, marcus: RunningBot, raw: asyncpg.Connection) -> None:
    """What was said on Discord and on the web before is shown as one, and erased under both ids."""
    user = await known(api, "webby", "I live in Seattle")
    await raw.execute(
        "INSERT INTO universal_users (universal_id, primary_username) VALUES ('weu_disc', 'discordian');"
        "INSERT INTO platform_identities (universal_id, platform, platform_user_id, username)"
        f" VALUES ('weu_disc', 'discord', '{DISCORD_ID}', 'discordian')"
    )
    who = await admin(api)
    await api.services.person_data.merge(who, source_id=user.user_id, target_id="weu_disc")
    await api.services.messages.send(user, bot_name="marcus", content="I like tide pools")
    seen = await api.services.memories.of_person(who, "weu_disc", reason="ticket 4711", bot_name="marcus")
    assert seen.bot_user_ids == (DISCORD_ID, user.user_id)
    assert {memory.content for memory in seen.bots[0].memories} == {"I live in Seattle", "I like tide pools"}
    assert await api.services.memories.own(user, bot_name="marcus") == seen
    receipt = await api.services.memory_erasures.erase(who, "weu_disc", reason="ticket 4711", bot_name="marcus")
    assert set(outcomes(receipt, "marcus").values()) == {ErasureOutcome.ERASED}
    assert (await api.services.memories.own(user, bot_name="marcus")).bots[0].knows is BotKnows.NOTHING


async def test_an_erased_person_is_forgotten_by_bots_too(
    api: RunningApi, marcus: RunningBot, raw: asyncpg.Connection
) -> None:
    """Before the identity is gone; what was not reached is done later, and then no table knows the id any more."""
    user = await known(api, "alicia")
    who, data = await admin(api), api.services.person_data
    data._drain_s = 0.0
    await marcus.kill()
    erasure = await data.erase(who, user.user_id, typed_name="alicia", also_at_bots=True)
    assert erasure.receipt_id is not None
    receipt = await api.services.memory_erasures.receipt(who, erasure.receipt_id)
    assert (receipt.person, receipt.state) == (person_reference(user.user_id), ReceiptState.OPEN)
    assert set(outcomes(receipt, "marcus").values()) == {ErasureOutcome.NOT_REACHED}
    await marcus.start()
    await eventually(lambda: _is_retried(api, who, receipt.receipt_id))
    tables = await raw.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    for (table,) in tables:
        assert not await raw.fetchval(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE $1', f"%{user.user_id}%")
    assert (await api.services.memory_erasures.receipts(who, user_id=user.user_id))[0].receipt_id == receipt.receipt_id


async def _is_retried(api: RunningApi, who: Principal, receipt_id: UUID) -> bool:
    receipt = await api.services.memory_erasures.retry(who, receipt_id)
    return ErasureOutcome.NOT_REACHED not in {part.outcome for part in receipt.parts}


async def test_nobody_sees_or_erases_what_is_not_theirs(api: RunningApi) -> None:
    """Neither another user nor a role below admin, by services and over HTTP; refusals are in the trail."""
    user, other = await known(api, "alicia"), await api.principal("mallory")
    receipt = await api.services.memory_erasures.erase_own(user, bot_name="elena")
    erasures = api.services.memory_erasures
    with pytest.raises(NotFound):
        await erasures.retry_own(other, receipt.receipt_id)
    assert await erasures.own_receipts(other) == ()
    for who in (other, await admin(api, Role.VIEWER), await admin(api, Role.OPERATOR)):
        attempts: list[Any] = [
            api.services.memories.of_person(who, user.user_id, reason="nosy"),
            erasures.erase(who, user.user_id, reason="nosy"),
            erasures.retry(who, receipt.receipt_id),
            erasures.receipt(who, receipt.receipt_id),
            erasures.receipts(who),
        ]
        if who.is_admin:
            attempts += [api.services.memories.own(who), erasures.erase_own(who), erasures.own_receipts(who)]
        for attempt in attempts:
            with pytest.raises(AppError) as refused:
                await attempt
            assert refused.value.status in {401, 403}
    lines = await api.services.audit.find(await admin(api))
    assert sum(line.outcome == "denied" for line in lines) >= 6
    async with api.client(await api.login("mallory2")) as client:
        answer = await client.post(f"/api/users/me/memories/receipts/{receipt.receipt_id}/retry")
        assert answer.status_code == 404


async def test_the_routes_give_the_same(api: RunningApi) -> None:
    """A person's own look, erasure and receipts; an administrator's; a bot that nobody knows is 404."""
    token = await api.login("alicia")
    user = await api.services.auth.authenticate(token)
    await api.services.messages.send(user, bot_name="marcus", content=SAID)
    async with api.client(token) as own, api.client(await api.admin_login()) as console:
        seen = (await own.get("/api/users/me/memories")).json()
        assert {bot["bot_name"]: bot["knows"] for bot in seen["bots"]} == {
            "elena": "unsupported",
            "marcus": "something",
        }
        assert (await own.get("/api/users/me/memories", params={"bot_name": "nobody"})).status_code == 404
        path = f"/api/admin/users/{user.user_id}/memories"
        read = await console.post(f"{path}/read", json={"reason": "ticket 4711", "bot_name": "marcus"})
        assert [bot["memories"] for bot in read.json()["bots"]] == [[{"content": SAID, "score": 0.5}]]
        assert (await console.post(f"{path}/read", json={})).status_code == 422
        body = {"bot_name": "marcus", "parts": ["memories"]}
        erased = await own.request("DELETE", "/api/users/me/memories", json=body)
        assert [(one["part"], one["outcome"]) for one in erased.json()["parts"]] == [("memories", "erased")]
        answer = await console.post(f"{path}/erase", json={"reason": "ticket 4711", "bot_name": "marcus"})
        assert answer.json()["state"] == "done"
        listed = (await console.get(f"{path}/receipts")).json()["receipts"]
        assert [one["receipt_id"] for one in listed] == [answer.json()["receipt_id"], erased.json()["receipt_id"]]
        assert (await own.get("/api/users/me/memories/receipts")).json()["receipts"][1] == erased.json()
        one = f"/api/admin/memory-receipts/{answer.json()['receipt_id']}"
        assert (await console.get(one)).json() == answer.json()
        assert (await console.post(f"{one}/retry")).status_code == 409
        assert (await console.get("/api/admin/memory-receipts", params={"state": "open"})).json() == {"receipts": []}


async def test_all_bots_are_asked_only_so_often(api: RunningApi) -> None:
    """The thirteenth request of a minute is refused, whatever it is for; another person's is not."""
    user = await api.principal("alicia")
    for _ in range(12):
        await api.services.memories.own(user, bot_name="elena")
    with pytest.raises(RateLimited):
        await api.services.memory_erasures.erase_own(user)
    await api.services.memories.own(await api.principal("bobby"), bot_name="elena")


async def test_a_slow_bot_keeps_nobody_waiting(
    make_settings: MakeSettings, elena: RunningBot, marcus: RunningBot
) -> None:
    """What does not answer in time is named, and the others are shown."""
    async with running_api(make_settings(bots=(elena, marcus))) as api:
        user = await api.principal("alicia")
        api.services.memories._limit_s = 0.5
        await marcus.set_faults(scope="all", is_held=True)

        async def is_one_missing() -> bool:
            memories = await api.services.memories.own(user)
            return memories.not_answered == ("marcus",) and told(memories, "elena").knows is BotKnows.UNSUPPORTED

        await eventually(is_one_missing)
        await marcus.set_faults(scope="chat", is_held=False)
