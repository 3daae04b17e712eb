"""Keys and password hashes."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chat_api.core import security
from chat_api.core.security import (
    DECOY_HASH,
    MAX_TOKEN_CHARS,
    KeyRing,
    hash_password,
    is_password,
    load_key_ring,
    token_hash,
)
from chat_api.core.settings import Settings
from chat_api.core.state_dir import SecretKeyUnusable, StateDirUnusable
from tests.support.api import PRODUCT_HASHER


def settings_in(folder: Path) -> Settings:
    """Settings without a configured secret."""
    return Settings(web_ui_state_dir=folder, web_ui_secret_key=None)


def test_a_generated_secret_is_private_and_stable(tmp_path: Path) -> None:
    """Made once, readable by its owner only, and the same at every start."""
    load_key_ring(settings_in(tmp_path / "state"))
    path = tmp_path / "state" / "secret_key"
    secret = path.read_text()
    load_key_ring(settings_in(tmp_path / "state"))
    assert path.read_text() == secret
    assert len(secret) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]


def test_processes_that_start_together_agree_on_the_secret(tmp_path: Path) -> None:
    """Whoever links first wins, and everybody reads a complete key."""
    with ThreadPoolExecutor(16) as pool:
        rings = list(pool.map(load_key_ring, [settings_in(tmp_path)] * 32))
    assert len({tuple(ring._keys) for ring in rings}) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"short", "holds no key"),
        (b"a" * 64, "holds no key"),
        (b"\xff\xfe\x00" * 40, "holds no key"),
        (b"abcdefghijkl\x00mnopqrstuvwxyz0123456789ABCDEF", "holds no key"),
        ("ключ-ключ-ключ-ключ-ключ-ключ-ключ-0123".encode(), "holds no key"),
        (None, "cannot be read: Is a directory"),
    ],
)
def test_a_kept_key_that_is_none_refuses_the_start(tmp_path: Path, content: bytes | None, said: str) -> None:
    """With a sentence that names the file and what to do; the file stays as it is, and a good one is taken."""
    path = tmp_path / "secret_key"
    path.mkdir() if content is None else path.write_bytes(content)
    path.chmod(0o700 if content is None else 0o600)
    with pytest.raises(SecretKeyUnusable, match=said) as refusal:
        load_key_ring(settings_in(tmp_path))
    assert str(path) in refusal.value.message
    assert "WEB_UI_SECRET_KEY" in refusal.value.message or "delete it" in refusal.value.message
    assert content is None or path.read_bytes() == content


def test_a_key_that_everybody_can_read_refuses_the_start(tmp_path: Path) -> None:
    """A group may: volumes of orchestrators are given to one."""
    load_key_ring(settings_in(tmp_path))
    path = tmp_path / "secret_key"
    path.chmod(0o660)
    load_key_ring(settings_in(tmp_path))
    path.chmod(0o644)
    with pytest.raises(SecretKeyUnusable, match="chmod 600"):
        load_key_ring(settings_in(tmp_path))


@pytest.mark.parametrize("place", ["file", "below a file", "dangling link"])
def test_a_state_directory_that_is_none_is_a_sentence(tmp_path: Path, place: str) -> None:
    """It names the path and the setting."""
    path = tmp_path / "state"
    if place == "dangling link":
        path.symlink_to(tmp_path / "nowhere" / "at all")
    else:
        path.write_text("")
        path = path / "below" if place == "below a file" else path
    with pytest.raises(StateDirUnusable, match="WEB_UI_STATE_DIR") as refusal:
        load_key_ring(settings_in(path))
    assert str(path) in refusal.value.message


def test_different_installations_have_different_secrets(tmp_path: Path) -> None:
    """It is random."""
    for name in ("a", "b"):
        load_key_ring(settings_in(tmp_path / name))
    assert (tmp_path / "a" / "secret_key").read_text() != (tmp_path / "b" / "secret_key").read_text()


def test_passwords_are_hashed_with_argon2id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Salted, with what the library recommends as the least; and who does not exist costs a guess as much."""
    monkeypatch.setattr(security, "_hasher", PRODUCT_HASHER)
    first, second = hash_password("correct horse"), hash_password("correct horse")
    assert first != second
    cost = "$argon2id$v=19$m=65536,t=3,p=4$"
    assert first.startswith(cost)
    assert DECOY_HASH.startswith(cost)
    assert is_password("correct horse", first)
    assert not is_password("correct hors", first)
    assert not is_password("correct horse", "not a hash")


def test_a_hash_of_hostile_text_is_still_a_hash() -> None:
    """Whatever a header held."""
    assert len(token_hash("\ud800\x00é" * MAX_TOKEN_CHARS)) == 64


def test_the_key_id_does_not_tell_the_key() -> None:
    """It is a part of a hash, and another key has another."""
    first, second = KeyRing(["a-secret-of-thirty-two-characters-1"]), KeyRing(["a-secret-of-thirty-two-characters-2"])
    assert first._signing_id != second._signing_id
    assert first._signing_id not in "a-secret-of-thirty-two-characters-1"
