"""What must be true of the reports of one step."""

from __future__ import annotations

from itertools import pairwise


def assert_each_request_is_in_one_window(reports: list[dict[str, list[dict[str, int]]]]) -> None:
    """The spans of offsets of one partition follow each other without overlap."""
    for partition in (0, 1):
        spans = sorted(
            (member["first_offset"], member["last_offset"], member["rows"])
            for report in reports
            for member in report["members"]
            if member["partition"] == partition
        )
        for first, last, rows in spans:
            assert last - first + 1 == rows
        for before, after in pairwise(spans):
            assert after[0] == before[1] + 1
