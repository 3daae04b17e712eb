"""Where administrators sign in, and where the first one is made. Plain HTML: a stranger costs no page client."""

from nicegui import app
from starlette.requests import Request
from starlette.responses import HTMLResponse

from chat_api.services.auth import MIN_ADMIN_PASSWORD_CHARS
from console import theme
from console.context import services
from console.frame import ADMIN_SIGN_IN
from console.guard import Audience, add_rule


def register() -> None:
    """Put the page at ``/admin/login``."""
    add_rule(ADMIN_SIGN_IN, Audience.ANYONE, ADMIN_SIGN_IN)
    app.get(ADMIN_SIGN_IN, include_in_schema=False)(_sign_in)


async def _sign_in(_: Request) -> HTMLResponse:
    is_set_up = await services().auth.is_set_up()
    body = _form(_SIGN_IN if is_set_up else _SET_UP)
    title = "Sign in" if is_set_up else "Set up"
    return HTMLResponse(theme.document(title, body, scripts=("sign_in.js",)), headers={"Cache-Control": "no-store"})


def _form(inner: str) -> str:
    return f'<main class="we-sign-in">{theme.brand()}{inner}</main>'


def _field(name: str, label: str, attributes: str) -> str:
    return f'<label class="we-field"><span>{label}</span><input name="{name}" {attributes}></label>'


_ERROR = '<p class="we-form-error" role="alert" data-testid="form-error"></p>'

_SIGN_IN = (
    '<form data-sign-in="/api/admin/login" data-home="/admin"><h1>Console</h1>'
    + _field("username", "Name", 'autocomplete="username" maxlength="30" required autofocus')
    + _field("password", "Password", 'type="password" autocomplete="current-password" maxlength="200" required')
    + _field(
        "totp",
        'Code <small class="we-muted">only if you set up an authenticator</small>',
        'inputmode="numeric" autocomplete="one-time-code" maxlength="10"',
    )
    + _ERROR
    + '<button class="we-button we-primary" type="submit">Sign in</button></form>'
)

_SET_UP = (
    '<form data-sign-in="/api/admin/login" data-first="/api/admin/setup" data-home="/admin">'
    "<h1>First administrator</h1>"
    '<p class="we-muted">The server printed a setup code when it started. It works once.</p>'
    + _field("code", "Setup code", 'autocomplete="off" maxlength="64" required autofocus')
    + _field("username", "Name", 'autocomplete="username" minlength="3" maxlength="30" required')
    + _field(
        "password",
        f"Password <small class='we-muted'>at least {MIN_ADMIN_PASSWORD_CHARS} characters</small>",
        f'type="password" autocomplete="new-password" minlength="{MIN_ADMIN_PASSWORD_CHARS}" maxlength="200" required',
    )
    + _ERROR
    + '<button class="we-button we-primary" type="submit">Create and sign in</button></form>'
)
