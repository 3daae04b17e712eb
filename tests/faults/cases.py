"""What may be wrong with a bot whose ``/health`` is healthy, and what only looks so."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from chat_api.bots.schemas import Contract
from chat_api.fleet.claimed_queues import GROWING_FOR
from chat_api.fleet.schemas import BotStatus, BotView, Fault
from tests.faults.scene import OTHER, Scene, is_well

BOTH: tuple[Contract, ...] = ("v1", "v2")
WITHIN_S = 60
CALM_S = 180
LOOP = "I am so glad that you are here with me today, my dear friend."
GREETING = "Hello there! It is so good to see you."
OK: Mapping[str, object] = {
    "mode": "ok",
    "is_off_discord": False,
    "says": "",
    "answers_as": "",
    "stores_memory": True,
    "queue_depths": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault, and the words that name its cause. ``each_minute`` is what the bot says then, from the first minute on.

    It is to be named within ``within_s`` after it has lasted for ``lasts_s``, which is what makes it one.
    """

    name: str
    changes: Mapping[str, object] = field(default_factory=dict)
    fault: Fault | None = None
    words: str
    contracts: tuple[Contract, ...] = BOTH
    each_minute: Callable[[int], Mapping[str, object]] | None = None
    lasts_s: int = 0

    def is_named(self, view: BotView) -> bool:
        """Whether it is said of a bot, in its status, in its reason and in words."""
        is_status = view.status is (BotStatus.MISADDRESSED if self.fault is None else BotStatus.DEGRADED)
        return is_status and (self.fault is None or view.has(self.fault)) and self.words in (view.error or "")


FAULTS = (
    Case(
        name="Discord gone",
        changes={"is_off_discord": True},
        fault=Fault.DISCORD,
        words="not connected to Discord",
    ),
    Case(
        name="language model unpaid (402)",
        changes={"mode": "model_unpaid"},
        fault=Fault.LANGUAGE_MODEL,
        words="its language model does not answer",
    ),
    Case(
        name="language model hangs",
        changes={"mode": "hang"},
        fault=Fault.SILENT,
        words="does not answer messages: no answer in time",
    ),
    Case(
        name="empty answers",
        changes={"mode": "empty"},
        fault=Fault.EMPTY,
        words="does not answer messages: gave an empty answer",
    ),
    Case(
        name="loops",
        changes={"says": LOOP},
        fault=Fault.LOOPING,
        words="gives the same answer to different questions",
    ),
    Case(
        name="memory not stored",
        changes={"stores_memory": False},
        fault=Fault.NOT_STORING,
        words="says that it stores no memories",
    ),
    Case(
        name="queue only grows",
        fault=Fault.QUEUE_GROWING,
        words='its queue "cognition" has only grown for 10 min, to 3',
        contracts=("v2",),
        each_minute=lambda minute: {"queue_depths": {"cognition": 3 * minute, "action": 4}},
        lasts_s=round(GROWING_FOR.total_seconds()),
    ),
    Case(
        name="another bot's answers",
        changes={"answers_as": OTHER},
        words=f'calls itself "{OTHER}"',
    ),
)

Play = Callable[[Scene], Awaitable[None]]


async def short_answers(scene: Scene) -> None:
    """Yes to everything is an answer."""
    await scene.bot.set_faults(says="Yes.")


async def greetings(scene: Scene) -> None:
    """Everybody is greeted alike."""
    scene.questions = ("Hi!", "Hello", "Good morning", "Hey there", "Hello again!")
    await scene.bot.set_faults(says=GREETING)


async def one_empty_answer(scene: Scene) -> None:
    """A bot may have nothing to say, once."""
    await _once(scene, mode="empty")


async def one_empty_check(scene: Scene) -> None:
    """Nor does it have to have a word for the console each time."""
    await scene.bot.set_faults(mode="empty")
    await scene.check()
    await scene.bot.set_faults(**OK)


async def one_failure(scene: Scene) -> None:
    """Anybody stumbles."""
    await _once(scene, mode="http500")


async def one_memory_lost(scene: Scene) -> None:
    """A single memory that was not stored."""
    await _once(scene, stores_memory=False)


async def one_apology(scene: Scene) -> None:
    """It had trouble once, and said so."""
    await _once(scene, says="I'm having a bit of trouble thinking clearly right now.")


async def same_question(scene: Scene) -> None:
    """Who asks the same twice hears the same twice."""
    scene.questions = ("What is the capital of France, please?",)
    await scene.bot.set_faults(says="The capital of France is Paris, of course.")


async def busy_queues(scene: Scene) -> None:
    """Work comes in, and is done."""
    for minute in range(25):
        await scene.bot.set_faults(queue_depths={"cognition": (5, 20, 45, 80, 60, 30)[minute % 6], "action": 4})
        if await scene.pass_time(60, lambda view: not is_well(view)) is not None:
            return  # who looks next sees it, too


HEALTHY: tuple[tuple[str, Play], ...] = (
    ("short answers", short_answers),
    ("the same greeting", greetings),
    ("one empty answer", one_empty_answer),
    ("one empty answer to a check", one_empty_check),
    ("one failure", one_failure),
    ("one memory lost", one_memory_lost),
    ("one apology", one_apology),
    ("the same question", same_question),
    ("queues that rise and fall", busy_queues),
)


async def _once(scene: Scene, **changes: object) -> None:
    await scene.bot.set_faults(**changes)
    scene.talk()
    await scene.answered()
    await scene.bot.set_faults(**OK)
