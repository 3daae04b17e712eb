"""Where somebody may be sent after signing in."""

import pytest

from console.own_paths import own_path

EVIL = [
    "/.//evil.example/",
    "/./\\evil.example",
    "//evil.example/admin",
    "///evil.example",
    "/\\evil.example/admin",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/%2e//evil.example",
    "/%2E%2e//evil.example",
    "/admin/..//evil.example",
    "/admin/%2e%2e//evil.example",
    "/admin/.././/evil.example",
    "https://evil.example/admin",
    "https:evil.example",
    "http:///evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "/admin\x00",
    "/admin\r\nSet-Cookie: x=1",
    "/admin\x85",
    "/admin\u2028",
    "",
    None,
]


@pytest.mark.parametrize("wanted", EVIL)
@pytest.mark.parametrize("home", ["/", "/admin"])
def test_no_other_site_is_one_of_our_pages(wanted: str | None, home: str) -> None:
    """However it is written: what a browser would resolve to another host, or is odd at all, leads home."""
    assert own_path(wanted, home=home) == home


@pytest.mark.parametrize("wanted", ["/", "/?bot=marcus", "/administrator", "/admin/..", "/admin/../x", "/api/me"])
def test_the_console_leads_to_its_own_pages(wanted: str) -> None:
    """Not to those of the chat."""
    assert own_path(wanted, home="/admin") == "/admin"


@pytest.mark.parametrize(
    ("wanted", "home", "path"),
    [
        ("/admin", "/admin", "/admin"),
        ("/admin?sort=name", "/admin", "/admin?sort=name"),
        ("/admin/logs?bots=elena&pattern=a%20b%5C%2F%2F", "/admin", "/admin/logs?bots=elena&pattern=a%20b%5C%2F%2F"),
        ("/admin/./bots/../audit", "/admin", "/admin/audit"),
        ("/admin/bots/elena/.", "/admin", "/admin/bots/elena/"),
        ("/admin/audit#secret", "/admin", "/admin/audit"),
        ("/admin/bots/él", "/admin", "/admin/bots/%C3%A9l"),
        ("/?bot=marcus", "/", "/?bot=marcus"),
        ("/admin?x=//evil.example", "/admin", "/admin?x=//evil.example"),
    ],
)
def test_a_page_of_ours_is_kept_with_its_filters(wanted: str, home: str, path: str) -> None:
    """Resolved, and without a fragment, which no server is told."""
    assert own_path(wanted, home=home) == path
