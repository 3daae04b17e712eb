"""Text from outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_api.core.errors import InvalidInput
from chat_api.core.text import check_alphabets, check_name, check_text, cleaned, name_key

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=80)


@given(ANY_TEXT)
def test_accepted_text_can_be_stored_and_sent(value: str) -> None:
    """It encodes as UTF-8 and has no NUL."""
    try:
        checked = check_text(value, field="content", max_chars=50)
    except InvalidInput:
        return
    assert checked == value
    assert "\x00" not in checked.encode().decode()


@given(ANY_TEXT)
def test_accepted_names_are_one_readable_line(value: str) -> None:
    """They fit, a second check changes nothing, and their key is not empty."""
    try:
        name = check_name(value, field="username", min_chars=3, max_chars=30)
    except InvalidInput:
        return
    assert 3 <= len(name) <= 30
    assert name == check_name(name, field="username", min_chars=3, max_chars=30)
    assert name.isprintable()
    assert 1 <= len(name_key(name)) <= 60


@given(ANY_TEXT)
def test_the_key_of_a_name_is_stable_and_blind_to_case(value: str) -> None:
    """The key of a key is the key, unless it was cut."""
    key = name_key(value)
    if len(key) < 60:
        assert name_key(key) == key
    assert name_key(value.encode("utf-8", "ignore").decode().lower().casefold()) == name_key(
        value.encode("utf-8", "ignore").decode().casefold()
    )


@given(ANY_TEXT)
def test_cleaned_text_can_always_be_stored(value: str) -> None:
    """A bot may say anything."""
    text = cleaned(value, max_chars=20)
    assert len(text) <= 20
    assert "\x00" not in text.encode().decode()


@pytest.mark.parametrize("value", ["tab\tand\nline\r\n", "🌊 emoji", "עברית"])
def test_ordinary_text_passes(value: str) -> None:
    """White space, emoji and every script."""
    assert check_text(value, field="content", max_chars=50) == value


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("علی\u200cرضا", "علیرضا"),
        ("राम\u200dजी", "रामजी"),
        ("\u200fדוד\u200f", "דוד"),
        ("ali\u200cce", "alice"),
        *((name, name) for name in ("O'Connor", "O’Connor", "Łukasz", "Søren", "Ελένη", "Дмитрий", "李明", "Zoë")),
        *(
            (name, name)
            for name in ("José", "modern", "modem", "김철수", "محمد", "Ivan IV", "Мария Ivanova", "xXx_Саша_xXx")
        ),
    ],
)
def test_names_of_people_are_names(typed: str, kept: str) -> None:
    """In every script; what only joins letters or turns text is dropped, so that it makes no other name."""
    assert check_name(typed, field="username", min_chars=1, max_chars=30) == kept
    check_alphabets(kept, field="username")


def test_a_name_that_is_too_long_hears_the_real_limit() -> None:
    """However much too long it is."""
    for length in (31, 301):
        with pytest.raises(InvalidInput, match="at most 30 characters"):
            check_name("x" * length, field="username", min_chars=3, max_chars=30)
