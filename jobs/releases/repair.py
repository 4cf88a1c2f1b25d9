"""`weir repair`: the control topic without the records that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from jobs.releases.publish import Record, model_record, publish
from operators.control.control_state import ControlState
from operators.control.control_topic import read_control
from operators.control.release import Head, Tap
from operators.kafka.connection import Connection
from operators.kafka.skipped_records import Skipped


class Repair(NamedTuple):
    """What is done about a record: `record` is written under its key, None where nothing can be."""

    skipped: Skipped
    record: Record | None
    what: str


def plan_repairs(control: ControlState) -> list[Repair]:
    """Say of every record that cannot be used what is done about it, oldest first.

    What the topic said of its key before, and what is in force still, is written again; a key that never said
    anything is taken back. Keys that can be read are not touched.
    """
    return [_repair(one, control) for one in control.skipped.values()]


def repair(connection: Connection, *, apply: bool) -> list[Repair]:
    """Plan repairs of the control topic, and write them where told to, all of them or none."""
    if not apply:
        return plan_repairs(read_control(connection))

    def decide(control: ControlState) -> tuple[Sequence[Record], list[Repair]]:
        repairs = plan_repairs(control)
        return [one.record for one in repairs if one.record], repairs

    return publish(connection, decide)


def take_back(skipped: Skipped) -> Record | None:
    """Return what takes back a record that cannot be used, None where nothing does."""
    if skipped.key is None or skipped.is_newer:
        return None
    return Record(skipped.key, None)


def _repair(skipped: Skipped, control: ControlState) -> Repair:
    if skipped.key is None:
        return Repair(skipped, None, "stays: without a key it cannot be taken back, and is always skipped")
    if skipped.is_newer:
        return Repair(skipped, None, "stays: a newer Weir wrote it")
    before = _in_force(skipped.key, control)
    if before:
        return Repair(skipped, before, "what the key said before is written again")
    return Repair(skipped, take_back(skipped), "is taken back")


def _in_force(key: str, control: ControlState) -> Record | None:
    """Return what a key said before, None where it said nothing."""
    kind, _, rest = key.partition("/")
    if kind == "head" and rest in control.heads:
        return Record(key, msgspec.json.encode(Head(control.heads[rest])))
    if kind == "model" and rest in control.models:
        return model_record(rest, control.models[rest])
    if kind == "tap" and rest in control.taps:
        return Record(key, msgspec.json.encode(Tap(control.taps[rest])))
    for release in control.releases.values():
        if key == f"release/{release.name}/{release.generation}":
            return Record(key, msgspec.json.encode(release))
    return None
