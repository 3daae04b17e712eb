"""What one administrator can hold open, and what is left for the others."""

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import httpx
import pytest

from chat_api.core.errors import RateLimited
from chat_api.core.principals import Principal
from chat_api.core.tally import Tally
from chat_api.logs import service as logs
from chat_api.logs.service import MAX_VIEWERS_PER_PERSON
from chat_api.transcripts.schemas import Search
from chat_api.transcripts.service import MAX_SEARCHES_PER_PERSON
from models import Role
from tests.support.api import ADMIN_PASSWORD, MakeSettings, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot
from tests.support.shared_api import assert_error


async def test_one_person_does_not_take_all_log_streams(make_settings: MakeSettings, elena: RunningBot) -> None:
    """As many as a person needs; the next is refused with words, others are not, and a closed one makes room."""
    # Nobody answers there: that a log cannot be read at the moment is no reason not to watch it.
    settings = make_settings(bots=(elena,), docker_host="tcp://127.0.0.1:1")
    async with running_api(settings) as api, AsyncExitStack() as stack:
        path = "/api/admin/logs/stream?bots=elena"
        greedy = await stack.enter_async_context(api.client(await api.admin_login(Role.VIEWER), limits=NO_LIMITS))
        other = await stack.enter_async_context(api.client(await api.admin_login(Role.OPERATOR)))
        streams = [
            await greedy.send(greedy.build_request("GET", path), stream=True) for _ in range(MAX_VIEWERS_PER_PERSON)
        ]
        assert {stream.status_code for stream in streams} == {200}
        async with greedy.stream("GET", path) as refused:  # one that is not would never end
            assert refused.status_code == 429
            await refused.aread()
        error = assert_error(refused, 429, "rate_limited")
        assert "Close one" in str(error["message"])
        async with other.stream("GET", path) as theirs:
            assert theirs.status_code == 200
        await streams.pop().aclose()

        async def has_room() -> bool:
            async with greedy.stream("GET", path) as again:
                return again.status_code == 200

        await eventually(has_room)
        ending = [asyncio.create_task(stream.aread()) for stream in streams]
        await stack.enter_async_context(AsyncExitStack())
        api.services.logs.end_viewers()  # as at the end of the process
        for said in await asyncio.gather(*ending):
            assert b"shutting_down" in said


async def test_one_person_exports_only_some_at_once(make_settings: MakeSettings) -> None:
    """The next has to wait, whatever it is of; one that has ended, or failed, makes room."""
    async with running_api(make_settings()) as api, api.client(await api.admin_login(Role.ADMIN)) as client:
        exports: Tally = api.app.state.exports
        me = (await api.services.auth.authenticate(await api.admin_login(Role.ADMIN), is_admin=True)).user_id
        paths = ("/api/admin/conversations/weu_x/elena/export", "/api/admin/users/weu_x/export")

        async def statuses() -> list[int]:
            return [(await client.post(path, json={"reason": "for the test"})).status_code for path in paths]

        for _ in range(exports.limit + 1):
            assert await statuses() == [404, 404]
        while exports.take(me):
            pass
        assert await statuses() == [429, 429]
        assert (await client.get("/api/admin/status")).status_code == 200


async def test_one_person_searches_only_some_at_once(make_settings: MakeSettings, elena: RunningBot) -> None:
    """In logs, and in conversations: one more has to wait until another has ended, and nobody else has to."""
    async with running_api(make_settings(bots=(elena,), docker_host="tcp://127.0.0.1:1")) as api:
        auth = api.services.auth
        await api.services.admin_setup.create_admin("another", ADMIN_PASSWORD)
        tokens = (await api.admin_login(), (await auth.admin_login("another", ADMIN_PASSWORD)).token)
        me, other = [await auth.authenticate(token, is_admin=True) for token in tokens]

        def in_logs(who: Principal) -> Awaitable[object]:
            return api.services.logs.history(who, ["elena"], since=datetime.now(UTC))

        def in_conversations(who: Principal) -> Awaitable[object]:
            return api.services.transcripts.find(who, Search(user="anna"))

        for search, limit in ((in_logs, logs.MAX_SEARCHES_PER_PERSON), (in_conversations, MAX_SEARCHES_PER_PERSON)):
            for _ in range(2):
                told = await asyncio.gather(
                    *(search(me) for _ in range(limit + 1)), search(other), return_exceptions=True
                )
                assert [type(one) is RateLimited for one in told] == [False] * limit + [True, False]


def test_a_tally_gives_back_what_was_taken() -> None:
    """A holder, and all together, have so many at once; nothing is kept of who has none."""
    tally = Tally(2, total=3)
    assert [tally.take("a"), tally.take("a"), tally.take("a")] == [True, True, False]
    assert [tally.take("b"), tally.take("b")] == [True, False]
    tally.leave("a")
    with tally.holding("b", refusal="no"):
        assert tally.held("b") == 2
        with pytest.raises(RateLimited, match="no"), tally.holding("c", refusal="no"):
            pass
    for holder in ("a", "b"):
        tally.leave(holder)
    assert tally._held == {}


NO_LIMITS = httpx.Limits(max_connections=None)
