"""The doors of start, stop, bulk, rolling restarts and policies."""

import pytest

from tests.chat_api.http.test_permissions import call
from tests.support.api import RunningApi
from tests.support.shared_api import assert_error

MUTATING = (
    ("POST", "/api/admin/bots/{bot_name}/start"),
    ("POST", "/api/admin/bots/{bot_name}/stop"),
    ("POST", "/api/admin/bots/actions"),
    ("POST", "/api/admin/rolling-restarts"),
    ("POST", "/api/admin/rolling-restarts/preview"),
    ("POST", "/api/admin/rolling-restarts/{rolling_id}/abort"),
    ("PATCH", "/api/admin/bots/{bot_name}/policy"),
    ("POST", "/api/admin/bots/{bot_name}/quarantine/release"),
)


@pytest.mark.parametrize(("method", "path"), MUTATING)
async def test_a_viewer_changes_nothing(door: RunningApi, tokens: dict[str, str], method: str, path: str) -> None:
    """403 at each of them, before anything else is looked at."""
    assert_error(await call(door, method, path, tokens["viewer"]), 403, "permission_denied")


async def test_a_policy_is_changed_field_by_field(door: RunningApi, tokens: dict[str, str]) -> None:
    """What is left out stays; the fleet shows it at once; nonsense is named; every viewer may read it."""
    path = "/api/admin/bots/marcus/policy"
    async with door.client(tokens["operator"]) as client:
        assert (await client.get(path)).json()["is_auto_healed"] is False
        await client.patch(path, json={"notes": "Slow disk", "is_auto_healed": True, "heal_after_failures": 5})
        changed = (await client.patch(path, json={"is_in_maintenance": True, "maintenance_reason": "New disk"})).json()
        assert changed["notes"] == "Slow disk"
        assert (changed["heal_after_failures"], changed["maintenance_reason"]) == (5, "New disk")
        for name, wanted in (("is_canary_on", False), ("is_synthetic_check_on", True)):  # the first is deprecated
            changed = (await client.patch(path, json={name: wanted})).json()
            assert (changed["is_synthetic_check_on"], changed["is_canary_on"]) == (wanted, wanted)
        assert (await client.get("/api/admin/status")).json()["bots"]["marcus"]["status"] == "maintenance"
        for wrong in (
            {"maintenance_until": "2020-01-01T00:00:00Z", "is_in_maintenance": True},
            {"maintenance_until": "2030-01-01T00:00:00"},
            {"maintenance_until": "yesterday"},
            {"heal_after_failures": 0},
            {"notes": "x" * 4001},
            {"notes": "nul \0"},
        ):
            assert_error(await client.patch(path, json=wrong), 422, "invalid_input")
        ended = (await client.patch(path, json={"is_in_maintenance": False, "is_auto_healed": False})).json()
        assert (ended["maintenance_since"], ended["maintenance_reason"]) == (None, "")
        assert_error(await client.post("/api/admin/bots/marcus/quarantine/release"), 409)
        assert_error(await client.get("/api/admin/bots/nobody/policy"), 404)
    async with door.client(tokens["viewer"]) as client:
        assert (await client.get(path)).json()["changed_by"] == "test-operator"


async def test_the_history_is_a_file_too(door: RunningApi, tokens: dict[str, str]) -> None:
    """JSON and CSV of the same; filters that are nonsense are named."""
    async with door.client(tokens["viewer"]) as client:
        assert (await client.get("/api/admin/restarts", params={"origin": "bulk"})).json() == {"restarts": []}
        file = await client.get("/api/admin/restarts", params={"format": "csv", "bot_name": "a\0b"})
        assert file.headers["content-type"].startswith("text/csv")
        assert "requested_at,bot_name,action" in file.text
        assert_error(await client.get("/api/admin/restarts", params={"state": "sideways"}), 422)
        assert_error(await client.get("/api/admin/rolling-restarts/0190d0f2-7c1e-7000-8000-000000000000"), 404)
