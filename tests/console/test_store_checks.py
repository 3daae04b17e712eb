"""``check`` beside a fleet: what its own stores say, and which of them cannot be read."""

from redis.asyncio import Redis

from console.checks import Outcome, run_checks
from tests.support.api import MakeSettings
from tests.support.influx import TOKEN, running_influx
from tests.support.sample_bots import RunningBot


async def test_bots_are_found_in_the_fleets_stores_and_a_wrong_token_is_named(
    make_settings: MakeSettings, redis_url: str, marcus: RunningBot
) -> None:
    """An announced bot is asked as any other; a store that refuses is a warning, for everything works without it."""
    async with Redis.from_url(redis_url) as redis, running_influx() as influx:
        await redis.set("whisper:discovery:endpoint:marcus", f"http://localhost:{marcus.port}")
        stores = {"fleet_redis_url": redis_url, "fleet_database_url": "postgresql://reader@127.0.0.1:9/fleet"}
        settings = make_settings(**stores, influxdb_url=influx.url, influxdb_token="wrong")
        findings = {(one.name, one.outcome): one.detail for one in await run_checks(settings)}
        assert "refuses the credentials" in findings["InfluxDB", Outcome.WARN]
        assert findings[f"bot {marcus.name}", Outcome.OK]
        assert "can't be reached" in findings["fleet", Outcome.WARN]
        settings = make_settings(**stores, influxdb_url=influx.url, influxdb_token=TOKEN)
        assert ("InfluxDB", Outcome.OK) in {(one.name, one.outcome) for one in await run_checks(settings)}
