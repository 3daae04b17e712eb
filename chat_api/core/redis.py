"""The Redis connection. Redis carries wake-ups and shared limits; losing it loses no message."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

TIMEOUT_S = 2.0


def connect_redis(redis_url: str) -> Redis:
    """A client with a bounded pool; nothing is sent until it is used. The caller sets the time limit of a command.

    A socket_timeout would make the client write through asyncio.wait_for, which in Python 3.11 loses a cancellation
    that arrives as it finishes: a worker would not end when it is told to.
    """
    pool = BlockingConnectionPool.from_url(
        redis_url,
        max_connections=50,
        timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        health_check_interval=15,
        retry=Retry(NoBackoff(), 1),
        decode_responses=True,
    )
    return Redis.from_pool(pool)
