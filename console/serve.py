"""``serve``: the console and the API, for production."""

import asyncio
import contextlib

from chat_api.core.settings import Settings
from console.migrate import migrate
from console.server import browser_url, import_console, listen, serve
from console.servers import Servers, servers
from console.terminal import say


async def run_serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then drain.

    Raises: PortBusy before anything is started; DatabaseUnavailable; Unavailable when the application does not start.
    """
    listener = listen(settings.web_ui_host, settings.web_ui_port)
    building = asyncio.create_task(asyncio.to_thread(import_console))
    with contextlib.closing(listener):
        async with servers(settings) as where:
            await building
            await migrate(where)
            from chat_api.core.logging import configure_logging
            from console.main import build

            configure_logging(level=settings.log_level, log_format=settings.log_format)
            app = build(with_servers(settings, where))

            def announce() -> None:
                say(f"Console and API on {browser_url(listener)}", f"PostgreSQL: {where.database}")
                say(f"Redis: {where.redis}")
                if code := getattr(app.state, "setup_code", None):
                    say(
                        f"Create the first administrator: open {browser_url(listener)}/admin with the setup code {code}"
                    )

            await serve(app, listener, on_ready=announce)


def with_servers(settings: Settings, where: Servers) -> Settings:
    """The settings with the addresses of the servers that run."""
    values = {name: getattr(settings, name) for name in settings.model_fields_set}
    return Settings(**(values | {"database_url": where.database_url, "redis_url": where.redis_url}))
