"""What each file and folder that describes the fleet last said.

A file that is half saved, gone for a moment or not readable says nothing new: its last content counts until it can be
read again, and the operator is told since when. Nothing of a file is ever quoted, for it may hold secrets.
"""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import yaml

from chat_api.core.clock import SYSTEM_CLOCK, Clock

Note = Callable[[str], None]
"""Receives a problem, in words for the operator."""

MAX_FILE_BYTES = 1_048_576
# A file that was changed so lately may still be being written: it is read until it stays the same.
YOUNG_S = 2.0
STABLE_S = 0.2
STABLE_READS = 5


class Unusable(Exception):
    """A file cannot be read, or does not say what it should. The text is the reason, in words for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """The last good content of a file or listing of a folder, and since when there is no newer one to be had."""

    value: object
    digest: bytes
    read_at: datetime
    failing_since: datetime | None = None


class SourceMemory:
    """One for a registry; ``begin`` starts a reading of all sources. Not for several threads at once."""

    def __init__(self, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._files: dict[Path, _Content] = {}
        self._folders: dict[tuple[Path, str], _Content] = {}
        self._failing_since: dict[Path, datetime] = {}
        self._away: set[Path] = set()
        self._unread: set[Path] = set()

    def begin(self) -> None:
        """Forget what the reading before found unreadable."""
        self._away.clear()
        self._unread.clear()

    def is_unread(self, path: Path) -> bool:
        """Whether a file could not be read now, and never before."""
        return path in self._unread

    def listed(self, folder: Path, pattern: str, *, note: Note) -> list[Path]:
        """The files of a folder, by name; those that it had when it cannot be listed.

        A folder that never was there has none.
        """
        key = (folder, pattern)
        try:
            with os.scandir(folder):
                paths = sorted(path for path in folder.glob(pattern) if path.is_file())
        except OSError as error:
            return self._last_listing(key, error, note=note)
        self._folders[key] = _Content(value=tuple(paths), digest=b"", read_at=self._clock.now())
        return paths

    def parsed(
        self,
        path: Path,
        parse: Callable[[str], object],
        *,
        note: Note,
        until_stable: bool = False,
    ) -> object:
        """What a file says, or said last; None, after a problem was noted, for one that never could be read.

        ``parse`` may refuse what it finds with ``Unusable``, as one that was saved by half.
        ``until_stable``: one that was changed a moment ago is read until it stays the same.
        """
        known = self._files.get(path)
        if known is not None and not self._away.isdisjoint(path.parents):
            return known.value  # its folder was noted
        try:
            data = _read(path)
            if until_stable and known is not None and _digest(data) != known.digest:
                data = _stable(path, data)
            value = _parse(data, parse)
        except Unusable as error:
            return self._last(path, str(error), note=note)
        self._failing_since.pop(path, None)
        self._files[path] = _Content(value=value, digest=_digest(data), read_at=self._clock.now())
        return value

    def _last_listing(self, key: tuple[Path, str], error: OSError, *, note: Note) -> list[Path]:
        folder = key[0]
        known = self._folders.get(key)
        if known is None:
            if not isinstance(error, FileNotFoundError):
                note(f"{folder}: cannot be listed: {error.strerror}")
            return []
        known = self._folders[key] = replace(known, failing_since=known.failing_since or self._clock.now())
        note(f"{folder}: {self._lasting(known, f'not listed{{since}}: {error.strerror}')}")
        self._away.add(folder)
        return list(known.value) if isinstance(known.value, tuple) else []

    def _last(self, path: Path, why: str, *, note: Note) -> object:
        since = self._failing_since.setdefault(path, self._clock.now())
        known = self._files.get(path)
        if known is None:
            self._unread.add(path)
            note(f"{path}: unreadable since {self._time(since)}: {why}")
            return None
        known = self._files[path] = replace(known, failing_since=since)
        note(f"{path}: {self._lasting(known, f'unreadable{{since}}: {why}')}")
        return known.value

    def _lasting(self, known: _Content, words: str) -> str:
        since = f" since {self._time(known.failing_since)}" if known.failing_since else ""
        return f"{words.replace('{since}', since)}. Its content from {self._time(known.read_at)} is used."

    def _time(self, at: datetime) -> str:
        return f"{at:%H:%M} UTC" if at.date() == self._clock.now().date() else f"{at:%Y-%m-%d %H:%M} UTC"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Unusable(error.strerror or "the system refuses it") from error
    if len(data) > MAX_FILE_BYTES:
        raise Unusable(f"it is larger than {MAX_FILE_BYTES} bytes")
    return data


def _digest(data: bytes) -> bytes:
    """What tells a content from another; the content itself may hold secrets, and is not kept."""
    return hashlib.sha256(data).digest()


def _stable(path: Path, data: bytes) -> bytes:
    """The content once it stays the same for a moment. Blocks for a second at most."""
    for _ in range(STABLE_READS):
        try:
            is_young = time.time() - path.stat().st_mtime < YOUNG_S
        except OSError as error:
            raise Unusable(error.strerror or "the system refuses it") from error
        if not is_young:
            break
        time.sleep(STABLE_S)
        before, data = data, _read(path)
        if data == before:
            break
    return data


def _parse(data: bytes, parse: Callable[[str], object]) -> object:
    try:
        return parse(data.decode("utf-8-sig"))
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = getattr(error, "lineno", None) or (mark.line + 1 if mark else None)
        raise Unusable("it cannot be understood" + (f" (line {line})" if line else "")) from error
