"""Who a name belongs to: claimed once, resumed with proof, a guest's otherwise."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from chat_api.core.database import Database
from chat_api.core.errors import InvalidInput, NotAuthenticated, PermissionDenied
from chat_api.schemas.sessions import SignIn
from chat_api.services.auth import AuthService
from tests.chat_api.services.conftest import MakeAuth

PASSWORD = "a long enough password"


async def test_the_first_login_claims_the_name(auth: AuthService) -> None:
    """Whoever comes first holds the name, under an identity of the form that the bots share."""
    person = (await auth.login("alice", display_name="Alice")).principal
    assert (person.username, person.display_name, person.is_guest) == ("alice", "Alice", False)
    assert person.user_id.startswith("weu_")
    assert len(person.user_id) == 20


async def test_a_name_alone_makes_a_guest(auth: AuthService) -> None:
    """The same name without proof is another person, visibly a guest, under the name that they gave."""
    holder = (await auth.login("alice")).principal
    stranger = (await auth.login("alice")).principal
    assert stranger.is_guest
    assert stranger.user_id != holder.user_id
    assert stranger.display_name == "alice"


@pytest.mark.parametrize("proof", ["claim", "token", "password"])
async def test_proof_resumes_the_account(auth: AuthService, proof: str) -> None:
    """The browser's claim, a live token or the password leads back to the same person."""
    first = await auth.login("alice", display_name="Alice", password=PASSWORD)
    proofs: dict[str, Any] = {"claim": first.claim, "token": first.token, "password": PASSWORD}
    again = await auth.login("alice", **{proof: proofs[proof]})
    assert again.principal.user_id == first.principal.user_id
    assert not again.principal.is_guest
    assert again.principal.display_name == "Alice"
    assert again.token != first.token


async def test_a_guest_resumes_as_the_same_guest(auth: AuthService) -> None:
    """A guest's browser keeps its own guest, and never becomes the holder."""
    await auth.login("alice")
    guest = await auth.login("alice")
    again = await auth.login("alice", claim=guest.claim)
    assert again.principal.user_id == guest.principal.user_id
    assert again.principal.is_guest


async def test_proof_of_one_name_is_none_of_another(auth: AuthService) -> None:
    """Bob's token and claim do not open alice."""
    alice = await auth.login("alice")
    bob = await auth.login("bobby")
    taken = await auth.login("alice", token=bob.token, claim=bob.claim)
    assert taken.principal.is_guest
    assert taken.principal.user_id != alice.principal.user_id


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("alice", "ALICE"),
        ("alice", "  alice "),
        ("alice", "Ａｌｉｃｅ"),
        ("alice", "ali\ufe0fce"),
        ("alice", "alice\u2067"),
        ("zoé", "zoe\u0301"),
        ("straße", "STRASSE"),
        ("ann lee", "ann \u3164 lee"),
        ("ann lee", "ann\nlee"),
    ],
)
async def test_variants_of_a_name_are_the_same_name(auth: AuthService, name: str, variant: str) -> None:
    """Case, width, composition and what nobody can see do not make a name free."""
    await auth.login(name)
    assert (await auth.login(variant)).principal.is_guest


@pytest.mark.parametrize("name", ["al", "a" * 31, "   ", "al\x00ice", "al\u200bice", "\u3164" * 5, "al\ud800ice", ""])
async def test_names_nobody_can_read_are_refused(auth: AuthService, name: str) -> None:
    """A name is 3 to 30 visible characters on one line; the refusal names the field, never the value."""
    with pytest.raises(InvalidInput, match=r"^username: ") as refusal:
        await auth.login(name)
    assert not name.strip() or name not in refusal.value.message


async def test_a_wrong_password_is_refused(auth: AuthService) -> None:
    """It neither opens the account nor makes a guest, even in a browser that holds a claim."""
    first = await auth.login("alice", password=PASSWORD)
    for claim in (None, first.claim):
        with pytest.raises(NotAuthenticated):
            await auth.login("alice", password="another password", claim=claim)


async def test_a_password_can_be_set_later_by_the_holder_only(auth: AuthService) -> None:
    """A stranger's password for a taken name opens nothing, now or later."""
    holder = await auth.login("alice")
    stranger = await auth.login("alice", password="the stranger's own")
    assert stranger.principal.is_guest
    await auth.login("alice", claim=holder.claim, password=PASSWORD)
    assert (await auth.login("alice", password=PASSWORD)).principal.user_id == holder.principal.user_id
    with pytest.raises(NotAuthenticated):
        await auth.login("alice", password="the stranger's own")


@pytest.mark.parametrize("auth_mode", ["claim", "open"])
async def test_a_banned_account_is_refused_at_once(
    auth: AuthService, make_auth: MakeAuth, database: Database, auth_mode: str
) -> None:
    """No proof opens it, and the sessions that it had are dead."""
    first = await auth.login("alice", password=PASSWORD)
    async with database.write() as connection:
        await connection.execute(text("UPDATE web_accounts SET banned_at = now()"))
    with pytest.raises(NotAuthenticated):
        await auth.authenticate(first.token)
    assert await auth.living([first.principal.session_id]) == {}
    with pytest.raises(PermissionDenied):
        await make_auth(auth_mode=auth_mode).login("alice", claim=first.claim, password=PASSWORD)


async def test_open_mode_takes_the_name_for_the_account(make_auth: MakeAuth) -> None:
    """Where the network is trusted and the operator said so, a name is enough."""
    auth = make_auth(auth_mode="open")
    first, second = await auth.login("alice"), await auth.login("ALICE")
    assert first.principal.user_id == second.principal.user_id
    assert not second.principal.is_guest


async def test_fifty_first_logins_make_one_holder(auth: AuthService) -> None:
    """However they race, one claims the name and the others are guests of their own."""
    people = [sign_in.principal for sign_in in await asyncio.gather(*(auth.login("alice") for _ in range(50)))]
    assert [person.is_guest for person in people].count(False) == 1
    assert len({person.user_id for person in people}) == 50


async def test_a_double_click_with_a_password_is_one_person(auth: AuthService) -> None:
    """The one that loses the race for a new name proves itself with the password that the other just set."""

    async def login() -> SignIn:
        return await auth.login("alice", password=PASSWORD)

    people = [sign_in.principal for sign_in in await asyncio.gather(*(login() for _ in range(4)))]
    assert len({person.user_id for person in people}) == 1
    assert not any(person.is_guest for person in people)


async def test_a_claim_that_could_be_guessed_is_not_taken_over(auth: AuthService) -> None:
    """A browser without a claim of ours gets one; what else it sends never opens anything."""
    first = await auth.login("alice", claim="1234")
    assert first.claim != "1234"
    assert (await auth.login("alice", claim="1234")).principal.is_guest
