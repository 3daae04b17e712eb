"""Who a name belongs to: claimed once, resumed with proof, a guest's otherwise."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from chat_api.audit.service import AuditService
from chat_api.core.database import Database
from chat_api.core.errors import InvalidInput, NotAuthenticated, PermissionDenied
from chat_api.core.security import load_key_ring
from chat_api.people.admin_setup import AdminSetupService
from chat_api.people.auth import AuthService
from chat_api.people.identity import IdentityService
from chat_api.people.session_schemas import SignIn
from tests.chat_api.conftest import MakeAuth
from tests.support.api import MakeSettings

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


async def test_a_claim_is_made_here_and_never_taken_over(auth: AuthService) -> None:
    """A browser may bring what it likes, guessed or planted by somebody else: it gets one that nobody else knows."""
    mallory = await auth.login("mallory")
    for name, planted in (("alice", "1234"), ("bobby", "x" * 43), ("carol", mallory.claim)):
        alice = await auth.login(name, claim=planted)
        own = str(alice.claim).split(".", maxsplit=1)[0]
        assert own != planted
        assert (await auth.login(alice.principal.username, claim=planted)).principal.is_guest
        assert not (await auth.login(alice.principal.username, claim=own)).principal.is_guest


async def test_each_sign_in_makes_a_new_claim(auth: AuthService) -> None:
    """The browser's next sign-in ends the one before the last: an answer that was lost costs nobody their name."""
    first = await auth.login("alice")
    second = await auth.login("alice", claim=first.claim)
    assert second.claim != first.claim
    retried = await auth.login("alice", claim=first.claim)  # the answer with the second one never came
    third = await auth.login("alice", claim=retried.claim)
    assert third.principal.user_id == first.principal.user_id
    assert (await auth.login("alice", claim=first.claim)).principal.is_guest
    assert (await auth.login("alice", claim=third.claim)).principal.user_id == first.principal.user_id


async def test_a_claim_opens_one_account(auth: AuthService) -> None:
    """In a browser that several people use, each has a claim of their own, and a sign-out takes only one's own."""
    alice = await auth.login("alice")
    bob = await auth.login("bobby", claim=alice.claim)
    of_bob, of_alice = str(bob.claim).split(".")
    assert of_alice == alice.claim
    assert (await auth.login("alice", claim=of_bob)).principal.is_guest
    await auth.leave(bob.token, claim=bob.claim)
    assert await auth.kept_claims(str(bob.claim)) == of_alice
    assert (await auth.login("bobby", claim=bob.claim)).principal.is_guest
    assert (await auth.login("alice", claim=bob.claim)).principal.user_id == alice.principal.user_id


async def test_signing_out_revokes_what_was_copied(auth: AuthService) -> None:
    """On a shared browser somebody keeps the owner's cookie of any day: after the sign-out it opens nothing."""
    first = await auth.login("alice", password=PASSWORD)
    second = await auth.login("alice", claim=first.claim)
    third = await auth.login("alice", claim=second.claim, token=second.token, is_rotated=True)
    await auth.leave(third.token, claim=third.claim)
    other = await auth.login("bobby", password=PASSWORD, claim=third.claim)
    await auth.leave(other.token, claim=other.claim)
    for copied in (first.claim, second.claim, third.claim, other.claim):
        assert (await auth.login("alice", claim=copied)).principal.is_guest
        assert (await auth.login("bobby", claim=copied)).principal.is_guest
    assert (await auth.login("alice", password=PASSWORD)).principal.user_id == first.principal.user_id


async def test_a_browser_without_its_claim_is_still_the_same_browser(auth: AuthService) -> None:
    """Whoever takes the claim away from it gains nothing: signing in again and out revokes what was taken."""
    first = await auth.login("alice")
    second = await auth.login("alice", token=first.token, is_rotated=True)
    await auth.leave(second.token)
    assert (await auth.login("alice", claim=first.claim)).principal.is_guest


async def test_an_expired_session_can_still_be_left(auth: AuthService, database: Database) -> None:
    """The page was open overnight; signing out ends what the browser could have come back with."""
    first = await auth.login("alice")
    async with database.write() as connection:
        await connection.execute(text("UPDATE web_user_sessions SET expires_at = now() - interval '1 hour'"))
    await auth.leave(first.token, claim=first.claim)
    assert (await auth.login("alice", claim=first.claim)).principal.is_guest


async def test_a_first_password_leaves_no_other_proof(auth: AuthService) -> None:
    """It ends the claims and the sessions of other devices; the one that set it goes on."""
    laptop = await auth.login("alice")
    phone = await auth.login("alice", claim=laptop.claim)
    kept = await auth.login("alice", token=laptop.token, password=PASSWORD)
    for claim in (laptop.claim, phone.claim):
        assert (await auth.login("alice", claim=claim)).principal.is_guest
    with pytest.raises(NotAuthenticated):
        await auth.authenticate(phone.token)
    assert (await auth.authenticate(laptop.token)).user_id == kept.principal.user_id
    assert (await auth.login("alice", claim=kept.claim)).principal.user_id == kept.principal.user_id


async def test_a_claim_ends_after_its_time(auth: AuthService, database: Database) -> None:
    """90 days after the last sign-in with it; then it opens nothing, and the next sign-in clears it away."""
    first = await auth.login("alice")
    async with database.write() as connection:
        days = (await connection.execute(text("SELECT expires_at - created_at FROM web_claims"))).scalar_one().days
        await connection.execute(text("UPDATE web_claims SET expires_at = now() - interval '1 second'"))
    assert days in {89, 90}
    assert (await auth.login("alice", claim=first.claim)).principal.is_guest
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM web_claims"))).scalar_one() == 1


async def test_a_form_that_is_sent_twice_is_one_person(auth: AuthService, database: Database) -> None:
    """At once or after a lost answer, within a minute, and for the same name; signing out ends that, too."""
    attempt = "x" * 43
    pair = await asyncio.gather(*(auth.login("alice", attempt=attempt) for _ in range(2)))
    assert len({one.principal.user_id for one in pair}) == 1
    assert not (await auth.login("bobby", attempt=attempt)).principal.is_guest
    assert (await auth.login("alice", claim=attempt)).principal.is_guest
    again = await auth.login("alice", attempt=attempt)
    assert again.principal.user_id == pair[0].principal.user_id
    await auth.leave(again.token, claim=again.claim)
    assert (await auth.login("alice", attempt=attempt)).principal.is_guest
    carol = "y" * 43
    await auth.login("carol", attempt=carol)
    async with database.write() as connection:
        await connection.execute(text("UPDATE web_claims SET expires_at = expires_at - interval '61 seconds'"))
    assert (await auth.login("carol", attempt=carol)).principal.is_guest


async def test_a_double_click_keeps_the_name(auth: AuthService) -> None:
    """Two sign-ins with one claim at once: whichever answer the browser keeps, it leads back."""
    first = await auth.login("alice")
    pair = await asyncio.gather(*(auth.login("alice", claim=first.claim) for _ in range(2)))
    for kept in pair:
        assert (await auth.login("alice", claim=kept.claim)).principal.user_id == first.principal.user_id


@pytest.mark.parametrize(
    "lookalike",
    ["аlісе", "AIice", "a1ice", "alice\u2800", "ali\u200dce", "\u202ealice", "ɑlice", "ａｌｉｃｅ", "𝐚𝐥𝐢𝐜𝐞", "alicе"],
)
async def test_a_name_that_looks_like_another_has_a_badge_or_is_refused(auth: AuthService, lookalike: str) -> None:
    """Letters of other alphabets, digits for letters, what nobody sees: none of it is alice without a badge."""
    await auth.login("alice")
    try:
        assert (await auth.login(lookalike)).principal.is_guest
    except InvalidInput:
        return


@pytest.mark.parametrize(
    "name",
    [
        "李明",
        "Zoë",
        "Дмитрий",
        "Ωμέγα",
        "José",
        "Jose",
        "عمر خالد",
        "たろう太郎",
        "Nguyễn",
        "Հայկ",
        "김철수",
        "Иван Smith",
    ],
)
async def test_real_names_of_every_alphabet_are_free(auth: AuthService, name: str) -> None:
    """Each alphabet by itself, Japanese with its three, and a second word in another."""
    await auth.login("alice")
    sign_in = await auth.login(name if len(name) > 2 else f"{name} {name}", display_name=name)
    assert not sign_in.principal.is_guest
    again = await auth.login(sign_in.principal.username, claim=sign_in.claim)
    assert again.principal.user_id == sign_in.principal.user_id


async def test_nobody_looks_like_a_bot_or_an_administrator(
    admin_setup: AdminSetupService, database: Database, make_settings: MakeSettings
) -> None:
    """Their names and what looks like them have a badge; as a name that is shown, a bot's is refused."""
    settings = make_settings()
    identity = IdentityService(database, settings, bot_names=lambda: ["elena", "Elena Rodriguez"])
    auth = AuthService(database, load_key_ring(settings), identity, AuditService(database), settings)
    await admin_setup.create_admin("root", "correct horse battery")
    for name in ("root", "r00t", "Elena", "e1ena", "ELENA Rodriguez"):
        assert (await auth.login(name)).principal.is_guest
    for shown in ("Elena Rodriguez", "EIena", "Еlena", "alіce", "a\u200blice"):
        with pytest.raises(InvalidInput, match=r"^display_name: "):
            await auth.login("somebody", display_name=shown)
    assert not (await auth.login("somebody", display_name="Somebody")).principal.is_guest
