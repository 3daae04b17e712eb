"""Reads what the fleet's own stores say of it, at the rhythm of the other sources; nothing else waits for a store."""

import asyncio

from chat_api.background.worker_registry import heartbeat
from chat_api.fleet.sources_watcher import REFRESH_S, SourcesWatcher
from chat_api.fleet.store_sources import StoreSources


async def watch_stores(stores: StoreSources, sources: SourcesWatcher) -> None:
    """Read until cancelled; what is new changes the fleet at once. Every process does, as with the files."""
    while stores.is_configured:
        if await stores.read():
            await sources.refresh()
        heartbeat(interval_s=REFRESH_S)
        await asyncio.sleep(REFRESH_S)
    await asyncio.Event().wait()
