"""Messages that are not acknowledged: who is next, and when one is forgotten."""

import pytest

from whisperengine_client import InvalidInput, NotFound, RateLimited, Sent
from whisperengine_client.outbox import Outbox, Pending


def pending(client_msg_id: str, bot_name: str = "elena") -> Pending:
    """A message."""
    return Pending(client_msg_id=client_msg_id, bot_name=bot_name, content="Hi", message_type="text")


def ids(due: list[Pending]) -> list[str]:
    """Which they are."""
    return [one.client_msg_id for one in due]


async def test_one_a_bot_at_a_time() -> None:
    """Bots do not wait for each other; messages to one do."""
    outbox = Outbox()
    for one in (pending("a"), pending("b"), pending("c", "marcus")):
        outbox.add(one)
    assert ids(outbox.take_due()) == ["a", "c"]
    assert outbox.take_due() == []
    outbox.acknowledge("a", Sent(message_id="m", client_msg_id="a", seq=1, is_duplicate=False))
    assert ids(outbox.take_due()) == ["b"]
    outbox.rewind()
    assert ids(outbox.take_due()) == ["b", "c"]


async def test_an_id_is_under_way_once() -> None:
    """Unless nobody waits for the first any more."""
    outbox, first = Outbox(), pending("a")
    outbox.add(first)
    with pytest.raises(InvalidInput):
        outbox.add(pending("a"))
    outbox.take_due()
    outbox.give_up(first)
    outbox.add(pending("a"))
    assert ids(outbox.take_due()) == ["a"]


async def test_what_was_given_up_is_known_until_the_server_has_spoken() -> None:
    """Its acknowledgement may come yet, and tells what is stored; a refusal ends it, as a lost connection does."""
    for end in ("refused", "postponed", "lost", "not posted"):
        outbox, one = Outbox(), pending("a")
        outbox.add(one)
        if end != "not posted":
            outbox.take_due()
        outbox.give_up(one)
        assert (outbox.get("a") is None) == (end == "not posted")
        match end:
            case "refused":
                outbox.refuse(one, NotFound("no"))
            case "postponed":
                outbox.postpone(one, RateLimited("no"))
            case "lost":
                outbox.rewind()
        assert outbox.get("a") is None
        assert outbox.take_due() == []
        one.done.cancel()
