"""Two configurations compared: pure functions."""

from collections.abc import Iterator

from chat_api.changes.schemas import ChangeEntry, ChangeType, Facts, Group, Snapshot
from chat_api.changes.values import kind_of, plain

MAX_ENTRIES = 300


def merged(before: Snapshot, facts: Facts, *, key_id: str) -> Snapshot:
    """What was known, with the groups that are new: what no source tells now is taken to be as it was.

    Digests by another key say nothing any more beside those by this one: their groups are not known until they are
    told again.
    """
    kept = before.facts
    if before.key_id != key_id:
        kept = {
            group: named for group, named in kept.items() if all(plain(value) is not None for value in named.values())
        }
    return Snapshot(key_id=key_id, facts={**kept, **facts})


def differences(before: Snapshot, now: Snapshot) -> tuple[ChangeEntry, ...]:
    """What is not as it was, by kind and name; a group that only one of them knows is no difference."""
    found: list[ChangeEntry] = []
    for group in Group:
        if group in before.facts and group in now.facts:
            found += _in_group(group, before, now)
    return tuple(found[:MAX_ENTRIES])


def _in_group(group: Group, before: Snapshot, now: Snapshot) -> Iterator[ChangeEntry]:
    were, are = before.facts[group], now.facts[group]
    is_one_key = before.key_id == now.key_id
    for name in sorted(were.keys() | are.keys()):
        was, value = were.get(name), are.get(name)
        if was == value or not _compares(was, value, is_one_key=is_one_key):
            continue
        yield ChangeEntry(
            kind=kind_of(group, name),
            name=name,
            change=ChangeType.ADDED if was is None else ChangeType.REMOVED if value is None else ChangeType.CHANGED,
            before=plain(was) if was is not None else None,
            after=plain(value) if value is not None else None,
            is_hidden=any(one is not None and plain(one) is None for one in (was, value)),
        )


def _compares(was: str | None, value: str | None, *, is_one_key: bool) -> bool:
    """Whether two values are told apart by what is stored of them."""
    if was is None or value is None:
        return is_one_key or plain(was or value or "") is not None
    if (plain(was) is None) != (plain(value) is None):
        return False  # the allow-list is another since, not the value
    return is_one_key or plain(was) is not None
