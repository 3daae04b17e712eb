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


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://chat.example.org", "https://chat.example.org"),
        ("https://chat.example.org/", "https://chat.example.org"),
        ("HTTPS://Chat.example.org:443/", "https://chat.example.org"),
        ("http://[2001:DB8::1]:8080", "http://[2001:db8::1]:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
    ],
)
def test_the_public_address_is_an_origin(monkeypatch: pytest.MonkeyPatch, given: str, kept: str) -> None:
    """Kept as browsers name it, so that it compares and a path can be put behind it."""
    monkeypatch.setenv("WEB_UI_PUBLIC_URL", given)
    assert Settings().web_ui_public_url == kept


@pytest.mark.parametrize(
    "given",
    [
        *("https://h/ops", "https://h/ops/", "chat.example.org", "h:8080", "//h", "https://", "https://h?x=1", "/ops"),
        *(
            "https://u:p@h",
            "ftp://h",
            "https://h:port",
            "https://h:99999",
            "https://a b",
            "https://[::1",
            "*",
            "https://h#",
        ),
    ],
)
def test_a_public_address_that_would_be_useless_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    """At the start, with what is right, and without what was given."""
    monkeypatch.setenv("WEB_UI_PUBLIC_URL", given)
    with pytest.raises(ValidationError, match=r"such as https://chat\.example\.org; .* not under a path"):
        Settings()


@pytest.mark.parametrize(
    ("name", "given", "refusal"),
    [
        ("ALLOWED_ORIGINS", "https://a.example,*", "scheme and host"),
        ("ALLOWED_ORIGINS", "app.example.com", "scheme and host"),
        ("ALLOWED_ORIGINS", "https://app.example.com/path", "scheme and host"),
        ("TRUSTED_PROXIES", "10.0.0.1,proxy", "addresses or networks"),
        ("TRUSTED_PROXIES", "10.0.0.1:80", "addresses or networks"),
    ],
)
def test_who_is_trusted_is_named_in_a_way_that_counts(
    monkeypatch: pytest.MonkeyPatch, name: str, given: str, refusal: str
) -> None:
    """What could never match is no setting but a mistake."""
    monkeypatch.setenv(name, given)
    with pytest.raises(ValidationError, match=refusal):
        Settings()
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://app.example.com/, tauri://localhost")
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.1, 172.18.0.0/16, 2001:db8::/32")
    Settings()
