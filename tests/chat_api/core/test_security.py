"""Keys and password hashes."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chat_api.core.security import MAX_TOKEN_CHARS, KeyRing, hash_password, is_password, load_key_ring, token_hash
from chat_api.core.settings import Settings


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


def test_different_installations_have_different_secrets(tmp_path: Path) -> None:
    """It is random."""
    for name in ("a", "b"):
        load_key_ring(settings_in(tmp_path / name))
    assert (tmp_path / "a" / "secret_key").read_text() != (tmp_path / "b" / "secret_key").read_text()


def test_passwords_are_hashed_with_argon2id() -> None:
    """Salted, with what the library recommends as the least."""
    first, second = hash_password("correct horse"), hash_password("correct horse")
    assert first != second
    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
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
