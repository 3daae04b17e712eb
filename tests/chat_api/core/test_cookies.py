"""What cookies are called, and which of them count."""

from chat_api.core.cookies import CLAIM_COOKIE, HOST_PREFIX, cookie_name, read_cookie


def test_encrypted_connections_have_host_cookies() -> None:
    """The prefix keeps subdomains and plain connections from setting them."""
    assert cookie_name(CLAIM_COOKIE, is_secure=True) == "__Host-we_claim"
    assert cookie_name(CLAIM_COOKIE, is_secure=False) == "we_claim"


def test_a_tossed_cookie_does_not_count_where_the_connection_is_encrypted() -> None:
    """Any subdomain can set the plain name, and would so choose who the visitor is."""
    tossed = {CLAIM_COOKIE: "attacker's"}
    assert read_cookie(tossed, CLAIM_COOKIE, is_secure=True) is None
    assert read_cookie(tossed | {HOST_PREFIX + CLAIM_COOKIE: "mine"}, CLAIM_COOKIE, is_secure=True) == "mine"
    assert read_cookie(tossed, CLAIM_COOKIE, is_secure=False) == "attacker's"


def test_a_caller_that_does_not_know_gets_the_protected_one_first() -> None:
    """Either name, and nothing when there is none."""
    both = {CLAIM_COOKIE: "plain", HOST_PREFIX + CLAIM_COOKIE: "protected"}
    assert read_cookie(both, CLAIM_COOKIE) == "protected"
    assert read_cookie({CLAIM_COOKIE: "plain"}, CLAIM_COOKIE) == "plain"
    assert read_cookie({}, CLAIM_COOKIE) is None
