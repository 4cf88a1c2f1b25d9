"""The pipeline that a dead letter belongs to, from its headers."""

from __future__ import annotations

from collections.abc import Mapping


def owner_of(headers: Mapping[str, str]) -> str:
    """Return the pipeline that could not answer the record.

    If no pipeline read the record, it is the pipeline of the topic that the record was on.
    """
    topic = headers.get("__connect.errors.topic", "")
    return headers.get("weir-error-pipeline") or topic.removesuffix(".inputs").rpartition(".")[2]
