"""Measures what containers use: all of them slowly by the leader, and those that somebody watches often."""

import asyncio

from chat_api.fleet.containers import ContainersService

SLOWLY_S = 60.0
OFTEN_S = 2.0


async def measure_all(containers: ContainersService) -> None:
    """Every minute until cancelled; one process does, for all. A first look soon after gives the first rates."""
    await asyncio.sleep(OFTEN_S)
    await containers.measure()
    await asyncio.sleep(OFTEN_S)
    while True:
        await containers.measure()
        await asyncio.sleep(SLOWLY_S)


async def measure_watched(containers: ContainersService) -> None:
    """Every two seconds until cancelled, what somebody watches in this process."""
    while True:
        if containers.watched:
            await containers.measure(containers.watched)
        await asyncio.sleep(OFTEN_S)
