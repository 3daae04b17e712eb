"""Where administrators sign in, and where the first one is made. Plain HTML: a stranger costs no page client."""

from nicegui import app
from starlette.requests import Request
from starlette.responses import Response

from chat_api.core.errors import NotAuthenticated
from chat_api.core.language import _
from chat_api.people.admin_setup import MIN_ADMIN_PASSWORD_CHARS
from chat_api.people.session_schemas import MAX_PASSWORD_CHARS, SignIn
from chat_api.people.sign_in_routes import set_up_admin, sign_in_admin
from console.context import services
from console.frame import ADMIN_SIGN_IN
from console.guard import Audience, add_rule, sign_in_address
from console.own_paths import own_path
from console.pages.sign_in.form import (
    NOTHING_SENT,
    Fields,
    Refused,
    answer_form,
    attempt,
    closing,
    field,
    form_page,
    hinted,
    opening,
)

HOME = "/admin"


def register() -> None:
    """Put the page at ``/admin/login``."""
    add_rule(ADMIN_SIGN_IN, Audience.ANYONE, ADMIN_SIGN_IN, takes_form=_submitted)
    app.get(ADMIN_SIGN_IN, include_in_schema=False)(_shown)


async def _shown(request: Request) -> Response:
    return await _page(request, NOTHING_SENT)


async def _submitted(request: Request) -> Response:
    return await answer_form(
        request, sign_in=_sign_in, page=lambda refused: _page(request, refused), go_on=_next(request)
    )


async def _sign_in(request: Request, fields: Fields) -> SignIn:
    username, password = fields.get("username", ""), fields.get("password", "")
    code = fields.get("code")
    if code is not None and not await services().admin_setup.is_set_up():
        try:
            await set_up_admin(request, code=code, username=username, password=password)
        except NotAuthenticated:
            # The form was sent twice, and the first time made the administrator: then the password is right.
            if not await services().admin_setup.is_set_up():
                raise
    return await sign_in_admin(
        request,
        username=username,
        password=password,
        totp=fields.get("totp") or None,
        attempt=fields.get("attempt"),
    )


def _next(request: Request) -> str:
    return own_path(request.query_params.get("next"), home=HOME)


async def _page(request: Request, refused: Refused) -> Response:
    go_on = _next(request)
    action = sign_in_address(ADMIN_SIGN_IN, go_on) if go_on != HOME else ADMIN_SIGN_IN
    if await services().admin_setup.is_set_up():
        return form_page(_("Sign in"), _sign_in_form(action, refused), address=action)
    return form_page(_("Set up"), _set_up_form(action, refused), address=action)


def _sign_in_form(action: str, refused: Refused) -> str:
    on_name, on_password = ("", " autofocus") if refused.name else (" autofocus", "")
    return (
        opening(action)
        + attempt()
        + f"<h1>{_('Console')}</h1>"
        + field("username", _("Name"), f'autocomplete="username" maxlength="30" required{on_name}', value=refused.name)
        + field(
            "password",
            _("Password"),
            f'type="password" autocomplete="current-password" maxlength="{MAX_PASSWORD_CHARS}" required{on_password}',
        )
        + field(
            "totp",
            hinted(_("Code"), _("if you use an authenticator app")),
            'inputmode="numeric" autocomplete="one-time-code" maxlength="10"',
        )
        + closing(refused, _("Sign in"))
        + "</form>"
    )


def _set_up_form(action: str, refused: Refused) -> str:
    return (
        opening(action)
        + f"<h1>{_('Create the first administrator')}</h1>"
        + f'<p class="we-muted">{_("The server printed a setup code when it started. It works once.")}</p>'
        + field("code", _("Setup code"), 'autocomplete="off" maxlength="64" required autofocus')
        + field(
            "username",
            _("Name"),
            'autocomplete="username" minlength="3" maxlength="30" required',
            value=refused.name,
        )
        + field(
            "password",
            hinted(_("Password"), _("at least {count} characters", count=MIN_ADMIN_PASSWORD_CHARS)),
            f'type="password" autocomplete="new-password" minlength="{MIN_ADMIN_PASSWORD_CHARS}"'
            f' maxlength="{MAX_PASSWORD_CHARS}" required',
        )
        + closing(refused, _("Create and sign in"))
        + "</form>"
    )
