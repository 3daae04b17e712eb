"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from chat_api.core.cookies import ADMIN_COOKIE, CLAIM_COOKIE, SESSION_COOKIE
from chat_api.http.base_models import Success
from chat_api.http.dependencies import (
    Anyone,
    Bearer,
    LimitedUser,
    cookie_of,
    limited_by_address,
    service,
)
from chat_api.http.errors import BODIES, WRITES, errors
from chat_api.people.auth import TICKET_S, AuthService
from chat_api.people.auth_bodies import (
    AdminLoginAnswer,
    AdminLoginBody,
    AdminSetupBody,
    LoginAnswer,
    LoginBody,
    Me,
    TicketAnswer,
)
from chat_api.people.sign_in_routes import (
    drop_cookie,
    keep_claim,
    keep_session,
    set_up_admin,
    sign_in_admin,
    sign_in_user,
)

router = APIRouter(prefix="/api", tags=["Signing in"])

Auth = Annotated[AuthService, service(AuthService)]


@router.post(
    "/login",
    summary="Sign in by name",
    dependencies=[Depends(limited_by_address)],
    responses=errors(*BODIES, "not_authenticated", "rate_limited", "unavailable"),
)
async def login(body: LoginBody, request: Request, response: Response, bearer: Bearer) -> LoginAnswer:
    """Claim a free name, resume your own, or become a guest under a name that is somebody else's.

    Proof that a name is yours: the browser's claim cookie, a live token, or the password you set.
    """
    sign_in = await sign_in_user(
        request,
        username=body.username,
        display_name=body.display_name,
        password=body.password,
        bearer=bearer.credentials if bearer else None,
    )
    keep_session(request, response, sign_in)
    principal = sign_in.principal
    return LoginAnswer(
        session_token=sign_in.token,
        user_id=principal.user_id,
        username=principal.username,
        display_name=principal.display_name,
        is_guest=principal.is_guest,
        expires_at=sign_in.expires_at,
    )


@router.post(
    "/admin/login",
    summary="Sign in at the console",
    dependencies=[Depends(limited_by_address)],
    responses=errors(*BODIES, "not_authenticated", "rate_limited", "unavailable"),
)
async def admin_login(body: AdminLoginBody, request: Request, response: Response) -> AdminLoginAnswer:
    """Administrators have their own accounts; a user's login never gives one."""
    sign_in = await sign_in_admin(request, username=body.username, password=body.password, totp=body.totp)
    keep_session(request, response, sign_in)
    role = sign_in.principal.role
    assert role is not None
    return AdminLoginAnswer(
        admin_token=sign_in.token,
        username=sign_in.principal.username,
        role=role.value,
        expires_at=sign_in.expires_at,
    )


@router.post(
    "/admin/setup",
    summary="Make the first administrator",
    dependencies=[Depends(limited_by_address)],
    responses=errors(*BODIES, "not_authenticated", "rate_limited", "unavailable"),
)
async def admin_setup(body: AdminSetupBody, request: Request) -> Success:
    """Spend the one-time code that the first start prints."""
    await set_up_admin(request, code=body.code, username=body.username, password=body.password)
    return Success()


@router.post("/logout", summary="Sign out", responses=errors(*WRITES, "not_authenticated", "unavailable"))
async def logout(request: Request, response: Response, bearer: Bearer, auth: Auth) -> Success:
    """End the sessions of the credentials that come with this request, and drop their cookies.

    This browser opens the account no more, by its claim cookie either. Without a password nobody does.
    """
    claim = cookie_of(request, CLAIM_COOKIE)
    tokens = [
        (bearer.credentials if bearer else None, None),
        (cookie_of(request, SESSION_COOKIE), SESSION_COOKIE),
        (cookie_of(request, ADMIN_COOKIE), ADMIN_COOKIE),
    ]
    for token, cookie in tokens:
        if token is not None:
            await auth.leave(token, claim=claim)
            if cookie is not None:
                drop_cookie(request, response, cookie)
    if claim is not None:
        kept = await auth.kept_claims(claim)
        if kept is None:
            drop_cookie(request, response, CLAIM_COOKIE)
        elif kept != claim:
            keep_claim(request, response, kept)
    return Success()


@router.get("/me", summary="Who is signed in", responses=errors("not_authenticated", "rate_limited", "unavailable"))
async def me(principal: Anyone) -> Me:
    """The user or administrator of this request's credentials."""
    return Me.model_validate(principal)


@router.post(
    "/ws-ticket",
    summary="A ticket for the WebSocket",
    responses=errors(*WRITES, "not_authenticated", "rate_limited", "unavailable"),
)
async def ws_ticket(principal: LimitedUser, auth: Auth) -> TicketAnswer:
    """Good for one connection within a minute, in place of the token, which then stands in no address and no log."""
    return TicketAnswer(ticket=await auth.issue_ticket(principal), expires_in=TICKET_S)
