"""The contents of the control topic: releases, heads, models, taps, quarantines, and skipped records."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from operators.control.release import SCHEMA, Head, Quarantine, RegisteredModel, Release, Tap
from operators.control.release_checks import check_registered, check_release
from operators.core.errors import MalformedError, NewerError, one_line
from operators.core.foreign_json import MAX_INTEGER, decode, require_name, require_number, shorten
from operators.core.timestamps import require_seconds
from operators.kafka.skipped_records import Skipped, SkippedRecords, key_text, skipped_record

_GENERATION = re.compile(r"[1-9][0-9]{0,15}")


class ControlState(NamedTuple):
    """The contents of the control topic.

    `releases` are by pipeline and generation. `heads` maps a pipeline to the generation that should serve,
    `models` a name to a model, and `taps` a pipeline to a time in seconds since 1970. `quarantines` are by
    pipeline; one of an older generation than the head has no effect. `skipped` contains the records that
    could not be used, by key.
    """

    releases: dict[tuple[str, int], Release]
    heads: dict[str, int]
    models: dict[str, RegisteredModel]
    taps: dict[str, float]
    quarantines: dict[str, Quarantine]
    skipped: SkippedRecords

    @classmethod
    def empty(cls) -> ControlState:
        """Return the state of a topic without records."""
        return cls({}, {}, {}, {}, {}, SkippedRecords())

    def copy(self) -> ControlState:
        """Return a copy that does not change when more records are read."""
        copies = dict(self.releases), dict(self.heads), dict(self.models), dict(self.taps)
        return ControlState(*copies, dict(self.quarantines), self.skipped.copy())

    def live(self) -> list[Release]:
        """Return the newest release of each live pipeline, up to its head."""
        return [release for name in sorted(self.heads) for release in self.candidates(name)[:1]]

    def candidates(self, name: str) -> list[Release]:
        """Return the releases of a live pipeline up to its head, newest first."""
        head = self.heads.get(name, 0)
        return [one for one in self.history(name) if one.generation <= head]

    def history(self, name: str) -> list[Release]:
        """Return every release of a pipeline that the topic still contains, newest first."""
        releases = [release for (owner, _), release in self.releases.items() if owner == name]
        return sorted(releases, key=lambda release: -release.generation)

    def head(self, name: str) -> Release | None:
        """Return the release that a pipeline's head names, None if there is none."""
        return self.releases.get((name, self.heads.get(name, 0)))

    def names(self) -> list[str]:
        """Return the name of every pipeline that has a release or a head, sorted."""
        return sorted({name for name, _ in self.releases} | self.heads.keys())

    def quarantine(self, name: str) -> Quarantine | None:
        """Return the quarantine of a pipeline's head, None if it may serve."""
        quarantine = self.quarantines.get(name)
        return quarantine if quarantine and quarantine.generation == self.heads.get(name) else None

    def reason_missing(self, name: str, generation: int) -> str:
        """Return why a release that should exist is missing."""
        skipped = self.skipped.get(f"release/{name}/{generation}")
        reason = f" that can be used: {skipped.reason} ({skipped.place})" if skipped else ""
        return f"the control topic contains no release {generation}{reason}"

    def read(self, record: Any) -> Skipped | None:
        """Apply one Kafka record; return it as skipped if it cannot be used.

        The last usable record of its key then remains in force.
        """
        key = key_text(record.key)
        try:
            self._read(key, record.value)
        except Exception as error:  # one bad record must not affect the others
            return self.skipped.add(skipped_record(record, error, _pipeline_of(key)))
        self.skipped.pop(key, None)
        return None

    def _read(self, key: str | None, value: bytes | None) -> None:
        if key is None:
            raise MalformedError("the record has no key")
        kind, _, rest = key.partition("/")
        if value is None:
            self._delete(kind, rest)
        elif kind == "head":
            require_name(rest, "the name in the key")
            self.heads[rest] = _head(value)
        elif kind == "release":
            self.releases[_release_key(rest)] = _release(rest, value)
        elif kind == "model":
            require_name(rest, "the name in the key")
            registered = decode(value, RegisteredModel)
            check_registered(registered, rest)
            self.models[rest] = registered
        elif kind == "tap":
            require_name(rest, "the name in the key")
            self.taps[rest] = _until(value)
        elif kind == "quarantine":
            require_name(rest, "the name in the key")
            self.quarantines[rest] = _quarantine(value)
        else:
            raise MalformedError("the key must begin with head/, release/, model/, tap/ or quarantine/")

    def _delete(self, kind: str, rest: str) -> None:
        """Delete the entry of a key; without such an entry, nothing changes."""
        if kind == "release":
            name, _, generation = rest.partition("/")
            if _GENERATION.fullmatch(generation):
                self.releases.pop((name, int(generation)), None)
        elif kind == "head":
            self.heads.pop(rest, None)
        elif kind == "model":
            self.models.pop(rest, None)
        elif kind == "tap":
            self.taps.pop(rest, None)
        elif kind == "quarantine":
            self.quarantines.pop(rest, None)


class _Schema(msgspec.Struct):
    schema: int = SCHEMA


def _release_key(rest: str) -> tuple[str, int]:
    """Read `NAME/NUMBER`."""
    name, _, number = rest.partition("/")
    require_name(name, "the name in the key")
    if not _GENERATION.fullmatch(number) or int(number) > MAX_INTEGER:
        raise MalformedError(f"the generation in the key must be 1 to 2^53, got {shorten(repr(number))}")
    return name, int(number)


def _release(rest: str, value: bytes) -> Release:
    name, generation = _release_key(rest)
    schema = decode(value, _Schema).schema
    if schema > SCHEMA:
        raise NewerError(
            f"its schema is {shorten(schema)}, but this version of Weir reads schema {SCHEMA}; upgrade Weir"
        )
    require_number(schema, "schema", SCHEMA)
    release = decode(value, Release)
    check_release(release, name, generation)
    return release


def _head(value: bytes) -> int:
    generation = decode(value, Head).generation
    require_number(generation, "generation", 1)
    return generation


def _until(value: bytes) -> float:
    until = decode(value, Tap).until
    require_seconds(until, "until")
    return until


def _quarantine(value: bytes) -> Quarantine:
    quarantine = decode(value, Quarantine)
    require_number(quarantine.generation, "generation", 1)
    require_seconds(quarantine.at, "at")
    return msgspec.structs.replace(quarantine, why=one_line(quarantine.why))


def _pipeline_of(key: str | None) -> str:
    """Return the pipeline that a key names, empty if it names none."""
    kind, _, rest = (key or "").partition("/")
    name = rest.partition("/")[0]
    if kind not in ("head", "release", "tap", "quarantine"):
        return ""
    try:
        require_name(name, "")
    except MalformedError:
        return ""
    return name
