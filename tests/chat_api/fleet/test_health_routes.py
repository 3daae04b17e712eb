"""Liveness, readiness and metrics: who is told what."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect

from chat_api.embedded.servers import embedded_servers
from chat_api.fleet.schemas import ServiceStatus
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.redis_proxy import redis_proxy
from tests.support.sample_bots import RunningBot
from tests.support.shared_api import PROXY, Knock, assert_error
from tests.support.sql_proxy import sql_proxy

TOKEN = "a-scraper's-token-of-some-length"


async def test_strangers_learn_little(door: RunningApi) -> None:
    """One word; no names, no services, no versions."""
    async with door.client("not-a-token") as client:
        answer = await client.get("/health")
    assert answer.status_code == 200
    assert answer.json().keys() == {"status"}


async def test_administrators_learn_much(door: RunningApi, tokens: dict[str, str]) -> None:
    """Every service with its answer time, every bot; a user is a stranger here."""
    async with door.client(tokens["viewer"]) as client:

        async def checked() -> dict[str, object] | None:
            body = (await client.get("/health")).json()
            return body if body["services"]["postgres"]["status"] == "healthy" else None

        body = await eventually(checked)
    assert body["services"].keys() == {"postgres", "redis", "qdrant", "docker"}  # type: ignore[attr-defined]
    assert body["bots"].keys() == {"elena", "marcus"}  # type: ignore[attr-defined]
    async with door.client(tokens["user"]) as client:
        assert (await client.get("/health")).json().keys() == {"status"}


async def test_readiness_ends_with_draining(make_settings: MakeSettings, elena: RunningBot) -> None:
    """A process on its way out asks for no more traffic."""
    async with running_api(make_settings(bots=(elena,))) as api, api.client() as client:
        assert (await client.get("/health/ready")).json()["status"] == "ready"
        api.services.health.is_draining = True
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
        assert (await client.get("/health")).status_code == 200


async def test_readiness_ends_with_lasting_deafness(
    make_settings: MakeSettings, redis_url: str, elena: RunningBot
) -> None:
    """A process that hears nothing while Redis answers gets no traffic until it hears again."""
    async with redis_proxy(redis_url) as proxy, running_api(make_settings(bots=(elena,), redis_url=proxy.url)) as api:

        async def answers(status: int, realtime: str) -> bool:
            async with api.client() as client:
                answer = await client.get("/health/ready")
            return (answer.status_code, answer.json()["realtime"]) == (status, realtime)

        await eventually(lambda: answers(200, "live"))
        proxy.deafen(for_good=True)
        await eventually(lambda: answers(503, "deaf"))
        proxy.hear()
        await eventually(lambda: answers(200, "live"))


async def test_readiness_survives_the_loss_of_redis(
    make_settings: MakeSettings, redis_url: str, elena: RunningBot
) -> None:
    """Redis is never authoritative: without it there is traffic, and the answer says how it is."""
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(redis_proxy(redis_url))
        api = await stack.enter_async_context(running_api(make_settings(bots=(elena,), redis_url=proxy.url)))
        client = await stack.enter_async_context(api.client())
        seen = set()

        async def is_now(realtime: str) -> bool:
            answer = await client.get("/health/ready")
            seen.add(answer.status_code)
            return bool(answer.json()["realtime"] == realtime)

        await eventually(lambda: is_now("live"))
        await proxy.cut()
        await eventually(lambda: is_now("away"))
        assert seen == {200}


async def test_readiness_does_not_wait_for_a_server_that_hangs(make_settings: MakeSettings, database_url: str) -> None:
    """PostgreSQL takes connections and says nothing: many who ask are told no, long before a check gives up."""
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(sql_proxy(database_url))
        api = await stack.enter_async_context(running_api(make_settings(database_url=proxy.url)))
        client = await stack.enter_async_context(api.client())
        assert (await client.get("/health/ready")).status_code == 200
        proxy.freeze()
        patient = asyncio.create_task(api.services.health.check("postgres"))
        answers = await asyncio.gather(*(client.get("/health/ready") for _ in range(5)))
        assert [answer.status_code for answer in answers] == [503] * 5
        assert not patient.done()
        assert (await patient).status is ServiceStatus.UNHEALTHY
        await proxy.heal()

        async def is_ready() -> bool:
            return (await client.get("/health/ready")).status_code == 200

        await eventually(is_ready)


async def test_readiness_ends_with_postgresql(make_settings: MakeSettings) -> None:
    """Without it we live but store nothing: 503 for traffic, typed and with ``Retry-After`` for who comes anyway."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="we-", ignore_cleanup_errors=True)))
        postgres = AsyncExitStack()
        endpoints = await postgres.enter_async_context(embedded_servers(folder, valkey=False))
        stack.push_async_callback(postgres.aclose)
        api = await stack.enter_async_context(running_api(make_settings(database_url=endpoints.database_url)))
        client = await stack.enter_async_context(api.client(await api.login()))
        assert (await client.get("/health/ready")).status_code == 200
        await postgres.aclose()
        assert (await client.get("/health/ready")).status_code == 503
        assert (await client.get("/health")).status_code == 200
        for answer in (
            await client.get("/api/me"),
            await client.post("/api/login", json={"username": "bobby"}),
            await client.post("/api/chat", json={"content": "Hello", "bot_name": "elena"}),
        ):
            assert_error(answer, 503, "database_unavailable")
            assert int(answer.headers["retry-after"]) >= 1


async def metrics_for(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    """One scrape."""
    return await client.get("/metrics", headers=headers)


async def test_metrics_are_for_this_machine(door: RunningApi, knock: Knock, tokens: dict[str, str]) -> None:
    """Loopback and administrators; nobody who came through a proxy on this machine, trusted or not."""
    async with door.client() as local, knock() as stranger, knock(PROXY) as proxied:
        assert (await metrics_for(local)).status_code == 200
        assert_error(await metrics_for(stranger), 401)
        assert_error(await metrics_for(stranger, **{"X-Forwarded-For": "127.0.0.1"}), 401)
        assert_error(await metrics_for(proxied, **{"X-Forwarded-For": "127.0.0.1"}), 401)
        assert_error(await metrics_for(local, **{"X-Forwarded-For": "203.0.113.5"}), 401)
        assert_error(await metrics_for(local, Forwarded="for=203.0.113.5"), 401)
        assert_error(await metrics_for(stranger, Authorization=f"Bearer {tokens['user']}"), 401)
        assert (await metrics_for(stranger, Authorization=f"Bearer {tokens['viewer']}")).status_code == 200


async def test_a_scrapers_token_is_asked_for_where_one_is_set(make_settings: MakeSettings) -> None:
    """From everywhere, this machine included."""
    async with running_api(make_settings(metrics_token=TOKEN)) as api, api.client() as client:
        assert_error(await metrics_for(client), 401)
        assert_error(await metrics_for(client, Authorization="Bearer wrong"), 401)
        assert (await metrics_for(client, Authorization=f"Bearer {TOKEN}")).status_code == 200


async def test_metrics_count_what_happens(door: RunningApi) -> None:
    """HTTP by route, WebSockets, bot calls, the pool and the loop; with names after Prometheus's conventions."""
    token = await door.login("measured")
    async with door.client(token) as client, connect(door.ws_url + token, proxy=None) as tab:
        await client.post("/api/chat", json={"content": "Hello", "bot_name": "elena"})
        await tab.recv()
        await client.get("/api/conversations/elena/messages")
        await client.get("/api/nothing-to-find-here")

        async def gauged() -> str | None:
            text = (await client.get("/metrics")).text
            return text if "whisperengine_web_database_pool_connections" in text else None

        families = {family.name: family for family in text_string_to_metric_families(await eventually(gauged))}
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families.values()
        for sample in family.samples
    }
    ours = "whisperengine_web_"
    routes = {labels["route"] for labels in (s.labels for s in families[f"{ours}http_requests"].samples)}
    assert {"/api/chat", "/api/login", "/api/conversations/{bot_name}/messages", "unmatched"} <= routes
    assert not any("nothing-to-find" in route for route in routes)
    requests = (f"{ours}http_requests_total", ("method", "POST"), ("route", "/api/chat"), ("status", "200"))
    assert samples[requests] >= 1
    assert samples[(f"{ours}bot_calls_total", ("bot_name", "elena"), ("outcome", "ok"))] >= 1
    assert samples[(f"{ours}websocket_connections",)] >= 1
    assert samples[(f"{ours}websocket_frames_total", ("direction", "out"), ("type", "bot_typing"))] >= 1
    assert samples[(f"{ours}event_loop_lag_seconds_count",)] >= 1
    assert (f"{ours}database_pool_connections", ("state", "idle")) in samples
    for family in families.values():
        if family.name.startswith(ours):
            assert family.documentation
            assert not family.name.endswith(("_total", "_ms", "_count"))
            if family.type == "histogram":
                assert family.name.endswith("_seconds")
