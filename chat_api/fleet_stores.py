"""The fleet's own stores, opened for reading as far as they are configured."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from redis.asyncio import Redis

from chat_api.core.fleet_database import FleetDatabase
from chat_api.core.redis import connect_redis
from chat_api.core.settings import Settings
from chat_api.fleet_data.influx import InfluxReader


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetStores:
    """None where nothing is configured. Nothing is connected before it is asked."""

    database: FleetDatabase | None = None
    redis: Redis | None = None
    influx: InfluxReader | None = None


def open_fleet_stores(stack: AsyncExitStack, settings: Settings) -> FleetStores:
    """What the settings name; closed by the stack."""
    database = redis = influx = None
    if settings.fleet_database_url is not None:
        database = FleetDatabase(settings.fleet_database_url.get_secret_value())
        stack.push_async_callback(database.close)
    if settings.fleet_redis_url is not None:
        redis = connect_redis(settings.fleet_redis_url.get_secret_value())
        stack.push_async_callback(redis.aclose)
    if settings.influxdb_url is not None:
        token = settings.influxdb_token.get_secret_value() if settings.influxdb_token else None
        influx = InfluxReader(
            settings.influxdb_url, token=token, org=settings.influxdb_org, bucket=settings.influxdb_bucket
        )
    return FleetStores(database=database, redis=redis, influx=influx)
