"""Names of pipelines, models and steps."""

from __future__ import annotations

import re
from collections.abc import Iterator

NAME = re.compile(r"[a-z0-9]([-_a-z0-9]*[a-z0-9])?")
# Kafka limits topic names to 249 characters; they also contain prefix, namespace and fixed parts.
_LONGEST_NAME = 150


def check_name(name: str, at: str = "metadata.name") -> Iterator[str]:
    """Yield the problems of the name of a document or a step; `at` is its field."""
    if not NAME.fullmatch(name):
        yield f"{at} must be lower-case letters, digits and inner dashes or underscores, got {name!r}"
    elif len(name) > _LONGEST_NAME:
        yield f"{at} must be at most {_LONGEST_NAME} characters, to fit into a topic's name, got {len(name)}"
