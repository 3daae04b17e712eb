"""The gateway, row by row of what clients of language models really send (G1 to G13)."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from chat_api.keys.schemas import KeyDraft
from models import KeyScope, Role
from tests.chat_api.gateway.stage import USER, Stage, assert_openai_error, data_of, text_of
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot, sample_bot
from tests.support.shared_api import KEY_PAGE, PROXY, Knock

TITLE = (
    "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n### Output:\n"
    'JSON format: { "title": "your concise title here" }\n### Chat History:\n<chat_history>\nUSER: a secret\n'
    "</chat_history>"
)
TAGS = "### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history"
FOLLOW_UPS = "### Task:\nSuggest 3-5 relevant follow-up questions or prompts that the user might naturally ask next"
LIBRECHAT = "Please generate a concise, 5-word-or-less title for the conversation, using its same language."


# G1: a bot remembers, a client repeats


async def test_only_the_last_turn_reaches_the_bot(api: RunningApi, elena: RunningBot) -> None:
    """A system prompt and the repeated history never do; it is kept, and seen in the account's chat."""
    stage = await Stage.of(api, "repeating")
    history = [{"role": "system", "content": "You are a pirate"}, {"role": "developer", "content": "Be short"}]
    for word in ("first", "second", "third"):
        history.append({"role": "user", "content": f"The {word} turn"})
        answer = await stage.ask(*history)
        assert answer.status_code == 200, answer.text
        history.append(answer.json()["choices"][0]["message"])
    heard = (await elena.calls())[-3:]
    assert [call.message for call in heard] == ["The first turn", "The second turn", "The third turn"]
    assert await stage.said() == [call.message for call in heard]
    assert {call.user_id for call in heard} == {(await _principal(stage)).user_id}


@pytest.mark.parametrize("prompt", [TITLE, TAGS, FOLLOW_UPS, LIBRECHAT, f"{TITLE}{'x' * 9000}"])
async def test_background_requests_leave_no_trace(door: RunningApi, elena_process: RunningBot, prompt: str) -> None:
    """Titles, tags and follow-ups are answered, and said by nobody whom the bot knows or will meet again."""
    stage = await Stage.of(door, "titled")
    answer = await stage.ask({"role": "system", "content": "x"}, USER, {"role": "user", "content": prompt})
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"]
    assert await stage.said() == []
    call = (await elena_process.calls())[-1]
    assert call.user_id.startswith("gateway_")
    assert len(call.message) <= 4000


async def test_background_by_metadata_and_by_option_of_the_key(door: RunningApi) -> None:
    """What says so of itself is, whatever it looks like; and a key decides about all that comes with it."""
    auto = await Stage.of(door, "background auto")
    await auto.ask(metadata={"background": "true"})
    await auto.ask(metadata={"task": "title_generation"})
    assert await auto.said() == []
    everything = await Stage.of(door, "background all", background="all")
    await everything.ask()
    assert await everything.said() == []
    nothing = await Stage.of(door, "background none", background="none")
    await nothing.ask({"role": "user", "content": TAGS})
    assert await nothing.said() == [TAGS]


async def test_people_of_an_account(api: RunningApi, elena: RunningBot) -> None:
    """``user`` is somebody of this account alone; without it, or with the account's name, the account itself."""
    one, two = await Stage.of(api, "house one"), await Stage.of(api, "house two")
    for stage, user in ((one, "anna"), (one, "anna"), (one, "ben"), (two, "anna"), (one, None), (one, one.name)):
        assert (await stage.ask(user=user)).status_code == 200
    ids = [call.user_id for call in (await elena.calls())[-6:]]
    assert ids[0] == ids[1]
    assert ids[4] == ids[5] == (await _principal(one)).user_id
    assert len(set(ids)) == 4
    assert len(await one.said()) == 2
    admin = await api.services.auth.authenticate(await api.admin_login(), is_admin=True)
    await api.services.users.ban(admin, ids[2], reason="For the test")
    assert_openai_error(await one.ask(user="ben"), 403, "permission_denied")
    anna = await api.services.users.details(admin, ids[0])
    assert (anna.display_name, anna.is_guest) == ("anna", True)
    owner = await _principal(one)
    api.services.person_data._drain_s = 0
    erasure = await api.services.person_data.erase(admin, owner.user_id, typed_name=one.name)
    assert erasure.accounts == 3  # the account, and whom its keys spoke for


async def test_an_administrators_key_speaks_for_people_of_its_own(api: RunningApi, elena: RunningBot) -> None:
    """Administrators are nobody to bots: through a key there is somebody, with a name or without."""
    admin = await api.services.auth.authenticate(await api.admin_login(Role.VIEWER), is_admin=True)
    key = await api.services.keys.create(admin, KeyDraft(name="Service", scopes=[KeyScope.CHAT]))
    async with api.client(key.secret) as client:
        for user in ({}, {"user": "anna"}, {}):
            answer = await client.post("/v1/chat/completions", json={"model": "elena", "messages": [USER], **user})
            assert answer.status_code == 200, answer.text
    first, second, third = [call.user_id for call in (await elena.calls())[-3:]]
    assert first == third != second


async def test_what_is_said_is_kept_with_its_source(api: RunningApi) -> None:
    """The conversation that the client names too, and it is counted by source."""
    stage = await Stage.of(api, "sourced")
    await stage.ask(metadata={"conversation_id": "c-17"})
    async with api.client(stage.person) as client:
        await client.post("/api/chat", json={"bot_name": "elena", "content": "By hand"})
    async with api.services.keys._database.read() as connection:
        found = (
            await connection.execute(
                text("SELECT source, client_conversation, api_key_id IS NOT NULL FROM web_conversations ORDER BY seq")
            )
        ).all()
    assert [tuple(row) for row in found] == [("gateway", "c-17", True), (None, None, False)]
    await api.services.analytics.count()
    admin = await api.services.auth.authenticate(await api.admin_login(), is_admin=True)
    report = await api.services.analytics.report(admin)
    assert {one.source: one.messages for one in report.sources} == {"gateway": 1, "chat": 1}
    assert_openai_error(await stage.ask(metadata={"conversation_id": "x" * 101}), 400, None, "metadata.conversation_id")


# G2, G5, G13: what is read, ignored and refused


async def test_parts_are_joined(door: RunningApi) -> None:
    """In any turn; an assistant's may be empty; of a turn that reaches nobody any part is fine."""
    stage = await Stage.of(door, "parts")
    parts = [{"type": "text", "text": "Hi"}, {"type": "text", "text": " there"}]
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    answer = await stage.ask(
        {"role": "system", "content": parts},
        {"role": "user", "content": [*parts, image]},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "user", "content": parts},
    )
    assert answer.status_code == 200, answer.text
    assert await stage.said() == ["Hi there"]
    for part in (image, {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, {"type": "file"}):
        refused = await stage.ask({"role": "user", "content": [parts[0], part]})
        assert_openai_error(refused, 400, None, "messages[0].content[1]")


async def test_harmless_fields_are_ignored(door: RunningApi) -> None:
    """What OpenAI's API knows and a bot does not, and what nobody knows."""
    stage = await Stage.of(door, "harmless")
    answer = await stage.ask(
        {"role": "developer", "content": "Be kind"},
        USER,
        max_completion_tokens=5,
        max_tokens=5,
        temperature=0.2,
        seed=1,
        store=True,
        reasoning_effort="low",
        n=1,
        tools=[{"type": "function", "function": {"name": "x"}}],
        tool_choice="auto",
        response_format={"type": "text"},
        x={"y": 1},
    )
    assert answer.status_code == 200, answer.text


BAD: list[tuple[dict[str, Any], str | None]] = [
    ({"n": 2}, "n"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
    ({"messages": "x"}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": None}, "messages"),
    ({"messages": ["x"]}, "messages[0]"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
    ({"messages": [USER, {"role": "assistant", "content": "Hi"}]}, "messages"),
    ({"messages": [{"role": "system", "content": "Hi"}]}, "messages"),
    ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": "  "}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
    ({"messages": [{"role": "user", "content": "x" * 4001}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": "\u0000"}]}, "messages[0].content"),
    ({"model": None}, "model"),
    ({"stream": "yes"}, "stream"),
    ({"user": 7}, "user"),
]


async def test_what_cannot_be_done_is_refused_by_name(door: RunningApi) -> None:
    """At once, 400, with ``param``; nothing of it is stored."""
    stage = await Stage.of(door, "refused")
    for body, param in BAD:
        assert_openai_error(await stage.ask(**body), 400, None, param)
    assert await stage.said() == []


async def test_full_histories_fit(door: RunningApi) -> None:
    """Two megabytes do; more than eight is 413 in that API's shape; what is no JSON is 400, or 415."""
    stage = await Stage.of(door, "long history")
    turn = [{"role": "user", "content": "x" * 1000}, {"role": "assistant", "content": "y" * 1000}]
    assert (await stage.ask(*(turn * 1000), USER)).status_code == 200
    assert_openai_error(await stage.ask({"role": "user", "content": "x" * 9_000_000}), 413, "payload_too_large")
    async with door.client(stage.secret) as client:
        path = "/v1/chat/completions"
        broken = await client.post(path, content=b"{", headers={"content-type": "application/json"})
        listed = await client.post(path, json=[1])
        plain = await client.post(path, content=b"x", headers={"content-type": "text/plain"})
    assert_openai_error(broken, 400, None)
    assert_openai_error(listed, 400, None)
    assert_openai_error(plain, 415, "unsupported_media_type")


# G3, G4: what comes back


@pytest.mark.parametrize(
    ("options", "is_told"), [(None, False), ({"include_usage": False}, False), ({"include_usage": True}, True)]
)
async def test_a_stream_has_its_usage_only_when_asked(
    door: RunningApi, options: dict[str, bool] | None, is_told: bool
) -> None:
    """The chunk without choices comes before ``[DONE]``, and every other one is whole."""
    stage = await Stage.of(door, "usage")
    more: dict[str, Any] = {"stream_options": options} if options else {}
    answer = await stage.ask(stream=True, **more)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    *chunks, done = data_of(answer.text)
    assert done == "[DONE]"
    for chunk in chunks:
        assert {"id", "object", "created", "model", "choices"} <= chunk.keys()
        assert chunk["object"] == "chat.completion.chunk"
        assert all(choice["index"] == 0 and "finish_reason" in choice for choice in chunk["choices"])
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    assert ([chunk["choices"] for chunk in chunks].count([]), len(usages)) == ((1, 1) if is_told else (0, 0))
    ends = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert ends == [*[None] * (len(ends) - 1), "stop"]
    assert text_of(chunks)
    for usage in usages:
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_a_whole_answer(door: RunningApi) -> None:
    """Every field that clients read; whole numbers whose sum is right."""
    answer = (await (await Stage.of(door, "whole")).ask(model="ELENA")).json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "elena"
    assert answer["id"].startswith("chatcmpl-")
    assert isinstance(answer["created"], int)
    (choice,) = answer["choices"]
    assert (choice["index"], choice["finish_reason"], choice["message"]["role"]) == (0, "stop", "assistant")
    usage = answer["usage"]
    assert all(isinstance(value, int) for value in usage.values())
    assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"] > 0


async def test_the_responses_api_in_its_text_form(door: RunningApi) -> None:
    """Text or items in, a message out; what a bot cannot take is named."""
    stage = await Stage.of(door, "responding")
    path = "/v1/responses"
    for given in ("Hello", [{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}]):
        answer = (await stage.ask(path=path, input=given, instructions="Be a pirate")).json()
        assert (answer["object"], answer["status"], answer["output"][0]["role"]) == (
            "response",
            "completed",
            "assistant",
        )
        assert answer["output"][0]["content"][0]["text"]
        usage = answer["usage"]
        assert usage["input_tokens"] + usage["output_tokens"] == usage["total_tokens"]
    image = [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]
    assert_openai_error(await stage.ask(path=path, input=image), 400, None, "input[0].content[0]")
    assert_openai_error(await stage.ask(path=path, input=[]), 400, None, "input")
    assert_openai_error(await stage.ask(path=path, input="x", background=True), 400, None, "background")
    assert await stage.said() == ["Hello", "Hello"]


async def test_a_request_sent_twice_is_said_once(door: RunningApi) -> None:
    """With the same ``Idempotency-Key``, as over the other API."""
    stage = await Stage.of(door, "twice")
    async with door.client(stage.secret, headers={"Idempotency-Key": "one"}) as client:
        body = {"model": "elena", "messages": [USER]}
        first, second = [(await client.post("/v1/chat/completions", json=body)).json() for _ in range(2)]
    assert first == second
    assert await stage.said() == ["Hello"]


# G6, G7: models, unknown paths, refusals


async def test_models(door: RunningApi) -> None:
    """Listed for the key, in any case; what there is not, or not for this key, is unknown."""
    stage = await Stage.of(door, "modelling", bots=["elena"])
    listed = (await stage.get("/v1/models")).json()
    assert (listed["object"], [one["id"] for one in listed["data"]]) == ("list", ["elena"])
    for name in ("elena", "ELENA"):
        one = (await stage.get(f"/v1/models/{name}")).json()
        assert (one["id"], one["object"], one["owned_by"]) == ("elena", "model", "whisperengine")
        assert isinstance(one["created"], int)
    for name in ("nobody", "marcus"):
        assert_openai_error(await stage.get(f"/v1/models/{name}"), 404, "model_not_found")
        assert_openai_error(await stage.ask(model=name), 404, "model_not_found")
    assert_openai_error(await stage.get("/v1/embeddings"), 404, "unknown_url")
    assert_openai_error(await stage.get("/v1"), 404, "unknown_url")
    assert_openai_error(await stage.get("/v1/chat/completions"), 405, "method_not_allowed")
    for token in (None, stage.person, stage.secret + "x", "sk-something"):
        async with door.client(token) as client:
            answer = await client.get("/v1/models/elena")
        assert_openai_error(answer, 401, "invalid_api_key")
        assert token is None or token not in answer.text
    no_chat = await Stage.of(door, "no chat", scopes=["history"])
    assert_openai_error(await no_chat.get("/v1/models"), 403, "out_of_scope")
    assert_openai_error(await no_chat.ask(), 403, "out_of_scope")


async def test_failures_of_bots_are_told_in_that_shape(make_settings: MakeSettings) -> None:
    """502, 503 and 504; what was stored is not to be sent again by the client itself."""
    async with (
        sample_bot("elena", stream=True) as bot,
        running_api(make_settings(bots=(bot,), bot_api_timeout=1, bot_api_timeout_v2=1)) as api,
    ):
        stage = await Stage.of(api, "unlucky")
        assert (await stage.ask()).status_code == 200
        await bot.set_faults(mode="badjson")
        failed = await stage.ask()
        assert_openai_error(failed, 502, "bot_failed")
        assert failed.headers["x-should-retry"] == "false"
        await bot.set_faults(mode="hang")
        assert_openai_error(await stage.ask(), 504, "bot_timeout")
        streamed = await stage.ask(stream=True)
        assert streamed.status_code == 200
        assert data_of(streamed.text)[-1]["error"]["code"] == "bot_timeout"
        assert "stop" not in streamed.text
        # G10: it breaks off after some pieces
        await bot.set_faults(mode="truncate_stream")
        cut = data_of((await stage.ask({"role": "user", "content": "Tell me of the sea"}, stream=True)).text)
        assert text_of(cut)
        assert [choice["finish_reason"] for one in cut[:-1] for choice in one["choices"]][-1] == "length"
        whole = (await stage.ask({"role": "user", "content": "Tell me more"})).json()
        assert whole["choices"][0]["finish_reason"] == "length"
        response = await stage.ask(path="/v1/responses", input="Once more", stream=True)
        assert data_of(response.text)[-1]["type"] == "response.incomplete"
        await bot.kill()
        gone = await stage.ask()
        assert gone.status_code in {502, 503}
        assert gone.json()["error"]["type"] == "server_error"


# Row G8, browsers


async def test_pages_of_the_list_may_call(knock: Knock, door: RunningApi) -> None:
    """A preflight is answered before all else; errors and streams can be read; other sites' pages cannot."""
    stage = await Stage.of(door, "browsing")
    ask = {
        "Origin": KEY_PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    body = {"model": "elena", "messages": [USER], "stream": True}
    async with knock(PROXY) as client:
        for path in ("/v1/chat/completions", "/v1/nothing", "/api/chat"):
            preflight = await client.options(path, headers=ask)
            assert preflight.status_code == 204
            assert preflight.headers["access-control-allow-origin"] == KEY_PAGE
            assert preflight.headers["access-control-allow-headers"] == "authorization,content-type"
            assert "POST" in preflight.headers["access-control-allow-methods"]
        page = {"Origin": KEY_PAGE, "Authorization": f"Bearer {stage.secret}", "Sec-Fetch-Site": "cross-site"}
        for headers, status in ((page, 200), ({"Origin": KEY_PAGE}, 401)):
            answer = await client.post("/v1/chat/completions", json=body, headers=headers)
            assert answer.status_code == status, answer.text
            assert answer.headers["access-control-allow-origin"] == KEY_PAGE
            assert "x-ratelimit-remaining-requests" in answer.headers["access-control-expose-headers"]
            assert "Retry-After" in answer.headers["access-control-expose-headers"]
        chat = await client.post("/api/chat", json={"bot_name": "elena", "content": "Hi"}, headers=page)
        assert chat.status_code == 200
        assert chat.headers["access-control-allow-origin"] == KEY_PAGE
        # A cookie is never taken from another site's page, on the list or not.
        cookie = await client.post(
            "/api/chat",
            json={"bot_name": "elena", "content": "Hi"},
            headers={"Origin": KEY_PAGE, "Cookie": f"we_session={stage.person}"},
        )
        assert cookie.status_code == 403
        assert cookie.headers["access-control-allow-origin"] == KEY_PAGE
        foreign = page | {"Origin": "https://evil.example"}
        refused = await client.post("/v1/chat/completions", json=body, headers=foreign)
        assert_openai_error(refused, 403, "permission_denied")
        assert "access-control-allow-origin" not in refused.headers
        assert (await client.options("/v1/models", headers=ask | {"Origin": "https://evil.example"})).status_code != 204


# G9: a bot that thinks


async def test_a_slow_bot_is_streamed_at_once_and_kept_alive(make_settings: MakeSettings) -> None:
    """Headers and the role come while it thinks, and comments; compression holds nothing back."""
    async with sample_bot("elena") as bot, running_api(make_settings(bots=(bot,))) as api:
        api.services.gateway.ping_every_s = 0.1
        stage = await Stage.of(api, "patient")
        await stage.ask()
        await bot.set_faults(delay_ms=3000)
        body = {"model": "elena", "messages": [USER], "stream": True}
        headers = {"Accept-Encoding": "gzip"}
        seen: list[str] = []
        async with (
            api.client(stage.secret, headers=headers) as client,
            client.stream("POST", "/v1/chat/completions", json=body) as answer,
        ):
            assert "content-encoding" not in answer.headers
            async for line in answer.aiter_lines():
                seen.append(line)
                if line.startswith(": ping") and seen.count(": ping") == 2:
                    assert json.loads(seen[0].removeprefix("data: "))["choices"][0]["delta"]["role"] == "assistant"
                    assert len([one for one in seen if one.startswith("data:")]) == 1
        assert seen.count(": ping") >= 2
        assert "data: [DONE]" in seen


# G11, G12: keys in use


async def test_a_revoked_key_gets_no_more_of_its_answer(make_settings: MakeSettings) -> None:
    """A stream that runs ends with an error; what the bot says is kept all the same."""
    async with (
        sample_bot("elena", stream=True, piece_delay_ms=300) as bot,
        running_api(make_settings(bots=(bot,))) as api,
    ):
        stage = await Stage.of(api, "revoked meanwhile")
        body = {"model": "elena", "messages": [{"role": "user", "content": "Tell me of the sea"}], "stream": True}
        async with (
            api.client(stage.secret) as client,
            client.stream("POST", "/v1/chat/completions", json=body) as answer,
        ):
            lines = answer.aiter_lines()
            await anext(lines)
            async with api.client(stage.person) as owner:
                assert (await owner.delete(f"/api/keys/{stage.key['id']}")).status_code == 200
            rest = data_of("\n".join([line async for line in lines]))
        assert rest[-1]["error"]["code"] == "invalid_api_key"
        assert "[DONE]" not in rest

        async def is_kept() -> bool:
            async with api.client(stage.person) as owner:
                found = (await owner.get("/api/conversations/elena/messages")).json()["messages"]
            return bool(found[0]["role"] == "bot")

        await eventually(is_kept)


async def test_a_limit_in_that_shape(door: RunningApi) -> None:
    """429 with what is left and when to come again; a budget that is spent says not to come again."""
    stage = await Stage.of(door, "limited here", requests_per_minute=1, messages_per_day=1)
    assert (await stage.ask()).headers["x-ratelimit-limit-requests"] == "1"
    refused = await stage.ask()
    assert_openai_error(refused, 429, "rate_limit_exceeded")
    assert int(refused.headers["retry-after"]) <= 60
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert "x-should-retry" not in refused.headers
    poor = await Stage.of(door, "poor", messages_per_day=1)
    assert (await poor.ask({"role": "user", "content": TITLE})).status_code == 200  # counted, though not kept
    spent = await poor.ask()
    assert_openai_error(spent, 429, "insufficient_quota")
    assert spent.headers["x-should-retry"] == "false"


async def _principal(stage: Stage) -> Any:
    return await stage.api.services.auth.authenticate(stage.person)
