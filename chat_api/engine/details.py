"""Asks an engine about many containers at once, each with a time limit of its own.

One that the engine does not answer for must not hide the others: it is left out for this time, and asked about again
when the engine has answered or given up.
"""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import requests

from chat_api.engine.client import BoundedClient
from chat_api.engine.views import Json

MAX_PARALLEL = 16
# All of one list together; an engine answers for one container in milliseconds.
LIST_S = 3.0


class ContainerDetails:
    """Reads ``GET /containers/{name}/json`` of many in a few threads, which end with the list."""

    def __init__(self) -> None:
        self._pending: dict[str, tuple[Future[Json], float]] = {}
        self._lock = threading.Lock()

    def read(self, client: BoundedClient, names: Mapping[str, Json]) -> dict[str, Json | Exception]:
        """Blocks, at most ``LIST_S``. The details by name, or why there are none: TimeoutError without an answer."""
        if not names:
            return {}
        with self._lock:
            now_s = time.monotonic()
            self._pending = {name: (asked, at_s) for name, (asked, at_s) in self._pending.items() if not asked.done()}
            # Younger ones are only under way, for somebody else who asked before what may have happened since.
            stuck = {name for name, (_, at_s) in self._pending.items() if now_s - at_s >= LIST_S}
            wanted = [name for name in names if name not in stuck]
            threads = ThreadPoolExecutor(
                max_workers=min(MAX_PARALLEL, max(1, len(wanted))), thread_name_prefix="docker"
            )
            asked = {name: threads.submit(client.inspect_container, name) for name in wanted}
            self._pending |= {name: (future, now_s) for name, future in asked.items()}
        threads.shutdown(wait=False)
        deadline_s = time.monotonic() + LIST_S
        return {name: _outcome(asked.get(name), deadline_s) for name in names}


def _outcome(asked: "Future[Json] | None", deadline_s: float) -> Json | Exception:
    if asked is None:
        return TimeoutError()
    try:
        return asked.result(timeout=max(0.0, deadline_s - time.monotonic()))
    except (TimeoutError, requests.ReadTimeout):  # ours, or the socket's: there was no answer
        return TimeoutError()
    except Exception as error:
        return error
