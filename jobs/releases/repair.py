"""`weir repair`: replaces records of the control topic that cannot be used."""

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
    """The repair of a record: `record` is written under its key, None where nothing can be written.

    `what` is the repair in words.
    """

    skipped: Skipped
    record: Record | None
    what: str


def plan_repairs(control: ControlState) -> list[Repair]:
    """Return the repair of every record that cannot be used, oldest first.

    The value that its key had before, which is still in force, is written again. A key without an earlier
    value is deleted. Keys whose latest record can be used are not changed.
    """
    return [_repair(skipped, control) for skipped in control.skipped.values()]


def repair(connection: Connection, *, apply: bool) -> list[Repair]:
    """Return the repairs of the control topic; with `apply`, also write them, all of them or none."""
    if not apply:
        return plan_repairs(read_control(connection))

    def decide(control: ControlState) -> tuple[Sequence[Record], list[Repair]]:
        repairs = plan_repairs(control)
        return [one.record for one in repairs if one.record], repairs

    return publish(connection, decide)


def tombstone(skipped: Skipped) -> Record | None:
    """Return the tombstone of a record that cannot be used.

    None for a record without a key, and for one that a newer Weir wrote.
    """
    if skipped.key is None or skipped.is_newer:
        return None
    return Record(skipped.key, None)


def _repair(skipped: Skipped, control: ControlState) -> Repair:
    if skipped.key is None:
        return Repair(skipped, None, "none: a record without a key cannot be deleted; it is always skipped")
    if skipped.is_newer:
        return Repair(skipped, None, "none: a newer Weir wrote it")
    earlier = _record_in_force(skipped.key, control)
    if earlier:
        return Repair(skipped, earlier, "write the earlier value again")
    return Repair(skipped, tombstone(skipped), "delete the key")


def _record_in_force(key: str, control: ControlState) -> Record | None:
    """Return the record of a key that is in force, None where there is none."""
    kind, _, rest = key.partition("/")
    if kind == "head" and rest in control.heads:
        return Record(key, msgspec.json.encode(Head(control.heads[rest])))
    if kind == "model" and rest in control.models:
        return model_record(rest, control.models[rest])
    if kind == "tap" and rest in control.taps:
        return Record(key, msgspec.json.encode(Tap(control.taps[rest])))
    if kind == "quarantine" and rest in control.quarantines:
        return Record(key, msgspec.json.encode(control.quarantines[rest]))
    for release in control.releases.values():
        if key == f"release/{release.name}/{release.generation}":
            return Record(key, msgspec.json.encode(release))
    return None
