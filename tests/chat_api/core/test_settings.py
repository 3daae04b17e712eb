"""What the service refuses to start with."""

import pytest
from pydantic import ValidationError

from chat_api.core.settings import Settings

GOOD = "Zq8-a-good-secret-of-many-characters"
WEAK = ["short-but-secret", "<cryptographically-secure-key>", "x7" * 40, "changeme"]


@pytest.mark.parametrize("secret", WEAK)
@pytest.mark.parametrize("field", ["web_ui_secret_key", "web_ui_previous_secret_keys"])
def test_weak_secrets_are_refused_and_never_shown(monkeypatch: pytest.MonkeyPatch, field: str, secret: str) -> None:
    """Short, sample or hardly random ones, current or earlier; the refusal names the setting only."""
    monkeypatch.setenv(field.upper(), secret)
    with pytest.raises(ValidationError) as refusal:
        Settings()
    assert field in str(refusal.value)
    assert secret not in str(refusal.value)
    assert secret not in repr(refusal.value)


def test_no_refusal_shows_what_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address with a password in it may end up in any setting."""
    monkeypatch.setenv("DATABASE_POOL_SIZE", "postgresql://root:hunter2@db/x")
    with pytest.raises(ValidationError) as refusal:
        Settings()
    assert "database_pool_size" in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


def test_secrets_are_masked_in_every_rendering() -> None:
    """A log line or a traceback with the settings in it says none of them."""
    settings = Settings(
        web_ui_secret_key=GOOD,
        web_ui_previous_secret_keys=(GOOD + "2",),
        database_url="postgresql://root:hunter2@db/x",
        redis_url="redis://:hunter2@bus/0",
        web_ui_admin_password="hunter2hunter2",
        metrics_token="hunter2-token",
    )
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert GOOD not in shown
        assert "hunter2" not in shown
