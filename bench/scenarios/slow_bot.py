"""A bot that takes 100 ms, and 100 people who talk with it: nearly all that they wait for should be the bot."""

from bench.figures import Load, median_load
from bench.parts import Parts
from bench.people import bare_chats, chats, sign_in
from bench.plan import Plan
from bench.report import Row, at_least, at_most
from bench.rounds import alternate, rate_ratio

NAME = "slow-bot"
USERS = 100
DELAY_MS = 100.0


async def measure(parts: Parts, plan: Plan) -> list[Row]:
    """Answers a second against the bot without anything before it, and the p99 against the bot's time."""
    product, bot = await parts.product(), await parts.bot(delay_ms=DELAY_MS)
    requests = chats(await sign_in(product.port, USERS, name="slow"), bot_name="slow")

    async def ceiling() -> Load:
        return await parts.generator.repeat(bot.port, bare_chats(USERS), seconds=plan.round_s)

    async def ours() -> Load:
        return await parts.generator.repeat(product.port, requests, seconds=plan.round_s)

    await parts.generator.repeat(product.port, requests, seconds=0.3)
    results = await alternate({"bot": ceiling, "ours": ours}, rounds=plan.rounds)
    bots, own = median_load(results["bot"]), median_load(results["ours"])
    share = rate_ratio(results["ours"], results["bot"]) * 100
    return [
        Row(scenario=NAME, name="the bot itself, 100 at once", value=bots.per_second, unit="answers/s"),
        Row(scenario=NAME, name="REST chat, 100 at once", value=own.per_second, unit="answers/s"),
        Row(scenario=NAME, name="share of the ceiling", value=share, unit="%", target=at_least(92)),
        Row(scenario=NAME, name="p99 / the bot's 100 ms", value=own.p99_ms / DELAY_MS, unit="x", target=at_most(1.3)),
    ]
