"""Signing in by the forms of the pages, posted as a browser without scripts does."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from html import unescape
from typing import Any

import httpx
import pyotp
import pytest
from nicegui import Client

from chat_api.core.cookies import ADMIN_COOKIE, CLAIM_COOKIE, SESSION_COOKIE
from models import Role
from tests.support.api import ADMIN_PASSWORD
from tests.support.console_app import RunningConsole
from tests.support.sample_bots import RunningBot
from tests.support.shared_console import shared_console

WRONG = "a wrong password"
ADMIN_FORM = {"username": "test-admin", "password": ADMIN_PASSWORD}


_number = itertools.count()


@pytest.fixture(scope="module")
async def console(
    postgres_server: str,
    migrated_template: str,
    valkey_server: str,
    elena_process: RunningBot,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[RunningConsole]:
    """One application for all that is tried here."""
    folder = tmp_path_factory.mktemp("forms")
    parts = {"postgres_server": postgres_server, "template": migrated_template, "valkey_server": valkey_server}
    async with shared_console("sign_in_forms", folder, elena_process, **parts) as running:
        yield running


def visitor(console: RunningConsole, token: str | None = None, **options: Any) -> httpx.AsyncClient:
    """A browser at an address of its own."""
    number = next(_number)
    headers = {"X-Forwarded-For": f"198.51.100.{number % 250}:{number}"} | options.pop("headers", {})
    return console.client(token, headers=headers, **options)


def error_in(answer: httpx.Response) -> str:
    """What the page says of the form."""
    match = re.search(r'data-testid="form-error">([^<]*)<', answer.text)
    assert match is not None, answer.text
    return unescape(match[1])


def form_in(page: str) -> str:
    """The opening tag of a page's only form that takes a secret."""
    forms = re.findall(r"(<form[^>]*>)(.*?)</form>", page, re.DOTALL)
    assert len(forms) == page.count("<form")
    (opening,) = (opening for opening, fields in forms if 'type="password"' in fields)
    assert page.count('type="password"') == 1
    return str(opening)


async def test_every_form_with_a_secret_is_posted(console: RunningConsole) -> None:
    """To an address of ours: a form without a method would put what was typed into the address."""
    await console.admin_username()
    async with visitor(console) as client:
        for path, action in (("/", "/"), ("/admin/login?next=%2Fadmin%2Fa", "/admin/login?next=%2Fadmin%2Fa")):
            form = form_in((await client.get(path)).text)
            assert 'method="post"' in form
            assert f'action="{action}' in form


async def test_a_person_signs_in_and_comes_to_the_bot_that_was_asked_for(console: RunningConsole) -> None:
    """The answer is a redirect with the cookies of the API's login, and nothing of the form in its address."""
    async with visitor(console) as client:
        form = await client.get("/?bot=marcus")
        assert 'action="/?bot=marcus"' in form.text
        answer = await client.post("/?bot=marcus", data={"username": "Zoë & Co", "password": "a good password"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/?bot=marcus")
        assert answer.headers["cache-control"] == "no-store"
        set_cookies = answer.headers.get_list("set-cookie")
        assert {line.partition("=")[0] for line in set_cookies} == {SESSION_COOKIE, CLAIM_COOKIE}
        assert all("HttpOnly" in line and "SameSite=lax" in line and "Path=/" in line for line in set_cookies)
        assert (await client.get("/api/me")).json()["username"] == "Zoë & Co"
        assert 'id="app"' in (await client.get("/?bot=marcus")).text


async def test_a_form_that_is_sent_twice_is_one_person(console: RunningConsole) -> None:
    """Of two answers a browser keeps the later one; both came from the page that it was shown."""
    async with visitor(console) as client:
        hidden = re.search(r'name="attempt" value="([^"]+)"', (await client.get("/")).text)
    assert hidden
    twice = [visitor(console) for _ in range(2)]
    form = {"username": "eager", "attempt": hidden[1]}
    answers = await asyncio.gather(*(client.post("/", data=form) for client in twice))
    people = []
    for client, answer in zip(twice, answers, strict=True):
        assert answer.status_code == 303
        people.append((await client.get("/api/me")).json())
        await client.aclose()
    assert people[0]["user_id"] == people[1]["user_id"]
    assert not people[0]["is_guest"]


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"username": "ab"}, 422, "Name: at least 3 characters"),
        ({"username": ""}, 422, "Name: at least 1 character"),
        ({"username": "short secret", "password": "short"}, 422, "Password: at least 8 characters"),
        ({"username": "kept name", "password": WRONG}, 401, "Wrong password, or the name is taken."),
        ({"username": '<script>"x</script>', "password": "short"}, 422, "Password: at least 8 characters"),
        ({"username": "control \x00", "password": WRONG}, 422, "control characters"),
    ],
)
async def test_a_refused_form_keeps_the_name_and_no_secret(
    console: RunningConsole, fields: dict[str, str], status: int, said: str
) -> None:
    """The page again, with the reason and the right status; nobody is signed in."""
    await console.login("kept name", password="the right password")
    clients = set(Client.instances)
    async with visitor(console) as client:
        answer = await client.post("/?bot=marcus", data=fields)
        assert answer.status_code == status
        assert said in error_in(answer)
        assert SESSION_COOKIE not in client.cookies
    for secret in ("short", WRONG):
        assert f'"{secret}"' not in answer.text
    assert f'value="{WRONG}"' not in answer.text
    typed = re.search(r'name="username" value="([^"]*)"', answer.text)
    assert unescape(typed[1] if typed else "") == fields.get("username", "")
    assert '<script>"x' not in answer.text
    assert 'action="/?bot=marcus"' in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert set(Client.instances) <= clients


async def test_an_administrator_signs_in(console: RunningConsole) -> None:
    """With the page that was asked for, a wrong password before, and one line of the audit trail for each."""
    await console.admin_username()
    async with visitor(console) as client:
        asked = await client.get("/admin/audit?action=admin.login")
        where = asked.headers["location"]
        assert f'action="{where}"' in (await client.get(where)).text
        wrong = await client.post(where, data=ADMIN_FORM | {"password": WRONG})
        assert wrong.status_code == 401
        assert error_in(wrong) == "Incorrect username, password or code."
        assert 'name="username" value="test-admin"' in wrong.text
        assert f'action="{where}"' in wrong.text
        assert WRONG not in wrong.text
        right = await client.post(where, data=ADMIN_FORM)
        assert (right.status_code, right.headers["location"]) == (303, "/admin/audit?action=admin.login")
        entries = (await client.get("/api/admin/audit?action=admin.login")).json()["entries"]
    assert {"denied", "allowed"} <= {entry["outcome"] for entry in entries}


@pytest.mark.parametrize("path", ["/?next={}", "/admin/login?next={}"])
@pytest.mark.parametrize(
    "evil", ["/.//evil.example/", "//evil.example/admin", "/%5Cevil.example", "/%252e//evil.example"]
)
async def test_nobody_is_sent_to_another_site(console: RunningConsole, path: str, evil: str) -> None:
    """The form does not take such an address up, and neither does the answer to one that was made by hand."""
    await console.admin_username()
    async with visitor(console) as client:
        where = path.format(evil)
        assert "evil.example" not in (await client.get(where)).text
        answer = await client.post(where, data=ADMIN_FORM)
        assert answer.status_code == 303
        assert answer.headers["location"] in {"/", "/admin"}


async def test_guessing_is_as_slow_as_at_the_api(console: RunningConsole) -> None:
    """Ten tries a minute by either door together, and the page says how long to wait."""
    await console.admin_username()
    async with visitor(console) as client:
        for number in range(10):
            if number % 2:
                answer = await client.post("/admin/login", data=ADMIN_FORM | {"password": WRONG})
            else:
                answer = await client.post("/api/admin/login", json=ADMIN_FORM | {"password": WRONG})
            assert answer.status_code == 401
        refused = await client.post("/admin/login", data=ADMIN_FORM)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert error_in(refused)
        assert (await client.post("/api/admin/login", json=ADMIN_FORM)).status_code == 429


async def test_another_sites_form_signs_nobody_in(console: RunningConsole) -> None:
    """Else it could sign a visitor in under a name of its own choice."""
    await console.admin_username()
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        async with visitor(console, headers=headers) as client:
            for path in ("/", "/admin/login"):
                answer = await client.post(path, data=ADMIN_FORM)
                assert answer.status_code == 403
                assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"username": "json person"}', "application/json", 415),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415),
        (b"username=plain", "text/plain", 415),
        (b"username=plain", "", 415),
        (b"username=%FF%FE", "application/x-www-form-urlencoded", 400),
        ("username=zoë".encode(), "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=1" for _ in range(50)), "application/x-www-form-urlencoded", 400),
        (b"username=" + b"a" * 300_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_a_form_that_no_browser_sends(console: RunningConsole, content: bytes, kind: str, status: int) -> None:
    """Refused, by name; nothing fails."""
    async with visitor(console) as client:
        for path in ("/", "/admin/login"):
            answer = await client.post(path, content=content, headers={"Content-Type": kind})
            assert answer.status_code == status, answer.text
            assert "set-cookie" not in answer.headers or SESSION_COOKIE not in client.cookies


async def test_an_authenticators_code_is_asked_for(console: RunningConsole) -> None:
    """As at the API."""
    secret = pyotp.random_base32()
    await console.services.admin_setup.create_admin("careful", ADMIN_PASSWORD, totp_secret=secret)
    form = {"username": "careful", "password": ADMIN_PASSWORD}
    async with visitor(console) as client:
        assert (await client.post("/admin/login", data=form | {"totp": ""})).status_code == 401
        assert (await client.post("/admin/login", data=form | {"totp": "é" * 1000})).status_code == 401
        answer = await client.post("/admin/login", data=form | {"totp": pyotp.TOTP(secret).now()})
        assert answer.status_code == 303
        assert ADMIN_COOKIE in client.cookies


async def test_a_form_with_a_code_is_taken_twice_and_its_code_once(console: RunningConsole) -> None:
    """A double click, or Enter twice: both answers lead in. The same code in another form is spent."""
    secret = pyotp.random_base32()
    await console.services.admin_setup.create_admin("quick", ADMIN_PASSWORD, totp_secret=secret)
    async with AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(visitor(console)) for _ in range(4)]
        pages = [(await tab.get("/admin/login")).text for tab in tabs]
        attempts = [re.findall(r'name="attempt" value="([^"]+)"', page)[0] for page in pages]
        typed = {"username": "quick", "password": ADMIN_PASSWORD, "totp": pyotp.TOTP(secret).now()}
        form = typed | {"attempt": attempts[0]}
        twice = await asyncio.gather(*(tab.post("/admin/login", data=form) for tab in tabs[:2]))
        assert [answer.status_code for answer in twice] == [303, 303]
        again = await tabs[0].post("/admin/login", data=form)  # the browser has the first cookie by now
        assert again.status_code == 303
        assert (await tabs[0].get("/api/admin/status")).status_code == 200
        for changed in ({"attempt": attempts[2]}, {"attempt": ""}, {"password": WRONG}):
            assert (await tabs[2].post("/admin/login", data=form | changed)).status_code == 401
        assert (await tabs[3].post("/api/admin/login", json=typed)).status_code == 401
        for tab in tabs[:2]:
            await tab.post("/api/logout")
        late = await tabs[3].post("/admin/login", data=form)
        assert late.status_code == 401, "who has signed out is not in again by the same form"


async def test_signing_in_again_ends_the_earlier_session(console: RunningConsole) -> None:
    """The browser held it, and holds it no more; it would have gone on for hours. Sessions elsewhere go on."""
    name = await console.admin_username()
    elsewhere = await console.admin_login(Role.ADMIN)
    form = {"username": name, "password": ADMIN_PASSWORD}
    async with visitor(console) as client:
        await client.post("/api/admin/login", json=form)
        tokens = [client.cookies[ADMIN_COOKIE]]
        await client.post("/admin/login", data=form | {"password": WRONG})
        assert (await client.get("/api/admin/status")).status_code == 200
        await client.post("/admin/login", data=form)
        tokens.append(client.cookies[ADMIN_COOKIE])
        await client.post("/api/admin/login", json=form)
        tokens += [client.cookies[ADMIN_COOKIE], elsewhere]
    statuses = []
    for token in tokens:
        async with visitor(console, token) as program:
            statuses.append((await program.get("/api/admin/status")).status_code)
    assert statuses == [401, 401, 200, 200]
