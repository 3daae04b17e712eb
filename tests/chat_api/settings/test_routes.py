"""Settings, switches and the system over REST, and maintenance at every door of the chat."""

import csv
import io

from models import Role
from tests.support.api import RunningApi
from tests.support.shared_api import assert_error
from tests.support.v2_socket import frames_until, say, v2_socket

MESSAGE = {"content": "Hello", "bot_name": "elena"}


async def test_a_setting_over_rest(api: RunningApi) -> None:
    """Listed, set, refused, reset; as JSON and as a file."""
    async with api.client(await api.admin_login()) as client:
        listed = (await client.get("/api/admin/settings")).json()["settings"]
        file = await client.get("/api/admin/settings", params={"format": "csv"})
        rows = list(csv.DictReader(io.StringIO(file.text.lstrip("\ufeff"))))
        assert [row["name"] for row in rows] == [one["name"] for one in listed]
        path = "/api/admin/settings/max_connections_per_user"
        done = (await client.put(path, json={"value": 3})).json()
        assert (done["value"], done["source"], done["effect"]) == ("3", "here", "at once")
        assert_error(await client.put(path, json={"value": 0}), 422, "invalid_input")
        assert_error(await client.put("/api/admin/settings/redis_url", json={"value": "x"}), 422)
        assert_error(await client.put("/api/admin/settings/nothing", json={"value": "x"}), 404)
        assert (await client.delete(path)).json()["source"] == "default"


async def test_an_announcement_is_for_everybody(api: RunningApi) -> None:
    """A stranger reads it while it is its time; an operator sees it before."""
    async with api.client(await api.admin_login()) as client, api.client() as stranger:
        body = {"text": " New voices on Friday. ", "tone": "success", "ends_at": "2999-01-01T00:00:00Z"}
        assert (await client.put("/api/admin/announcement", json=body)).json()["text"] == "New voices on Friday."
        seen = (await stranger.get("/api/announcement")).json()
        assert seen == {"announcement": "New voices on Friday.", "tone": "success", "maintenance": None}
        later = body | {"starts_at": "2998-01-01T00:00:00Z"}
        assert (await client.put("/api/admin/announcement", json=later)).status_code == 200
        assert (await stranger.get("/api/announcement")).json()["announcement"] is None
        assert (await client.get("/api/admin/announcement")).json()["text"] == "New voices on Friday."
        over = body | {"ends_at": "2001-01-01T00:00:00Z"}
        assert_error(await client.put("/api/admin/announcement", json=over), 422, "invalid_input")
        assert_error(await client.put("/api/admin/announcement", json={"text": "x" * 301}), 422)
        assert (await client.put("/api/admin/announcement", json={"text": ""})).json()["text"] == ""


async def test_maintenance_at_every_door(api: RunningApi) -> None:
    """The hot door and the WebSocket: 503 `maintenance` with the words; reading, readiness and the console work."""
    token = await api.login("somebody")
    async with api.client(await api.admin_login()) as admin, api.client(token) as user:
        on = {"is_on": True, "text": "Back at six."}
        assert (await admin.put("/api/admin/maintenance", json=on)).json()["text"] == "Back at six."
        refused = await user.post("/api/chat", json=MESSAGE)
        assert assert_error(refused, 503, "maintenance")["message"] == "Back at six."
        assert refused.headers["retry-after"] == "60"
        async with v2_socket(api, token) as socket:
            await say(socket, "Are you there?")
            *_, frame = await frames_until(socket, "error")
        assert (frame["code"], frame["message"], frame["retryable"]) == ("maintenance", "Back at six.", True)
        assert (await user.get("/api/conversations/elena/messages")).json()["messages"] == []
        assert (await user.get("/health/ready")).status_code == 200
        assert (await admin.get("/api/admin/status")).status_code == 200
        assert (await user.get("/api/announcement")).json()["maintenance"] == "Back at six."
        await admin.put("/api/admin/maintenance", json={"is_on": False})
        assert (await user.post("/api/chat", json=MESSAGE)).status_code == 200


async def test_a_viewer_sees_and_sets_nothing(api: RunningApi) -> None:
    """Every change is 403 for them and for an operator, whatever it is."""
    changes = (
        ("PUT", "/api/admin/settings/bot_api_timeout", {"value": 3}),
        ("DELETE", "/api/admin/settings/bot_api_timeout", None),
        ("PUT", "/api/admin/announcement", {"text": "Hello"}),
        ("PUT", "/api/admin/features/guests", {"is_on": False}),
        ("PUT", "/api/admin/maintenance", {"is_on": True}),
    )
    for role in (Role.VIEWER, Role.OPERATOR):
        async with api.client(await api.admin_login(role)) as client:
            for method, path, body in changes:
                assert_error(await client.request(method, path, json=body), 403, "permission_denied")
            for path in ("settings", "features", "maintenance", "announcement", "system", "system/workers"):
                assert (await client.get(f"/api/admin/{path}")).status_code == 200


async def test_the_system_over_rest(api: RunningApi) -> None:
    """This process with its workers, and a slow statement without its values, as JSON and as files."""
    database = api.services.system._database
    database.slow_queries.limit_s = 0.05
    await database.fetch("SELECT pg_sleep($1), 'hidden' AS told", 0.06)
    await api.services.system.report()
    async with api.client(await api.admin_login()) as client:
        told = (await client.get("/api/admin/system")).json()
        slow = await client.get("/api/admin/system/slow-queries")
        workers = await client.get("/api/admin/system/workers", params={"format": "csv"})
    assert len(told["processes"]) == 1
    assert told["processes"][0]["is_leader"]
    assert told["database"]["migration"] == told["database"]["migration_head"]
    assert told["redis"]["version"]
    assert any(one["statement"] == "SELECT pg_sleep($1), ? AS told" for one in slow.json()["slow_queries"])
    assert "hidden" not in slow.text
    assert "health_poller" in workers.text
