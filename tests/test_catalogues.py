"""Every text that people see is in each language's catalogue, and translated."""

import pytest
from babel.messages import Message

from tests.support.catalogues import TRANSLATED, compiled, extracted, faults, read


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_is_whole(code: str) -> None:
    """It has what stands in the code and no more, with every placeholder; `./web-ui.sh messages` brings it up to it."""
    kept = {message.id: message for message in read(code) if message.id}
    assert kept.keys() == {message.id for message in extracted() if message.id}
    assert [(message.id, faults(message)) for message in kept.values() if faults(message)] == []
    assert [str(path) for path, content in compiled(code).items() if path.read_bytes() != content] == []


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (Message("Change {name}", "{name} ändern"), None),
        (Message("Change {name}", ""), "is not translated"),
        (Message("Change {name}", "{nmae} ändern"), "has a placeholder that nothing fills"),
        (Message("Change {name}", "Ändern"), "lacks a placeholder"),
        (Message(("{count} bot", "{count} bots"), ("Ein Bot", "{count} Bots")), None),
        (Message(("{count} bot", "{count} bots"), ("Ein Bot", "")), "is not translated"),
        (Message("Change", "Ändern", flags=["fuzzy"]), "is not translated"),
    ],
)
def test_what_is_wrong_with_a_translation(message: Message, fault: str | None) -> None:
    """It is said; a form for one thing may do without the number."""
    assert (fault in faults(message)) if fault else faults(message) == []
