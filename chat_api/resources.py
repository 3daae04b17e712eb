"""What the application opens at its start: servers, pools and the container engine."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from redis.asyncio import Redis

from chat_api.bots.connector import BotConnector
from chat_api.core.database import Database
from chat_api.core.metrics import Metrics
from chat_api.core.pubsub import PubSub
from chat_api.core.redis import connect_redis
from chat_api.core.settings import Settings
from chat_api.engine.interface import ContainerEngine, NoEngine
from chat_api.series.recorder import SeriesRecorder
from chat_api.settings import repository as console_settings
from chat_api.settings.service import effective
from chat_api.settings.store import Values
from chat_api.system import deployment_repository as deployment
from models.migrate import upgrade


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Open, and closed in reverse by the stack they were opened on.

    ``environment`` are the settings that the process was started with, ``set_here`` what the console set over them,
    ``settings`` both together.
    """

    environment: Settings
    settings: Settings
    set_here: Values
    metrics: Metrics
    database: Database
    redis_url: str
    redis: Redis
    engine: ContainerEngine
    recorder: SeriesRecorder
    connector: BotConnector
    pubsub: PubSub


async def open_resources(
    stack: AsyncExitStack, environment: Settings, metrics: Metrics, *, engine: ContainerEngine | None = None
) -> Resources:
    """Open everything; ``engine`` in the place of the configured one. Raises what makes a start impossible."""
    database, redis_url, set_here = await _storage(stack, environment)
    settings = effective(environment, set_here)
    database.slow_queries.on_slow = metrics.record_slow_query
    redis = connect_redis(redis_url)
    stack.push_async_callback(redis.aclose)
    engine = engine or _engine(settings)
    stack.push_async_callback(engine.close)
    recorder = SeriesRecorder(database)
    metrics.on_request, metrics.on_lag = recorder.record_request, recorder.record_lag
    stack.push_async_callback(recorder.close)
    async with database.statement() as connection:
        pubsub = PubSub(redis_url, deployment_id=await deployment.deployment_id(connection))
    return Resources(
        environment=environment,
        settings=settings,
        set_here=set_here,
        metrics=metrics,
        database=database,
        redis_url=redis_url,
        redis=redis,
        engine=engine,
        recorder=recorder,
        connector=await _connector(stack, settings, metrics, recorder),
        pubsub=pubsub,
    )


async def _storage(stack: AsyncExitStack, settings: Settings) -> tuple[Database, str, Values]:
    """The migrated database, open, the address of Redis, and what is set in the console."""
    database_url, redis_url = await _servers(stack, settings)
    await upgrade(database_url)
    set_here = await console_settings.read_at_start(database_url)
    database = Database(database_url, pool_size=effective(settings, set_here).database_pool_size)
    stack.push_async_callback(database.dispose)
    return database, redis_url, set_here


async def _servers(stack: AsyncExitStack, settings: Settings) -> tuple[str, str]:
    """The addresses of PostgreSQL and Redis: the configured ones, else those of our own servers."""
    database_url = settings.database_url.get_secret_value() if settings.database_url else None
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    if database_url is None or redis_url is None:
        from chat_api.embedded.servers import embedded_servers

        endpoints = await stack.enter_async_context(
            embedded_servers(settings.web_ui_state_dir, postgres=database_url is None, valkey=redis_url is None)
        )
        database_url = database_url or endpoints.database_url
        redis_url = redis_url or endpoints.redis_url
    assert database_url is not None
    assert redis_url is not None
    return database_url, redis_url


async def _connector(
    stack: AsyncExitStack, settings: Settings, metrics: Metrics, recorder: SeriesRecorder
) -> BotConnector:
    def called(bot_name: str, outcome: str, duration_s: float) -> None:
        metrics.record_bot_call(bot_name, outcome, duration_s)
        recorder.record_answer(bot_name, outcome, duration_s)

    connector = BotConnector(settings, on_call=called, on_refused=metrics.record_bot_refusal)
    await connector.initialize()
    stack.push_async_callback(connector.cleanup)
    return connector


def _engine(settings: Settings) -> ContainerEngine:
    if settings.docker_host is None:
        return NoEngine()
    from chat_api.engine.client import EngineTls
    from chat_api.engine.docker import DockerEngine  # The SDK is slow to import, and not always needed.

    return DockerEngine(settings.docker_host, label=settings.docker_label, tls=EngineTls.of(settings))
