"""The application: its routes, its guards and its error handlers. Nothing else is decided here."""

import asyncio
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from chat_api import __version__
from chat_api.alerts import routes as admin_alerts
from chat_api.audit import routes as admin_audit
from chat_api.changes import routes as admin_changes
from chat_api.checks import routes as admin_checks
from chat_api.core.metrics import Metrics
from chat_api.core.settings import Settings
from chat_api.core.tally import Tally
from chat_api.engine.interface import ContainerEngine
from chat_api.fleet import admin_routes as admin_fleet
from chat_api.fleet import container_routes as admin_containers
from chat_api.fleet import health_routes as health
from chat_api.fleet import overview_routes as admin
from chat_api.fleet import routes as bots
from chat_api.fleet_data import routes as admin_fleet_data
from chat_api.gateway import routes as gateway
from chat_api.http.errors import add_error_handlers, add_unknown_paths
from chat_api.http.middleware.addresses import ForwardedAddresses
from chat_api.http.middleware.body_limits import BodyLimit
from chat_api.http.middleware.cors import Cors
from chat_api.http.middleware.encodings import Compression
from chat_api.http.middleware.headers import SecurityHeaders
from chat_api.http.middleware.origins import OriginGuard
from chat_api.http.middleware.requests import RequestContext
from chat_api.incidents import routes as admin_incidents
from chat_api.keys import routes as api_keys
from chat_api.lifespan import lifespan
from chat_api.logs import routes as admin_logs
from chat_api.memories import own_routes as own_memories
from chat_api.memories import routes as admin_memories
from chat_api.messages import conversation_routes as conversations
from chat_api.messages import routes as chat
from chat_api.messages import socket_routes as chat_ws
from chat_api.messages.fast_path import FastPath, FastPathRoute
from chat_api.parts import routes as admin_parts
from chat_api.people import auth_routes as auth
from chat_api.people import routes as admin_users
from chat_api.reports import routes as admin_reports
from chat_api.restarts import routes as admin_restarts
from chat_api.restarts import schedule_routes as admin_restart_schedules
from chat_api.series import analytics_routes as admin_analytics
from chat_api.series import routes as admin_series
from chat_api.settings import routes as admin_settings
from chat_api.system import routes as admin_system
from chat_api.transcripts import routes as admin_conversations

# Files that are being written at once: each holds a connection of the database, or a span of lines in memory.
MAX_EXPORTS_PER_PERSON = 3
MAX_EXPORTS = 12
DESCRIPTION = """\
The chat API of a WhisperEngine fleet. Sign in by name with `POST /api/login`, then send the token as
`Authorization: Bearer …`. Every error is `{"error": {"code", "message", "request_id"}}`.
"""


class Application(FastAPI):
    """FastAPI, with the fast path before its machinery."""

    fast_path: FastPath | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._describing = asyncio.Lock()

    def setup(self) -> None:
        """Serve the description at its address as FastAPI does, without standing still while it is made."""
        self.add_route(self.openapi_url or "/openapi.json", self._tell_description, include_in_schema=False)

    async def described(self) -> dict[str, Any]:
        """The description of the API. Making it takes a second of a processor: once, and in a thread."""
        if self.openapi_schema is None:
            async with self._describing:
                await asyncio.to_thread(self.openapi)
        return self.openapi()

    async def _tell_description(self, _: Request) -> JSONResponse:
        return JSONResponse(await self.described())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, one WebSocket, or the lifespan."""
        route = self.fast_path.route(scope) if self.fast_path is not None else None
        if self.fast_path is None or route is None:
            return await super().__call__(scope, receive, send)
        return await self.fast_path.serve(route, scope, receive, send)


def create_app(settings: Settings, *, makes_admin: bool = True, engine: ContainerEngine | None = None) -> Application:
    """The API without any page. Resources are opened by the lifespan, not here; ``engine`` replaces the configured one.

    ``makes_admin``: see to the first administrator at start; one of several processes that start at once should.
    """
    app = Application(
        title="WhisperEngine chat API",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's documentation pages load their scripts from a CDN.
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.metrics = Metrics()
    app.state.exports = Tally(MAX_EXPORTS_PER_PERSON, total=MAX_EXPORTS)
    app.state.sockets_by_address = Tally(settings.max_connections_per_address)
    app.state.pages_by_address = Tally(settings.max_pages_per_address)
    app.state.makes_admin = makes_admin
    app.state.engine = engine
    for router in (
        chat.router,
        auth.router,
        bots.router,
        conversations.router,
        api_keys.router,
        gateway.router,
        admin.router,
        admin_audit.router,
        admin_series.router,
        admin_restarts.router,
        admin_restart_schedules.router,
        admin_incidents.router,
        admin_changes.router,
        admin_alerts.router,
        admin_fleet.router,
        admin_containers.router,
        admin_parts.router,
        admin_checks.router,
        admin_logs.router,
        admin_analytics.router,
        admin_fleet_data.router,
        admin_reports.router,
        admin_conversations.router,
        admin_users.router,
        own_memories.router,
        admin_memories.router,
        admin_settings.router,
        admin_system.router,
        health.router,
        chat_ws.router,
    ):
        app.include_router(router)
    add_unknown_paths(app, ("/api", "/v1", "/health", "/metrics"), describe=app.described)
    add_error_handlers(app)
    _add_guards(app, settings)
    return app


def _add_guards(app: Application, settings: Settings) -> None:
    """The last one added is the first to see a request; the fast path has the same guards itself."""
    origins = [*settings.allowed_origins, *([settings.web_ui_public_url] if settings.web_ui_public_url else [])]
    app.add_middleware(Compression)
    app.add_middleware(BodyLimit)
    app.add_middleware(OriginGuard, allowed_origins=origins)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestContext, metrics=app.state.metrics, default_language=settings.web_ui_language)
    app.add_middleware(Cors, allowed_origins=settings.api_allowed_origins)
    app.add_middleware(ForwardedAddresses, trusted_proxies=settings.trusted_proxies)
    app.fast_path = FastPath(
        app,
        (route for route in chat.router.routes if isinstance(route, FastPathRoute)),
        addresses=ForwardedAddresses(app, trusted_proxies=settings.trusted_proxies),
        origins=OriginGuard(app, allowed_origins=origins),
        cors=Cors(app, allowed_origins=settings.api_allowed_origins),
        metrics=app.state.metrics,
        default_language=settings.web_ui_language,
    )
