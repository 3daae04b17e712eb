"""Limits count the same client the same, however its address is written."""

import pytest

from chat_api.core.addresses import address_key


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:c000:0207", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unknown", "unknown"),
        ("testclient", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
        ("192.0.2.7\r\n", "192.0.2.7"),
        ("1.2.3.4.5", "unknown"),
    ],
)
def test_address_key(address: str | None, key: str) -> None:
    """IPv4 as it is, mapped IPv4 unwrapped, IPv6 by /64, and one key for all that is no address."""
    assert address_key(address) == key


def test_address_key_gives_one_key_for_a_whole_64() -> None:
    """Whoever has a /64 has one key, not 2^64 of them."""
    assert len({address_key(f"2001:db8:5:6::{number:x}") for number in range(1, 1000)}) == 1
