"""What a service gets of an alert: as much as it takes, and every sign as it is."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chat_api.alerts.apprise_sender import AppriseSender, fitted
from models import NotificationKind, Severity

SIXTY = "\n".join(f"Bot {number} is offline" for number in range(60))
CAUSED = "Redis: no answer\nAffected: " + ", ".join(f"Bot {number}" for number in range(50)) + " and 10 more"


@pytest.mark.parametrize(
    ("body", "most", "end"),
    [
        ("short", 5, "short"),
        (SIXTY, 2000, "Bot 59 is offline"),
        (SIXTY, 1000, "Bot 54 is offline\n… and 5 more"),
        (SIXTY + "\nand 40 more", 1000, "Bot 54 is offline\n… and 45 more"),
        (CAUSED, 200, "Bot 20\n… and 39 more"),
        ("x" * 50, 10, "xxxxxxxxx…"),
        (SIXTY, 0, "…"),
    ],
)
def test_what_does_not_fit_is_left_out_and_counted(body: str, most: int, end: str) -> None:
    """Whole lines and whole names."""
    text = fitted(body, most)
    assert len(text) <= max(most, 1)
    assert text.endswith(end)


class Posted:
    """Stands where the library posts, and keeps what it would have said."""

    def __init__(self) -> None:
        self.payloads: list[Any] = []

    def texts(self) -> list[str]:
        """What would be read of each."""
        found = []
        for payload in self.payloads:
            said = json.loads(payload) if isinstance(payload, str) else payload
            embeds = said.get("embeds") or [{}]
            found.append(
                str(said.get("text") or said.get("message") or embeds[0].get("description") or said["content"])
            )
        return found

    def __call__(self, url: str, *_: Any, **options: Any) -> Any:
        """One post that is accepted."""
        self.payloads.append(options.get("data") or options.get("json"))

        class Accepted:
            status_code = 200
            content = b'{"ok": true, "result": {"message_id": 1}}'
            text = content.decode()
            headers: Mapping[str, str] = {}

        return Accepted()


@pytest.mark.parametrize(
    ("url", "most"),
    [
        ("discord://123456789012345678/abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnop", 2000),
        ("pover://abcdefghijklmnopqrstuvwxyz1234@abcdefghijklmnopqrstuvwxyz1234", 1024),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", 4096),
    ],
)
async def test_an_alert_about_many_bots_fits_the_service(url: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One message, with the rest counted, instead of one that is refused for a day."""
    posted = Posted()
    monkeypatch.setattr("requests.post", posted)
    body = "\n".join(f"Bot number {number} is degraded: R&D <beta> answers take 12.0 s" for number in range(99))
    await AppriseSender().send(
        url, title="Degraded: 60 bots", body=body, severity=Severity.WARNING, kind=NotificationKind.FIRING
    )
    (text,) = posted.texts()
    assert " more" in text[-20:]
    assert 0.8 * most < len(text) <= most


async def test_signs_of_a_name_are_signs_where_markup_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram refuses a message with a tag that it does not know."""
    posted = Posted()
    monkeypatch.setattr("requests.post", posted)
    await AppriseSender().send(
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        title="R&D <beta> is offline",
        body="R&D <beta> is offline",
        severity=Severity.WARNING,
        kind=NotificationKind.FIRING,
    )
    (text,) = posted.texts()
    assert "<beta>" not in text
    assert "R&amp;D &lt;beta&gt;" in text
