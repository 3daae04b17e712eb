"""What bots say of themselves: read when they are first seen, and the generations told apart."""

from chat_api.bots.schemas import BotInfo
from chat_api.fleet.reports import InfoReport, decode, encode, key_of
from tests.support.api import RunningApi
from tests.support.eventually import eventually
from tests.support.still_fleet import viewer


async def test_both_generations_are_known(api: RunningApi) -> None:
    """elena speaks the first contract, marcus the second; nobody has to ask for it."""

    def info(name: str) -> BotInfo | None:
        return api.services.fleet.info(viewer(), name)

    await eventually(lambda: info("elena") and info("marcus"))
    elena, marcus = info("elena"), info("marcus")
    assert elena is not None
    assert marcus is not None
    assert (elena.contract, marcus.contract) == ("v1", "v2")
    assert elena.capabilities
    assert info("nobody") is None
    report = InfoReport(reported_at=api.services.fleet.current().started_at, info=elena)
    assert decode(key_of(report), encode(report)) == report
