"""What a bot says of its databases and queues is its claim: told as one, and nothing follows from it."""

from chat_api.bots.schemas import BotInfo
from chat_api.fleet.schemas import BotStatus, ServiceStatus
from console.pages.bot.claims import claims
from tests.support.api import MakeSettings, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import sample_bot


def test_each_claim_is_named_as_one() -> None:
    """With what it means; what is no claim, or markup, is not believed."""
    info = BotInfo(
        bot_name="ryan",
        contract="v2",
        facts={
            "database_status": {"postgres": True, "neo4j": False, "<b>": True, "redis": "yes"},
            "queue_depths": {"cognition": 1170, "action": None},
        },
    )
    assert dict(claims(info)) == {
        "Databases (claim)": "<strong>no client: Neo4j</strong><br>connected: PostgreSQL, &lt;b&gt;",
        "Queues (claim)": "cognition 1,170",
    }
    assert not list(claims(BotInfo(bot_name="elena", contract="v1", facts={"database_status": "fine"})))


async def test_no_claim_makes_a_dependency_down(make_settings: MakeSettings) -> None:
    """A bot says that PostgreSQL and Redis are not there; both are, and the bot is well."""
    async with sample_bot("ryan", contract="v2") as ryan:
        await ryan.set_faults(database_status={"postgres": False, "redis": False, "neo4j": False})
        async with running_api(make_settings(bots=(ryan,))) as api:
            viewer = await api.services.auth.authenticate(await api.admin_login(), is_admin=True)

            async def is_claimed() -> bool:
                info = api.services.fleet.info(viewer, "ryan")
                return info is not None and info.facts["database_status"]["postgres"] is False  # type: ignore[index]

            await eventually(is_claimed)
            view = api.services.fleet.current()
            services = {service.name: service.status for service in view.services}
            assert (services["postgres"], services["redis"]) == (ServiceStatus.HEALTHY, ServiceStatus.HEALTHY)
            assert (view.bots[0].status, view.bots[0].error) == (BotStatus.ONLINE, None)
