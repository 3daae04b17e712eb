"""Signing in and out over HTTP: what a browser keeps, and what it is worth."""

from http.cookies import Morsel, SimpleCookie

import httpx
import pytest

from tests.support.api import RunningApi
from tests.support.shared_api import FRIEND, PROXY, Knock, assert_error

PASSWORD = "a long enough password"
HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.5"}


def cookies_of(answer: httpx.Response) -> dict[str, Morsel[str]]:
    """Every cookie that an answer sets."""
    jar: SimpleCookie = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        jar.load(line)
    return dict(jar)


async def test_login_answers_as_specified(door: RunningApi) -> None:
    """The specification's four fields, for any name that fits."""
    async with door.client() as client:
        answer = await client.post("/api/login", json={"username": "spec", "display_name": "Spec Reader"})
    assert answer.status_code == 200
    body = answer.json()
    assert {"session_token", "user_id", "username", "display_name"} <= body.keys()
    assert (body["username"], body["display_name"], body["is_guest"]) == ("spec", "Spec Reader", False)
    assert all(isinstance(body[key], str) and body[key] for key in ("session_token", "user_id"))


async def test_cookies_are_out_of_reach_of_scripts_and_sites(door: RunningApi) -> None:
    """HttpOnly, SameSite, for the whole site; without encryption there is no Secure that would lose them."""
    async with door.client() as client:
        cookies = cookies_of(await client.post("/api/login", json={"username": "cookie plain"}))
    assert cookies.keys() == {"we_session", "we_claim"}
    for cookie in cookies.values():
        assert cookie["httponly"]
        assert cookie["samesite"].lower() == "lax"
        assert cookie["path"] == "/"
        assert not cookie["domain"]
        assert not cookie["secure"]
        assert int(cookie["max-age"]) > 0


async def test_encrypted_cookies_belong_to_the_host(knock: Knock) -> None:
    """Behind a proxy that we trust to say https: ``__Host-`` and Secure, for administrators too."""
    async with knock(PROXY, headers=HTTPS) as client:
        cookies = cookies_of(await client.post("/api/login", json={"username": "cookie host"}))
    assert cookies.keys() == {"__Host-we_session", "__Host-we_claim"}
    for cookie in cookies.values():
        assert cookie["secure"]
        assert cookie["httponly"]
        assert cookie["path"] == "/"
        assert not cookie["domain"]


async def test_a_stranger_cannot_claim_to_be_encrypted(knock: Knock) -> None:
    """The header of somebody who is no proxy of ours changes nothing."""
    async with knock(headers=HTTPS) as client:
        cookies = cookies_of(await client.post("/api/login", json={"username": "cookie liar"}))
    assert cookies.keys() == {"we_session", "we_claim"}


async def test_a_tossed_cookie_decides_nothing_where_encrypted(knock: Knock) -> None:
    """A subdomain that sets our plain names neither signs a visitor in nor plants its own claim."""
    async with knock(PROXY, headers=HTTPS) as mallory:
        planted = cookies_of(await mallory.post("/api/login", json={"username": "mallory"}))
    token, claim = planted["__Host-we_session"].value, planted["__Host-we_claim"].value
    tossed = {"Cookie": f"we_session={token}; we_claim={claim}"}
    async with knock(PROXY, headers=HTTPS | tossed) as victim:
        assert_error(await victim.get("/api/me"), 401)
        assert (await victim.post("/api/login", json={"username": "mallory"})).json()["is_guest"]
        answer = await victim.post("/api/login", json={"username": "victim"})
    assert cookies_of(answer)["__Host-we_claim"].value != claim


async def test_a_browser_comes_back_as_itself(door: RunningApi) -> None:
    """Its claim resumes the account after its session is gone; another browser is a guest."""
    async with door.client() as browser, door.client() as other:
        first = (await browser.post("/api/login", json={"username": "returning"})).json()
        del browser.cookies["we_session"]
        again = (await browser.post("/api/login", json={"username": "Returning"})).json()
        stranger = (await other.post("/api/login", json={"username": "returning"})).json()
    assert again["user_id"] == first["user_id"]
    assert not again["is_guest"]
    assert stranger["is_guest"]
    assert stranger["user_id"] != first["user_id"]


async def test_the_session_is_rotated_at_login(door: RunningApi) -> None:
    """A browser's new session is a new one, and the one it replaces is over."""
    async with door.client() as browser, door.client() as program:
        first = (await browser.post("/api/login", json={"username": "rotating"})).json()["session_token"]
        second = (await browser.post("/api/login", json={"username": "rotating"})).json()["session_token"]
        assert first != second
        assert_error(await program.get("/api/me", headers={"Authorization": f"Bearer {first}"}), 401)
        assert (await browser.get("/api/me")).status_code == 200


async def test_a_bearer_token_is_proof_and_stays(door: RunningApi) -> None:
    """A program may sign in for a second device, and keeps its first token."""
    token = await door.login("two devices")
    async with door.client(token) as client:
        second = (await client.post("/api/login", json={"username": "two devices"})).json()
        assert not second["is_guest"]
        assert (await client.get("/api/me")).json()["user_id"] == second["user_id"]


async def test_a_password_opens_from_anywhere(door: RunningApi) -> None:
    """The right one resumes, a wrong one is 401 and sets no cookie."""
    body = {"username": "with password", "password": PASSWORD}
    async with door.client() as one, door.client() as two:
        first = await one.post("/api/login", json=body)
        assert (await two.post("/api/login", json=body)).json()["user_id"] == first.json()["user_id"]
        wrong = await two.post("/api/login", json=body | {"password": "wrong password"})
    assert_error(wrong, 401, "not_authenticated")
    assert "set-cookie" not in wrong.headers
    assert "wrong password" not in wrong.text


async def test_logout_ends_the_session_at_once(door: RunningApi) -> None:
    """The token is worth nothing afterwards, and the browser is told to forget it."""
    async with door.client() as browser:
        token = (await browser.post("/api/login", json={"username": "leaving"})).json()["session_token"]
        answer = await browser.post("/api/logout")
        assert answer.json() == {"success": True}
        assert cookies_of(answer)["we_session"]["max-age"] == "0"
    async with door.client(token) as client:
        for path in ("/api/me", "/api/conversations"):
            assert_error(await client.get(path), 401)
        assert (await client.post("/api/logout")).status_code == 200


async def test_logout_without_credentials_is_harmless(door: RunningApi) -> None:
    """Nothing to end is no error."""
    async with door.client("not-a-token", cookies={"we_session": "x", "we_admin": "y"}) as client:
        assert (await client.post("/api/logout")).status_code == 200


@pytest.mark.parametrize("header", ["Bearer x", "Bearer", "Basic eDp5", "Bearer é", "x", "Bearer " + "a.b.c" * 3000])
async def test_bad_credentials_are_401(door: RunningApi, header: str) -> None:
    """With the scheme that would be right."""
    async with door.client(headers={"Authorization": header.encode()}) as client:
        answer = await client.get("/api/me")
    assert_error(answer, 401, "not_authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/api/login", "/api/logout", "/api/chat", "/api/admin/login"])
async def test_other_sites_cannot_act_for_a_browser(door: RunningApi, tokens: dict[str, str], path: str) -> None:
    """With its cookies and all: 403. A friendly origin gets to the door."""
    async with door.client(cookies={"we_session": tokens["user"]}) as client:
        assert_error(await client.post(path, json={}, headers={"Origin": "https://evil.example"}), 403)
        if path == "/api/logout":
            assert (await client.get("/api/me")).status_code == 200
            return
        for origin in (door.url, FRIEND):
            assert (await client.post(path, json={}, headers={"Origin": origin})).status_code == 422


BEARER_ROUTES = [
    ("GET", "/api/me"),
    ("GET", "/api/conversations"),
    ("POST", "/api/chat"),
    ("POST", "/api/ws-ticket"),
    ("POST", "/api/login"),
    ("POST", "/api/logout"),
    ("GET", "/api/admin/status"),
    ("GET", "/metrics"),
]


@pytest.mark.parametrize(("method", "path"), BEARER_ROUTES)
@pytest.mark.parametrize("is_good_first", [True, False])
async def test_two_authorizations_are_none(
    door: RunningApi, tokens: dict[str, str], method: str, path: str, is_good_first: bool
) -> None:
    """Refused by every route alike: one would take the first, another the last, and a proxy perhaps the other."""
    good = tokens["admin" if "admin" in path or path == "/metrics" else "user"]
    both = [("Authorization", f"Bearer {good}"), ("Authorization", "Basic eDp5")]
    body = {"bot_name": "elena", "content": "Hi"} if path == "/api/chat" else {"username": "doubled"}
    async with door.client() as client:
        answer = await client.request(
            method, path, headers=both if is_good_first else both[::-1], json=body if method == "POST" else None
        )
    assert_error(answer, 401, "not_authenticated")
    assert "set-cookie" not in answer.headers
    async with door.client(tokens["user"]) as client:
        assert (await client.get("/api/me")).status_code == 200  # no session was ended by half of it


@pytest.mark.parametrize("value", ["Bearer", "Basic eDp5", "bearer  {}", "BEARER {}"])
async def test_every_route_reads_a_token_alike(door: RunningApi, tokens: dict[str, str], value: str) -> None:
    """Whatever is not a token leaves the cookie."""
    headers = {"Authorization": value.format(tokens["user"]), "Cookie": f"we_session={tokens['user']}"}
    async with door.client(headers=headers) as client:
        assert (await client.get("/api/me")).status_code == 200
        answer = await client.post("/api/chat", json={"bot_name": "elena", "content": "Hi"})
    assert answer.status_code == 200
