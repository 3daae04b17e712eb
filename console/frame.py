"""How a page is opened: its path, who may see it, what stands around it, and what is shown when it fails."""

import inspect
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import Any

import orjson
from nicegui import ui
from nicegui.language import Language
from starlette.requests import Request

from chat_api.core.errors import AppError, NotFound, PermissionDenied
from chat_api.core.language import N_, _, language
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.fleet.schemas import SystemStatus
from console import page_head
from console.context import services
from console.guard import Audience, SignIn, TakesForm, add_rule, visitor_of
from console.language_choice import language_control
from console.live.notices import notices_feed
from console.live.open_pages import open_pages
from console.live.pulse import pulse_feed
from models import Role

log = get_logger(__name__)

ADMIN_SIGN_IN = "/admin/login"
# Path, icon, name, and what one must be allowed to see.
NAVIGATION = (
    ("/admin", "fleet", N_("Fleet"), Permission.VIEW_FLEET),
    ("/admin/logs", "logs", N_("Logs"), Permission.VIEW_LOGS),
    ("/admin/incidents", "incident", N_("Incidents"), Permission.VIEW_FLEET),
    ("/admin/alerts", "alert", N_("Alerts"), Permission.VIEW_FLEET),
    ("/admin/restarts", "restart", N_("Restarts"), Permission.VIEW_FLEET),
    ("/admin/analytics", "analytics", N_("Analytics"), Permission.VIEW_ANALYTICS),
    ("/admin/report", "report", N_("Report"), Permission.VIEW_FLEET),
    ("/admin/changes", "changes", N_("Changes"), Permission.VIEW_FLEET),
    ("/admin/matrix", "matrix", N_("Matrix"), Permission.VIEW_FLEET),
    ("/admin/checks", "checks", N_("Checks"), Permission.VIEW_FLEET),
    ("/admin/users", "users", N_("Users"), Permission.VIEW_USERS),
    ("/admin/conversations", "conversation", N_("Conversations"), Permission.READ_CONVERSATIONS),
    ("/admin/adopt", "add", N_("Adopt"), Permission.VIEW_FLEET),
    ("/admin/audit", "audit", N_("Audit"), Permission.VIEW_AUDIT),
    ("/admin/keys", "key", N_("API keys"), Permission.OWN_KEYS),
    ("/admin/settings", "settings", N_("Settings"), Permission.VIEW_SETTINGS),
    ("/admin/system", "system", N_("System"), Permission.VIEW_SYSTEM),
)
# What stands above the pages from one on.
_GROUPS = {"/admin/analytics": N_("Understand"), "/admin/users": N_("People"), "/admin/adopt": N_("Manage")}
ROLES: Mapping[str, str] = {
    Role.VIEWER: N_("Viewer"),
    Role.OPERATOR: N_("Operator"),
    Role.ADMIN: N_("Admin"),
}

_CURRENT = ' aria-current="page"'
# Which number of the pulse stands behind which link; what it means the page's script says in the link's description.
_BADGES = {"/admin": "fleet", "/admin/incidents": "incidents", "/admin/alerts": "alerts"}

# As Quasar calls them.
_LANGUAGES: Mapping[str, Language] = {"en": "en-US", "de": "de"}

PageBuilder = Callable[..., Awaitable[None]]


def page(
    path: str,
    *,
    title: str,
    audience: Audience = Audience.ADMIN,
    sign_in: SignIn = ADMIN_SIGN_IN,
    takes_form: TakesForm | None = None,
) -> Callable[[PageBuilder], PageBuilder]:
    """Register an async page builder; it is called with the principal and the path's parameters.

    ``sign_in`` is where a visitor without a session of this audience is sent, or makes the page that is shown instead.
    ``takes_form`` answers the form of such a page.
    """

    def decorate(build: PageBuilder) -> PageBuilder:
        add_rule(path, audience, sign_in, takes_form=takes_form)

        async def opened(request: Request, **parameters: Any) -> None:
            ui.add_head_html(page_head.catalogue_head())
            notices_feed(services().feature_flags).follow(ui.context.client)
            principal = visitor_of(request).principal
            if principal is not None:
                open_pages().add(ui.context.client, principal)
            await _built(build, principal, parameters)

        wanted = [p for p in inspect.signature(build).parameters.values() if p.name != "principal"]
        request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
        opened.__signature__ = inspect.Signature([request, *wanted])  # type: ignore[attr-defined]
        _Page(path, title, response_timeout=10)(opened)
        return build

    return decorate


class _Page(ui.page):
    """A page in the language of its visitor."""

    def __init__(self, path: str, title: str, **options: Any) -> None:
        super().__init__(path, **options)
        self._text = title

    def resolve_title(self) -> str:
        """The title in the browser's tab."""
        return page_head.page_title(_(self._text))

    def resolve_language(self) -> Language | None:
        """The language of the document, and of the texts that Quasar itself has."""
        return _LANGUAGES[language()]


async def _built(build: PageBuilder, principal: Principal | None, parameters: dict[str, Any]) -> None:
    client = ui.context.client
    try:
        await build(principal, **parameters)
    except AppError as error:
        client.content.clear()
        client.status_code = error.status
        _failure(error.message, path=client.page.path, may_help=not isinstance(error, NotFound | PermissionDenied))
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("page_failed", path=client.page.path, reference=reference)
        client.content.clear()
        client.status_code = 500
        message = _("Something went wrong on our side. Reference: {reference}", reference=reference)
        _failure(message, path=client.page.path)


def _failure(message: str, *, path: str, may_help: bool = True) -> None:
    """Say what failed. ``may_help``: whether to try again may; there is a way on from here in any case."""
    home, title = ("/admin", _("Go to the console")) if path.startswith("/admin") else ("/", _("Go to the chat"))
    retry = f'<a class="we-button we-primary" href="">{_("Try again")}</a>' if may_help else ""
    way_on = f'<a class="we-button" href="{home}">{title}</a>' if path != home else ""
    with ui.element("div").classes("we-notice"):
        ui.label(_("This page couldn't be loaded")).classes("we-h1").props("role=heading aria-level=1")
        ui.label(message).props('role=alert data-testid="page-failure"')
        if retry or way_on:
            ui.html(f"{retry}{way_on}", sanitize=False).classes("we-toolbar")


@contextmanager
def frame(principal: Principal, *, title: str, path: str) -> Iterator[None]:
    """The console around a page: navigation, who is signed in, and the page's title."""
    ui.add_head_html(f'{page_head.console_head()}<meta name="we-now" content="{time.time():.3f}">')
    pulse = _pulse(principal)
    ui.html(f'<a class="we-skip" href="#content">{_("Skip to content")}</a>', sanitize=False)
    with ui.element("div").classes("we-shell"):
        # One element: each costs every open page memory, and this one never changes.
        rail = ui.html(_rail(principal, path, pulse), sanitize=False, tag="header").classes("we-rail")
        if principal.may(Permission.RESTART_BOT):
            rail.props("data-may-restart=yes")
        with ui.element("div").classes("we-main").props('id=content tabindex="-1"'):
            ui.label(title).classes("we-h1").props("role=heading aria-level=1")
            yield


def back_link(path: str, title: str) -> None:
    """Where this page belongs to; it is shown above the title."""
    ui.html(f'<a class="we-back" href="{path}">← {title}</a>', sanitize=False)


def _pulse(principal: Principal) -> dict[str, Any]:
    """How all is, for who may see it; the page is told from then on."""
    if not principal.may(Permission.VIEW_FLEET):
        return {}
    feed = pulse_feed(services().fleet)
    feed.follow(ui.context.client)
    now = feed.current
    ui.add_head_html(f'<meta name="we-pulse" content="{escape(orjson.dumps(now).decode())}">')
    return now


def _badge(kind: str | None, pulse: dict[str, Any]) -> str:
    if kind is None:
        return ""
    count = pulse.get(kind, 0)
    tone = "bad" if pulse.get("status") == SystemStatus.CRITICAL else "warn"
    hidden = "" if count else " hidden"
    return f'<span class="we-badge" data-badge="{kind}" data-tone="{tone}" aria-hidden="true"{hidden}>{count}</span>'


def _links(principal: Principal, path: str, pulse: dict[str, Any]) -> str:
    """The pages that this person may see; a group that has none of them has no heading either."""
    links, heading = [], ""
    for target, symbol, label, permission in NAVIGATION:
        if target in _GROUPS:
            heading = f'<span class="we-nav-group" aria-hidden="true">{_(_GROUPS[target])}</span>'
        if principal.may(permission):
            current = _CURRENT if target == path else ""
            badge = _badge(_BADGES.get(target), pulse)
            icon = page_head.icon_svg(symbol)
            links.append(f'{heading}<a href="{target}"{current}>{icon}<span>{_(label)}</span>{badge}</a>')
            heading = ""
    return "".join(links)


def _rail(principal: Principal, path: str, pulse: dict[str, Any]) -> str:
    links = _links(principal, path, pulse)
    role = _(ROLES[principal.role]) if principal.role else ""
    return (
        f"{page_head.brand()}"
        '<button class="we-button we-find" type="button" data-we="palette" aria-keyshortcuts="Control+K"'
        f' aria-label="{_("Command palette")}">{page_head.icon_svg("search")}<span>{_("Search")}</span>'
        f'<kbd>{_("Ctrl K")}</kbd></button><nav class="we-nav" aria-label="{_("Console")}">{links}</nav>'
        f'<div class="we-account"><div class="we-who"><div class="we-strong">{escape(principal.display_name)}</div>'
        f'<div class="we-muted">{role}</div></div><div class="we-account-actions">{language_control()}'
        f"{_icon_button('theme', _('Dark or light'), 'theme')}"
        f"{_icon_button('sign-out', _('Sign out'), 'sign-out')}</div></div>"
    )


def _icon_button(does: str, label: str, symbol: str) -> str:
    return (
        f'<button class="we-icon-button" data-we="{does}" data-testid="{does}" title="{label}" aria-label="{label}">'
        f"{page_head.icon_svg(symbol)}</button>"
    )
