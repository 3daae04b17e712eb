"""What one bot told of a person, as markup. The words are the bot's: each is escaped and isolated."""

from collections.abc import Collection, Iterable, Sequence
from html import escape

from chat_api.bots.knowledge_schemas import Relation
from chat_api.core.language import _, ngettext
from chat_api.memories.schemas import BotMemories
from console.pages.memories.labels import fact_words, kind_words, trust_words
from console.widgets.fact_words import facts_html
from console.widgets.quantities import whole

# The others are there when they are asked for.
SHOWN = 5


def memories_html(bot: BotMemories, *, person: str, ids: Collection[str], level: int) -> str:
    """Trust, memories, facts and relations; ``person`` is what the one is called whom bots know by these ids.

    ``level`` is that of the headings.
    """
    facts = [fact_words(fact) for fact in bot.facts]
    figures = {_("Trust"): _isolated(trust_words(bot.trust_score, bot.trust_level))}
    if bot.memory_count is not None:
        # Bots of today count no more than what they show.
        number, is_all_shown = whole(bot.memory_count), bot.memory_count == len(bot.memories)
        figures[_("Memories")] = escape(_("{number} shown", number=number) if is_all_shown else number)
    sections = [
        facts_html(figures.items()),
        _section(level, _("Recent memories"), [_isolated(memory.content) for memory in bot.memories]),
        _section(level, _("Facts"), [_isolated(fact) for fact in facts]),
        _section(level, _("Relations"), _relations(bot.relations, person=person, ids=ids, facts=facts)),
    ]
    if not bot.is_graph_available:
        sections.append(_note(_("This bot's knowledge graph isn't available right now.")))
    return "".join(sections)


def _section(level: int, title: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    heading = f'<h{level} class="we-memory-title">{escape(title)}</h{level}>'
    return f"{heading}{_list(items[:SHOWN])}{_others(items[SHOWN:])}"


def _others(items: Sequence[str]) -> str:
    if not items:
        return ""
    summary = ngettext("{count} more", "{count} more", len(items))
    return f"<details><summary>{escape(summary)}</summary>{_list(items)}</details>"


def _list(items: Iterable[str]) -> str:
    return '<ul class="we-memories">' + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def _relations(
    relations: Iterable[Relation], *, person: str, ids: Collection[str], facts: Collection[str]
) -> list[str]:
    """As readable lines; what is among the facts already is not said twice."""
    lines = []
    for relation in relations:
        kind = kind_words(relation.kind)
        if relation.source in ids and f"{kind.capitalize()} {relation.target}" in facts:
            continue
        source, target = (person if end in ids else end for end in (relation.source, relation.target))
        lines.append(f'{_isolated(source)} <span class="we-muted">→ {_isolated(kind)} →</span> {_isolated(target)}')
    return lines


def _note(text: str) -> str:
    return f'<p class="we-muted">{escape(text)}</p>'


def _isolated(text: str) -> str:
    return f"<bdi>{escape(text)}</bdi>" if text else ""
