from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from jobs.models.retraining.selection import Span, Spans

spans = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 1), st.integers(0, 30), st.integers(0, 9)).map(
        lambda one: Span(one[0], one[1], one[2], one[2] + one[3])
    )
)


@given(spans, st.sampled_from("ab"), st.integers(0, 1), st.integers(0, 45))
def test_an_offset_is_held_by_any_span_of_its_partition(
    spans: list[Span], topic: str, partition: int, offset: int
) -> None:
    record = SimpleNamespace(topic=topic, partition=partition, offset=offset)
    expected = any(
        (span.topic, span.partition) == (topic, partition) and span.first <= offset <= span.last
        for span in spans
    )
    assert Spans(spans).contain(record) is expected
