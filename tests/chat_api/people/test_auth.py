"""Sessions and administrators: what a token is worth, and until when."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta, tzinfo
from uuid import uuid4

import asyncpg
import jwt
import pyotp
import pytest
from sqlalchemy import text

from chat_api.audit.service import AuditService
from chat_api.core.clock import Clock
from chat_api.core.database import Database
from chat_api.core.errors import Conflict, InvalidInput, NotAuthenticated, RateLimited
from chat_api.core.principals import Device
from chat_api.core.rate_limits import RateLimits
from chat_api.core.security import KeyRing, load_key_ring
from chat_api.people.admin_setup import AdminSetupService
from chat_api.people.auth import AuthService
from chat_api.people.identity import IdentityService
from models import Role
from tests.chat_api.conftest import MakeAdminSetup, MakeAuth
from tests.support.api import MakeSettings, RunningApi

PASSWORD = "correct horse battery"
FIRST_KEY = "Zq8-first-key-of-the-ring-0123456789"
SECOND_KEY = "Yp7-second-key-of-the-ring-987654321"


async def run(database: Database, statement: str, **values: object) -> None:
    """Change something behind the service's back."""
    async with database.write() as connection:
        await connection.execute(text(statement), values)


async def audit_rows(database: Database) -> list[tuple[str, str, str]]:
    """Actor, action and outcome of every line of the audit trail, oldest first."""
    async with database.read() as connection:
        rows = await connection.execute(text("SELECT actor_name, action, outcome FROM web_audit ORDER BY at"))
        return [(row[0], row[1], row[2]) for row in rows]


def parts(token: str) -> tuple[dict[str, object], dict[str, object], str]:
    """Header, payload and signature of a token."""
    header, payload, signature = token.split(".")
    return json.loads(_decoded(header)), json.loads(_decoded(payload)), signature


def joined(header: dict[str, object], payload: dict[str, object], signature: str) -> str:
    """A token of these parts, whether they belong together or not."""
    return ".".join([_encoded(header), _encoded(payload), signature])


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


# Tokens


async def test_a_token_stands_for_its_user(auth: AuthService) -> None:
    """What signing in gives is what authenticating finds."""
    sign_in = await auth.login("alice", display_name="Alice")
    principal = await auth.authenticate(sign_in.token)
    assert principal == sign_in.principal


async def test_the_token_says_what_it_must(auth: AuthService) -> None:
    """HS256 with a key id, an audience, an expiry and the session's id."""
    sign_in = await auth.login("alice")
    header, payload, _ = parts(sign_in.token)
    assert header["alg"] == "HS256"
    assert {"exp", "iat", "sub", "jti", "aud"} == payload.keys()
    assert header["kid"]
    assert (payload["aud"], payload["jti"]) == ("chat", str(sign_in.principal.session_id))


async def test_forged_tokens_are_refused(auth: AuthService) -> None:
    """Changed, unsigned, signed by somebody else, for another door, or simply no token."""
    token = (await auth.login("alice")).token
    header, payload, signature = parts(token)
    forged = [
        "",
        "x",
        "a.b.c",
        "\x00.\x00.\x00",
        "é" * 40,
        token[:-2],
        token + "a" * 3000,
        "eyJ" * 10_000,
        joined(header, payload | {"sub": "weu_somebody"}, signature),
        joined(header | {"alg": "none"}, payload, ""),
        joined(header | {"alg": "none"}, payload, signature),
        joined(header | {"alg": "HS512"}, payload, signature),
        joined({key: value for key, value in header.items() if key != "kid"}, payload, signature),
        joined(header | {"kid": "000000000000"}, payload, signature),
        joined(header | {"kid": ["a"]}, payload, signature),
        joined(header | {"kid": {}}, payload, signature),
        jwt.encode(payload, FIRST_KEY, "HS256", headers={"kid": str(header["kid"])}),
        jwt.encode(payload, FIRST_KEY, "HS256", headers={"kid": "../../../etc/passwd"}),
    ]
    for candidate in forged:
        with pytest.raises(NotAuthenticated):
            await auth.authenticate(candidate)
    assert await auth.authenticate(token)


@pytest.mark.parametrize("missing", ["exp", "iat", "sub", "jti", "aud"])
async def test_a_token_without_a_required_claim_is_refused(make_auth: MakeAuth, missing: str) -> None:
    """Even one that our own key signed."""
    auth = make_auth(web_ui_secret_key=FIRST_KEY)
    header, payload, _ = parts((await auth.login("alice")).token)
    del payload[missing]
    with pytest.raises(NotAuthenticated):
        KeyRing([FIRST_KEY]).verify(
            jwt.encode(payload, FIRST_KEY, "HS256", headers={"kid": str(header["kid"])}), audience="chat"
        )


async def test_a_signed_token_without_a_session_is_refused(make_auth: MakeAuth) -> None:
    """The key alone makes nobody: there has to be a row with this very token's hash."""
    auth = make_auth(web_ui_secret_key=FIRST_KEY)
    person = (await auth.login("alice")).principal
    now = datetime.now(UTC)
    for session_id in (uuid4(), person.session_id):
        token = KeyRing([FIRST_KEY]).sign(
            subject=person.user_id,
            session_id=session_id,
            audience="chat",
            issued_at=now - timedelta(seconds=5),
            expires_at=now + timedelta(days=9),
        )
        with pytest.raises(NotAuthenticated):
            await auth.authenticate(token)


async def test_expired_sessions_are_dead(auth: AuthService, make_auth: MakeAuth, database: Database) -> None:
    """By the token's own time, and by the database's."""
    hour_ms = 1 / 3_600_000
    short = await make_auth(session_timeout_hours=hour_ms).login("alice")
    with pytest.raises(NotAuthenticated):
        await auth.authenticate(short.token)
    other = await auth.login("bobby")
    await run(database, "UPDATE web_user_sessions SET expires_at = now() WHERE id = :id", id=other.principal.session_id)
    with pytest.raises(NotAuthenticated):
        await auth.authenticate(other.token)
    assert await auth.living([other.principal.session_id]) == {}


async def test_logout_ends_this_session_only(auth: AuthService) -> None:
    """At once, and the person's other devices stay."""
    first = await auth.login("alice")
    second = await auth.login("alice", claim=first.claim)
    await auth.leave(first.token)
    with pytest.raises(NotAuthenticated):
        await auth.authenticate(first.token)
    assert await auth.authenticate(second.token)


async def test_rotation_ends_the_session_it_replaces(auth: AuthService) -> None:
    """A browser that signs in again leaves no living session behind."""
    first = await auth.login("alice")
    second = await auth.login("alice", token=first.token, is_rotated=True)
    with pytest.raises(NotAuthenticated):
        await auth.authenticate(first.token)
    assert (await auth.authenticate(second.token)).user_id == first.principal.user_id


async def test_a_secret_is_rotated_without_logging_people_out(make_auth: MakeAuth) -> None:
    """The earlier key still verifies, the new one signs; without the earlier one its tokens are worth nothing."""
    old = await make_auth(web_ui_secret_key=FIRST_KEY).login("alice")
    rotated = make_auth(web_ui_secret_key=SECOND_KEY, web_ui_previous_secret_keys=FIRST_KEY)
    assert (await rotated.authenticate(old.token)).user_id == old.principal.user_id
    new = await rotated.login("alice", token=old.token)
    dropped = make_auth(web_ui_secret_key=SECOND_KEY)
    assert await dropped.authenticate(new.token)
    with pytest.raises(NotAuthenticated):
        await dropped.authenticate(old.token)


async def test_the_database_keeps_only_hashes(
    admin_setup: AdminSetupService, auth: AuthService, database: Database
) -> None:
    """No token, claim, password or setup code in any column of any table."""
    code = await admin_setup.prepare_first_admin()
    user = await auth.login("alice", password="my own password", device=Device(address="192.0.2.1", user_agent="x"))
    await admin_setup.create_admin("root", PASSWORD)
    admin = await auth.admin_login("root", PASSWORD)
    async with database.read() as connection:
        names = [
            row[0]
            for row in await connection.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
            )
        ]
        dump = "\n".join(
            [row[0] for name in names for row in await connection.execute(text(f'SELECT t::text FROM "{name}" t'))]
        )
    assert "alice" in dump
    assert "192.0.2.1" in dump
    for secret in (code, user.token, user.claim, admin.token, "my own password", PASSWORD):
        assert secret
        assert secret not in dump


# Administrators


async def test_a_users_login_never_makes_an_administrator(admin_setup: AdminSetupService, auth: AuthService) -> None:
    """Whatever the name, and even the administrator's own password."""
    await admin_setup.create_admin("root", PASSWORD)
    sign_in = await auth.login("root", password=PASSWORD)
    assert not sign_in.principal.is_admin
    with pytest.raises(NotAuthenticated):
        await auth.authenticate(sign_in.token, is_admin=True)


async def test_each_audience_has_its_own_doors(admin_setup: AdminSetupService, auth: AuthService) -> None:
    """An administrator's token opens no chat, a user's no console."""
    await admin_setup.create_admin("root", PASSWORD)
    admin, user = await auth.admin_login("root", PASSWORD), await auth.login("alice")
    assert (await auth.authenticate(admin.token, is_admin=True)).role is Role.ADMIN
    with pytest.raises(NotAuthenticated):
        await auth.authenticate(admin.token)
    with pytest.raises(NotAuthenticated):
        await auth.authenticate(user.token, is_admin=True)


async def test_the_first_administrator_comes_from_the_environment(
    make_admin_setup: MakeAdminSetup, make_auth: MakeAuth, database: Database
) -> None:
    """Once: a later start changes nothing, and replicas that start together do not stumble over each other."""
    settings = {"web_ui_admin_username": "root", "web_ui_admin_password": PASSWORD}
    starts = await asyncio.gather(*(make_admin_setup(**settings).prepare_first_admin() for _ in range(4)))
    assert starts == [None] * 4
    later = settings | {"web_ui_admin_password": "something else entirely"}
    assert await make_admin_setup(**later).prepare_first_admin() is None
    assert (await make_auth(**later).admin_login("root", PASSWORD)).principal.role is Role.ADMIN
    assert (await audit_rows(database)).count(("system", "admin.create", "allowed")) == 1


async def test_a_short_password_in_the_environment_stops_the_start(make_admin_setup: MakeAdminSetup) -> None:
    """With a message that does not say it."""
    with pytest.raises(InvalidInput, match=r"^password: ") as refusal:
        await make_admin_setup(web_ui_admin_username="root", web_ui_admin_password="short").prepare_first_admin()
    assert "short" not in str(refusal.value)


async def test_the_setup_code_is_good_once(admin_setup: AdminSetupService) -> None:
    """Fifty who try it at the same time make one administrator; a weak password does not spend it."""
    code = await admin_setup.prepare_first_admin()
    assert code
    with pytest.raises(NotAuthenticated):
        await admin_setup.set_up_admin("0" * 16, "mallory", PASSWORD)
    with pytest.raises(InvalidInput):
        await admin_setup.set_up_admin(code, "root", "short")
    tries = (admin_setup.set_up_admin(code, f"root{number}", PASSWORD) for number in range(10))
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert outcomes.count(None) == 1
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [NotAuthenticated] * 9
    assert await admin_setup.is_set_up()
    assert await admin_setup.prepare_first_admin() is None


async def test_an_unused_setup_code_dies_with_the_first_administrator(admin_setup: AdminSetupService) -> None:
    """One that was printed long ago, and read by somebody, is worth nothing after ``create-admin``."""
    code = await admin_setup.prepare_first_admin()
    assert code
    await admin_setup.create_admin("root", PASSWORD)
    with pytest.raises(NotAuthenticated):
        await admin_setup.set_up_admin(code, "mallory", PASSWORD)


async def test_a_new_start_replaces_the_setup_code(admin_setup: AdminSetupService) -> None:
    """Only the last one that was printed is good."""
    first, second = await admin_setup.prepare_first_admin(), await admin_setup.prepare_first_admin()
    assert first
    assert second
    with pytest.raises(NotAuthenticated):
        await admin_setup.set_up_admin(first, "root", PASSWORD)
    await admin_setup.set_up_admin(second, "root", PASSWORD)


@pytest.mark.parametrize("name", ["root", "nobody", "ro\x00ot", "ro\ud800ot", " "])
async def test_a_refused_administrator_leaves_a_line(
    admin_setup: AdminSetupService, auth: AuthService, database: Database, name: str
) -> None:
    """One answer for every reason, and who tried is in the audit trail; an impossible name is only a wrong one."""
    await admin_setup.create_admin("root", PASSWORD)
    with pytest.raises(NotAuthenticated, match="Incorrect"):
        await auth.admin_login(name, "wrong password", device=Device(address="192.0.2.9"))
    assert (await audit_rows(database))[-1] == ("system", "admin.login", "denied")
    async with database.read() as connection:
        details = (await connection.execute(text("SELECT details FROM web_audit ORDER BY at DESC LIMIT 1"))).scalar()
    assert details == {"address": "192.0.2.9"}


async def test_a_second_factor_is_asked_for_where_one_is_set(
    admin_setup: AdminSetupService, auth: AuthService, database: Database
) -> None:
    """The password alone, a wrong code and odd codes are refused; the right code opens."""
    await admin_setup.create_admin("root", PASSWORD)
    secret = pyotp.random_base32()
    await run(database, "UPDATE web_admins SET totp_secret = :secret", secret=secret)
    totp = pyotp.TOTP(secret)
    near = {totp.at(datetime.now(UTC) + timedelta(seconds=30 * step)) for step in range(-3, 4)}
    wrong = next(code for code in ("000000", "111111", "222222", "333333") if code not in near)
    for code in (None, "", wrong, "١٢٣٤٥٦", "\x00", "abc"):
        with pytest.raises(NotAuthenticated):
            await auth.admin_login("root", PASSWORD, totp=code)
    shown = totp.now()
    assert await auth.admin_login("root", PASSWORD, totp=f" {shown[:3]} {shown[3:]}")  # as authenticators show it


async def test_a_code_works_once(
    admin_setup: AdminSetupService, auth: AuthService, make_auth: MakeAuth, database: Database
) -> None:
    """Of two processes that get it at the same moment one lets its bearer in; the next code opens again."""
    await admin_setup.create_admin("root", PASSWORD)
    secret = pyotp.random_base32()
    await run(database, "UPDATE web_admins SET totp_secret = :secret", secret=secret)
    totp, now = pyotp.TOTP(secret), datetime.now(UTC)
    processes = [auth, make_auth(), make_auth(), make_auth()]
    tries = (one.admin_login("root", PASSWORD, totp=totp.at(now)) for one in processes)
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(NotAuthenticated) == 3
    with pytest.raises(NotAuthenticated):
        await auth.admin_login("root", PASSWORD, totp=totp.at(now))
    assert await auth.admin_login("root", PASSWORD, totp=totp.at(now + timedelta(seconds=30)))
    with pytest.raises(NotAuthenticated):  # not even after another one
        await auth.admin_login("root", PASSWORD, totp=totp.at(now))


async def test_a_wrong_password_spends_no_code(
    admin_setup: AdminSetupService, auth: AuthService, database: Database
) -> None:
    """Whoever mistypes the password needs no new code."""
    await admin_setup.create_admin("root", PASSWORD)
    secret = pyotp.random_base32()
    await run(database, "UPDATE web_admins SET totp_secret = :secret", secret=secret)
    code = pyotp.TOTP(secret).now()
    with pytest.raises(NotAuthenticated):
        await auth.admin_login("root", "wrong password", totp=code)
    assert await auth.admin_login("root", PASSWORD, totp=code)


@pytest.mark.parametrize("minutes", [-60, 60, 60 * 24 * 3])
async def test_a_clock_that_is_set_locks_nobody_out(
    admin_setup: AdminSetupService, auth: AuthService, database: Database, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """Signed in before or after it, on this machine or another: the database's clock says what lives."""
    before = await auth.login("alice")
    await admin_setup.create_admin("root", PASSWORD)

    class Set(datetime):
        """Every look at this process's clock."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(minutes=minutes)

    monkeypatch.setattr(jwt.api_jwt, "datetime", Set)
    monkeypatch.setattr(auth, "_clock", Clock(now=lambda: Set.now(UTC)))
    after, admin = await auth.login("bobby"), await auth.admin_login("root", PASSWORD)
    assert (await auth.authenticate(before.token)).user_id == before.principal.user_id
    assert (await auth.authenticate(after.token)).user_id == after.principal.user_id
    assert await auth.authenticate(admin.token, is_admin=True)
    assert after.lives_s == 24 * 3600
    ticket = await auth.issue_ticket(before.principal)
    assert await auth.open_socket(ticket, address="")
    await run(database, "UPDATE web_user_sessions SET expires_at = now()")
    for token in (before.token, after.token):
        with pytest.raises(NotAuthenticated):
            await auth.authenticate(token)


async def test_guesses_from_everywhere_lock_no_owner_out(
    admin_setup: AdminSetupService, database: Database, redis_url: str, make_settings: MakeSettings
) -> None:
    """A thousand addresses have twenty guesses together; the owner, who has been there before, comes in meanwhile."""
    limits = RateLimits(redis_url=redis_url, requests_per_minute=1_000_000)
    try:
        settings = make_settings()
        identity = IdentityService(database, settings)
        door = AuthService(database, load_key_ring(settings), identity, AuditService(database), settings, limits=limits)
        home, phone = Device(address="2001:db8:1:1::7"), Device(address="198.51.100.9")
        await admin_setup.create_admin("root", PASSWORD)
        await door.admin_login("root", PASSWORD, device=home)
        alice = await door.login("alice", password=PASSWORD, device=home)

        async def guess(number: int, *, name: str, is_admin: bool) -> object:
            device = Device(address=f"203.0.113.{number}")
            try:
                if is_admin:
                    return await door.admin_login(name, "a wrong password", device=device)
                return await door.login(name, password="a wrong password", device=device)
            except (NotAuthenticated, RateLimited) as error:
                return type(error)

        for name, is_admin in (("root", True), ("Nobody", True), ("alice", False)):
            told = [await guess(number, name=name, is_admin=is_admin) for number in range(30)]
            assert told.count(NotAuthenticated) in {19, 20}
            assert told[-1] is RateLimited
        neighbour = Device(address="2001:db8:1:1::8")  # the same /64
        assert await door.admin_login("root", PASSWORD, device=neighbour)
        assert await door.login("alice", password=PASSWORD, device=neighbour)
        assert await door.login("alice", password=PASSWORD, claim=alice.claim, device=phone)
        with pytest.raises(RateLimited):
            await door.login("ALICE", password=PASSWORD, device=Device(address="198.51.100.10"))
        assert await door.login("somebody else", password=PASSWORD, device=phone)
    finally:
        await limits.close()


async def test_a_role_is_todays(admin_setup: AdminSetupService, auth: AuthService, database: Database) -> None:
    """Demoted, the very next request has the new role; disabled, it has none."""
    await admin_setup.create_admin("root", PASSWORD)
    sign_in = await auth.admin_login("root", PASSWORD)
    await run(database, "UPDATE web_admins SET role = 'viewer'")
    assert (await auth.authenticate(sign_in.token, is_admin=True)).role is Role.VIEWER
    assert (await auth.living([sign_in.principal.session_id]))[sign_in.principal.session_id].role is Role.VIEWER
    await run(database, "UPDATE web_admins SET disabled_at = now()")
    with pytest.raises(NotAuthenticated):
        await auth.authenticate(sign_in.token, is_admin=True)
    with pytest.raises(NotAuthenticated):
        await auth.admin_login("root", PASSWORD)


async def test_administrators_have_different_names(admin_setup: AdminSetupService, auth: AuthService) -> None:
    """A second one of a name is a conflict, and the first one's password stays."""
    await admin_setup.create_admin("root", PASSWORD)
    with pytest.raises(Conflict):
        await admin_setup.create_admin("root", "something else entirely")
    assert await auth.admin_login("root", PASSWORD)


async def test_a_session_in_use_says_so_to_the_minute(api: RunningApi, database_url: str) -> None:
    """An old ``last_active`` moves with the next request; a fresh one is left alone."""
    token = await api.login("alice")
    connection = await asyncpg.connect(database_url)
    try:
        fresh = await connection.fetchval("SELECT last_active FROM web_user_sessions")
        await api.services.auth.authenticate(token)
        assert await connection.fetchval("SELECT last_active FROM web_user_sessions") == fresh
        await connection.execute("UPDATE web_user_sessions SET last_active = now() - interval '2 minutes'")
        await api.services.auth.authenticate(token)
        assert await connection.fetchval("SELECT last_active >= $1 FROM web_user_sessions", fresh)
    finally:
        await connection.close()


async def test_a_ticket_that_is_too_old_opens_nothing(auth: AuthService, database: Database) -> None:
    """It lives for a minute; whoever finds it in a log afterwards has nothing."""
    principal = (await auth.login("alice")).principal
    good, old = await auth.issue_ticket(principal), await auth.issue_ticket(principal)
    assert (await auth.open_socket(good, address="")).user_id == principal.user_id
    await run(database, "UPDATE web_ws_tickets SET expires_at = now() - interval '1 second'")
    with pytest.raises(NotAuthenticated):
        await auth.open_socket(old, address="")
