"""Whose dead letters are: what their headers tell."""

from __future__ import annotations

from collections.abc import Mapping


def owner_of(headers: Mapping[str, str]) -> str:
    """Name the pipeline that could not answer a dead letter; of one that none read, whose topic it was on."""
    topic = headers.get("__connect.errors.topic", "")
    return headers.get("weir-error-pipeline") or topic.removesuffix(".inputs").rpartition(".")[2]
