"""The whole web application: the API, and the pages over the same services."""

import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from nicegui import app as nicegui_app
from nicegui import core, ui
from nicegui.staticfiles import CacheControlledStaticFiles
from starlette.responses import Response
from starlette.routing import Mount

from chat_api.app import create_app
from chat_api.core.settings import Settings
from chat_api.engine.interface import ContainerEngine
from console import context, guard, page_head, pages
from console.labels import labels_head
from console.live.lifespan import following

YEAR_S = 365 * 24 * 3600
RECONNECT_TIMEOUT_S = 5.0
# How long a page may be too busy to answer a ping. NiceGUI's own 2 s cut off phones and slow machines that are well.
PAGE_PONG_S = 20.0


def build(settings: Settings, *, engine: ContainerEngine | None = None) -> FastAPI:
    """The application that the server runs; ``engine`` takes the place of the configured one."""
    host = create_app(settings, engine=engine)
    context.bind(host)
    host.mount("/assets", CacheControlledStaticFiles(directory=page_head.ASSETS, max_cache_age=YEAR_S), name="assets")
    for noun in pkgutil.iter_modules(pages.__path__):
        importlib.import_module(f"{pages.__name__}.{noun.name}.page").register()
    ui.add_head_html(page_head.head() + labels_head(), shared=True)
    nicegui_app.add_exception_handler(404, _not_found)
    nicegui_app.config.socket_io_js_transports = ["websocket"]
    # Last: routes that are added after it are never reached. Without a storage secret NiceGUI keeps nothing about a
    # visitor: no cookie, no file, no memory; what a page remembers is in the database or in the browser.
    ui.run_with(
        host,
        title=page_head.PRODUCT,
        favicon=page_head.ASSETS / "favicon.svg",
        dark=None,
        tailwind=False,
        binding_refresh_interval=None,
        gzip_middleware_factory=None,  # the application around it compresses already
        reconnect_timeout=RECONNECT_TIMEOUT_S,
        message_history_length=100,
        show_welcome_message=False,
    )
    _put_guard_before_nicegui(host)
    _own_open_pages(host)
    return host


def _put_guard_before_nicegui(host: FastAPI) -> None:
    mount = host.router.routes[-1]
    assert isinstance(mount, Mount)
    mount.app = guard.ConsoleGuard(mount.app)


def _own_open_pages(host: FastAPI) -> None:
    """Let what follows the open pages live inside the lifespan, where the services are open."""
    inner = host.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[Any]:
        async with inner(app) as state, following(host):
            core.sio.eio.ping_timeout = PAGE_PONG_S  # NiceGUI has set its own by now
            yield state

    host.router.lifespan_context = lifespan


async def _not_found(_: Request, __: Exception) -> Response:
    return guard.not_found()
