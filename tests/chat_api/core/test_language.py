"""Who reads what: the language of a request, and texts in it."""

import asyncio

import pytest

from chat_api.core.language import LANGUAGE_COOKIE, N_, _, language, ngettext, speak, speaking, wanted_language


@pytest.mark.parametrize(
    ("accepted", "cookie", "wanted"),
    [
        ("", "", "en"),
        ("de", "", "de"),
        ("de-AT,en;q=0.8", "", "de"),
        ("DE", "", "de"),
        ("fr," * 10_000 + "de", "", "en"),
        ("fr-FR, de;q=0.5, en;q=0.7", "", "en"),
        ("fr, *;q=0.1", "", "en"),
        ("de;q=0, en", "", "en"),
        ("en", f"{LANGUAGE_COOKIE}=de", "de"),
        ("en", f"other=1; {LANGUAGE_COOKIE}=de; more=2", "de"),
        ("de", f"{LANGUAGE_COOKIE}=xx", "de"),
        ("en", f"not_{LANGUAGE_COOKIE}=de", "en"),
        (";;;,q=,\xff", "", "en"),
    ],
)
def test_the_language_of_a_request(accepted: str, cookie: str, wanted: str) -> None:
    """What was chosen here comes first, then what the browser asks for, then the setting."""
    headers = [(b"accept-language", accepted.encode("latin-1")), (b"cookie", cookie.encode())]
    assert wanted_language([header for header in headers if header[1]], default="en") == wanted
    assert wanted_language([], default="de") == "de"


async def test_a_task_inherits_the_language_of_who_started_it() -> None:
    """Each task speaks its own; a block speaks another for its length."""

    async def spoken(code: str) -> tuple[str, str, str]:
        speak(code)
        await asyncio.sleep(0)
        return language(), *await asyncio.create_task(inherited())

    async def inherited() -> tuple[str, str]:
        with speaking("en"):
            inside = language()
        return inside, language()

    assert tuple(await asyncio.gather(spoken("de"), spoken("en"))) == (("de", "en", "de"), ("en", "en", "en"))
    assert language() == "en"


def test_an_empty_text_is_empty_in_every_language() -> None:
    """gettext keeps what it says about a catalogue under the empty text."""
    with speaking("de"):
        assert _("") == ""
        assert _("Offline") == "Offline"
        assert _("Stopped") == "Gestoppt"


def test_texts_are_filled_in_english() -> None:
    """English is what stands in the code; braces are only special where something is filled in."""
    assert N_("Offline") == _("Offline") == "Offline"
    assert _("Change {name}", name="{x}") == "Change {x}"
    assert _("{as it is}") == "{as it is}"
    assert [ngettext("{count} bot", "{count} bots", count) for count in (0, 1, 2)] == ["0 bots", "1 bot", "2 bots"]
