"""Cases that the product does not pass yet, and why. A case that passes must be taken out, so empty this."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

_TAG = "what PyYAML raises for a value that does not have its tag (KeyError, IndexError, …) is not caught"
_LONG = "what was found is told at any length"
_BREAK = "what was found is told as it is, with line breaks and control characters"
_STAT = "what the file system raises for a path that no file can have is not caught"

MANIFESTS = {
    **dict.fromkeys(
        (
            "nothing tagged as number",
            "nothing tagged as fraction",
            "a word tagged as flag",
            "a word tagged as time",
        ),
        _TAG,
    ),
    **dict.fromkeys(
        ("a word tagged as mapping", "a list tagged as mapping"), "keys are looked for in what is no mapping"
    ),
    **dict.fromkeys(("a kind that is a list", "a kind that is a mapping"), "TypeError: unhashable type"),
    **dict.fromkeys(
        ("memory of 400 digits", "memory of 400 digits and a unit"),
        "OverflowError: float infinity to integer",
    ),
    **dict.fromkeys(
        (
            "a kind of 4000 digits",
            "a name of 10,000 letters",
            "a key of 5000 letters",
            "a batch of 4000 digits",
            "a batch of 5000 letters",
            "a storageUri of 5000 letters",
            "an input of 5000 letters",
            "three hundred steps in a circle",
        ),
        _LONG,
    ),
    **dict.fromkeys(
        (
            "a name with a line break",
            "a name that ends with a line break",
            "a name that colours the terminal",
            "a name with half a surrogate",
            "a storageUri with a line break",
            "an input with a line break",
        ),
        _BREAK,
    ),
    **dict.fromkeys(
        ("a name that YAML takes for a day", "a key that YAML takes for a day"), "tells datetime.date(…)"
    ),
    "inputs that are a set": "a set is taken for a list",
    "a name that is too long for a topic": "Kafka's longest topic name is not looked at",
    "an external input of a pipeline that no topic can have": "the other pipeline's name is not looked at",
    "a tensorMap of two external tensors to one": "the one would replace the other",
}
UNUSABLE = {
    **dict.fromkeys(
        (
            "a folder with a byte of zero",
            "a folder with half a surrogate",
            "a folder of 5000 letters",
            "a file:// with a byte of zero",
        ),
        _STAT,
    ),
    "a function that trains": "predict_fn may be any attribute that can be called",
}
WELL_FORMED = {
    "JSON with tabs": "JSON is read as YAML, which takes no tabs",
    "a merge of a deeper mapping that overrides": "a merged key is taken for one that stands there twice",
}
# The notice of a skipped document is printed as it is.
COMMAND = ("a kind that no terminal can show",)


def cases(names: Iterable[str], bugs: dict[str, str]) -> list[object]:
    """Parameters of a test, those of known bugs marked."""
    return [
        pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=bugs[name])) if name in bugs else name
        for name in names
    ]
