"""The whole way: a real Redis goes away under thirty bots, and one message arrives at a real HTTP server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import yaml
from aiohttp import web

from chat_api.alerts.schemas import ChannelDraft
from models import RuleKind
from tests.support.alert_receiver import alert_receiver
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.redis_proxy import redis_proxy

BOTS = 30


class Flock:
    """Thirty bots in one process that are well for as long as their Redis is."""

    def __init__(self) -> None:
        self.is_well = True
        self.urls: list[str] = []

    async def health(self, _: web.Request) -> web.Response:
        """What each of them answers."""
        if not self.is_well:
            return web.json_response({"status": "unhealthy"}, status=503)
        return web.json_response({"status": "healthy"})


@asynccontextmanager
async def flock() -> AsyncIterator[Flock]:
    """Serve them, each on a port of its own, while the block runs."""
    bots = Flock()
    app = web.Application()
    app.router.add_get("/health", bots.health)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        for _ in range(BOTS):
            await web.TCPSite(runner, "127.0.0.1", 0).start()
        bots.urls = [f"http://127.0.0.1:{port}" for _, port in runner.addresses]
        yield bots
    finally:
        await runner.cleanup()


async def hasten(api: RunningApi, receiver_url: str) -> None:
    """A channel to the receiver, and the rules as installed but for how long they wait."""
    admin = await api.services.auth.authenticate(await api.admin_login(), is_admin=True)
    settings = api.services.alert_settings
    for rule in await settings.rules(admin):
        if rule.kind in {RuleKind.BOT_DOWN, RuleKind.SERVICE_DOWN}:
            quick = replace(rule, for_s=3, keep_firing_for_s=0)
            await settings.change_rule(admin, rule.rule_id, quick)
    await settings.create_channel(admin, ChannelDraft(name="Pager", url=receiver_url))


async def test_redis_down_under_thirty_bots_is_one_message(
    make_settings: MakeSettings, redis_url: str, tmp_path: Path
) -> None:
    """It names Redis and the thirty; when all is well again there is one more, that says so."""
    config = tmp_path / "thirty.yaml"
    async with flock() as bots, redis_proxy(redis_url) as redis, alert_receiver() as receiver:
        names = [f"bot{number:02}" for number in range(BOTS)]
        config.write_text(yaml.safe_dump([{"name": n, "url": u} for n, u in zip(names, bots.urls, strict=True)]))
        async with running_api(make_settings(redis_url=redis.url, bots_config=config)) as api:
            await hasten(api, receiver.channel_url)
            await eventually(lambda: api.services.fleet.current().headline == f"All {BOTS} bots are online")
            await redis.cut()
            bots.is_well = False
            await eventually(lambda: receiver.titles == [f"Redis is down: {BOTS} bots affected"])
            assert receiver.messages[0]["message"].count(",") >= BOTS - 1
            await redis.heal()
            bots.is_well = True
            await eventually(lambda: len(receiver.titles) == 2)
            assert receiver.titles[1].startswith("Resolved: Redis")
