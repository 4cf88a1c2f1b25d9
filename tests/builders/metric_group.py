"""A group of Flink's metrics, whose counters and gauges can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class MetricGroup:
    """Has what is registered in it and in its subgroups, by name and labels: `requests{pipeline=p}`."""

    def __init__(self, shown: dict[str, Any] | None = None, labels: tuple[str, ...] = ()) -> None:
        self.shown: dict[str, Any] = {} if shown is None else shown
        self._labels = labels

    def add_group(self, *names: str) -> MetricGroup:
        return MetricGroup(self.shown, (*self._labels, "=".join(names)))

    def counter(self, name: str) -> Counter:
        assert self._key(name) not in self.shown, "a metric is registered once"
        counter = self.shown[self._key(name)] = Counter()
        return counter

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        assert self._key(name) not in self.shown, "a metric is registered once"
        self.shown[self._key(name)] = read

    def _key(self, name: str) -> str:
        return f"{name}{{{','.join(self._labels[1:])}}}"

    def values(self) -> dict[str, int]:
        return {key: one() for key, one in self.shown.items()}


class Counter:
    """Flink's counter."""

    def __init__(self) -> None:
        self._n = 0

    def inc(self, n: int) -> None:
        self._n += n

    def __call__(self) -> int:
        return self._n
