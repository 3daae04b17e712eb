"""The API of alerts: rules, channels and windows by role; lists as JSON and as CSV; a secret that stays one."""

import pytest

from tests.support.alert_receiver import SECRET, alert_receiver
from tests.support.api import RunningApi
from tests.support.shared_api import assert_error

RULE = {"name": "Elena is slow", "kind": "slow_p95", "threshold": 5000, "bots": ["elena"]}
WINDOW = {"name": "Updates", "starts_at": "2030-01-06T02:00:00Z", "ends_at": "2030-01-06T04:00:00Z", "is_weekly": True}


async def test_rules_are_made_changed_and_deleted(door: RunningApi, tokens: dict[str, str]) -> None:
    """By operators; the rules that come with the console are there from the start."""
    async with door.client(tokens["operator"]) as client:
        before = (await client.get("/api/admin/alert-rules")).json()["rules"]
        assert {"bot_down", "service_down", "no_data"} <= {rule["kind"] for rule in before}
        made = (await client.post("/api/admin/alert-rules", json=RULE)).json()
        assert made["threshold"] == 5000
        assert_error(await client.post("/api/admin/alert-rules", json=RULE), 409, "conflict")
        path = f"/api/admin/alert-rules/{made['id']}"
        assert (await client.put(path, json=RULE | {"is_enabled": False})).json()["is_enabled"] is False
        assert "Elena is slow" in (await client.get("/api/admin/alert-rules?format=csv")).text
        assert (await client.delete(path)).json() == {"success": True}
        assert_error(await client.delete(path), 404)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"threshold": None}, "threshold"),
        ({"threshold": 0}, "threshold"),
        ({"kind": "disk", "threshold": 20}, "threshold"),
        ({"bots": ["nobody"]}, "bots"),
        ({"bots": []}, "bots"),
        ({"name": " \u202e "}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"repeat_s": 5}, "repeat_s"),
        ({"channels": ["0190d0f2-7c1e-7000-8000-000000000000"]}, "channels"),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_what_makes_no_sense_is_named(
    door: RunningApi, tokens: dict[str, str], change: dict[str, object], field: str
) -> None:
    """422 with the field, so that a form can show it there."""
    async with door.client(tokens["operator"]) as client:
        answer = await client.post("/api/admin/alert-rules", json=RULE | change)
    assert str(assert_error(answer, 422, "invalid_input")["message"]).startswith(f"{field}")


async def test_a_channel_is_tested_and_its_address_never_given(door: RunningApi, tokens: dict[str, str]) -> None:
    """The message really arrives; no answer, list or history has the address in it."""
    async with alert_receiver() as receiver, door.client(tokens["admin"]) as client:
        body = {"name": "Hook", "url": receiver.channel_url, "quiet": {"starts": "22:00", "ends": "07:00"}}
        made = await client.post("/api/admin/alert-channels", json=body)
        path = f"/api/admin/alert-channels/{made.json()['id']}"
        tested = await client.post(f"{path}/test")
        assert (tested.json()["status"], receiver.titles) == ("sent", ["Test message"])
        lists = [
            await client.get(f"/api/admin/{name}{kind}")
            for name in ("alert-channels", "notifications")
            for kind in ("", "?format=csv")
        ]
        async with door.client(tokens["operator"]) as operator:
            assert_error(await operator.put(path, json=body), 403)
            assert_error(await operator.post(f"{path}/test"), 403)
        assert (await client.delete(path)).status_code == 200
        assert "Hook" in lists[0].text
        assert not [one for one in (made, tested, *lists) if SECRET in one.text]


async def test_maintenance_windows(door: RunningApi, tokens: dict[str, str]) -> None:
    """Made by operators, seen by all, refused when they end before they begin."""
    async with door.client(tokens["operator"]) as client, door.client(tokens["viewer"]) as viewer:
        made = (await client.post("/api/admin/maintenance-windows", json=WINDOW)).json()
        assert (made["created_by"], made["is_active"]) == ("test-operator", False)
        assert (await viewer.get("/api/admin/maintenance-windows")).json()["windows"] == [made]
        path = f"/api/admin/maintenance-windows/{made['id']}"
        answer = await client.put(path, json=WINDOW | {"ends_at": WINDOW["starts_at"]})
        assert str(assert_error(answer, 422)["message"]).startswith("ends_at")
        assert_error(await viewer.delete(path), 403)
        assert (await client.delete(path)).status_code == 200


async def test_a_viewer_changes_no_alert(door: RunningApi, tokens: dict[str, str]) -> None:
    """Looks at all of it, and that is all."""
    async with door.client(tokens["viewer"]) as client:
        for name in (
            "alerts",
            "alert-subjects",
            "alert-rules",
            "alert-channels",
            "maintenance-windows",
            "notifications",
        ):
            assert (await client.get(f"/api/admin/{name}")).status_code == 200
        assert_error(await client.post("/api/admin/alert-rules", json=RULE), 403)
        silence = {"minutes": 5, "reason": "no"}
        path = "/api/admin/alerts/0190d0f2-7c1e-7000-8000-000000000000/silence"
        assert_error(await client.post(path, json=silence), 403)
    async with door.client(tokens["operator"]) as client:
        assert_error(await client.post(path, json=silence), 404)
