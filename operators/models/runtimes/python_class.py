"""The runtime of a user's own Python class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from operators.core.errors import describe
from operators.core.memory import raise_if_fatal
from operators.core.tensors import Array, Routed, TensorColumn, Tensors
from operators.models.content_types import PLAIN, ContentTypes
from operators.models.step import InferenceOptions
from operators.protocol.encode import to_v2_dtype


class PythonModel:
    """Calls `predict` of an object with a request's tensors by name; it returns tensors by name.

    It is called once per request. It may omit tensors: a step that reads an omitted tensor is skipped, so a
    class can choose the branch of a request. An object with `row_by_row = True` is called once for many
    requests, with their rows concatenated, and returns the same number of rows.
    """

    functions = ()

    def __init__(self, model: Any, content_types: ContentTypes = PLAIN) -> None:
        self._model = model
        self._content_types = content_types
        self.monitor = bool(getattr(model, "monitor", False))
        self._row_by_row = bool(getattr(model, "row_by_row", False))

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors | Routed:
        """Answer all requests in one call, or each request with its own tensors."""
        tensors = {
            name: column._replace(data=self._decoded(name, column)) for name, column in tensors.items()
        }
        if self._row_by_row:
            return self._predict_all(tensors)
        parts: list[tuple[Any, Tensors]] = []
        failures: dict[int, str] = {}
        for i, inputs in enumerate(_requests(tensors)):
            try:
                outputs = {name: _array(name, value) for name, value in self._predict(inputs)}
            except Exception as error:  # the class may raise anything; the request's response contains it
                raise_if_fatal(error)
                failures[i] = describe(error)
            else:
                columns = {name: TensorColumn(data, np.array([len(data)])) for name, data in outputs.items()}
                parts.append((np.array([i], dtype=np.intp), columns))
        return Routed(parts, failures)

    def _decoded(self, name: str, column: TensorColumn) -> Array:
        return self._content_types.decoded(name, column)

    def _predict_all(self, tensors: Tensors) -> Tensors:
        inputs = {name: column.data for name, column in tensors.items()}
        rows = next(iter(tensors.values())).rows
        if not all(np.array_equal(column.rows, rows) for column in tensors.values()):
            raise ValueError("row_by_row takes tensors with equal numbers of rows")
        outputs: Tensors = {}
        for name, value in self._predict(inputs):
            data = _array(name, value)
            if len(data) != rows.sum():
                raise ValueError(
                    f"row_by_row requires one output row per input row, but {name!r} has {len(data)} rows "
                    f"for {int(rows.sum())}"
                )
            outputs[name] = TensorColumn(data, rows)
        return outputs

    def _predict(self, inputs: dict[str, Array]) -> Iterator[tuple[str, Any]]:
        answer = self._model.predict(inputs)
        if not isinstance(answer, Mapping):
            raise TypeError(f"predict must return tensors by name in a dict, not {type(answer).__name__}")
        yield from ((str(name), value) for name, value in answer.items() if value is not None)


def _requests(tensors: Tensors) -> Iterator[dict[str, Array]]:
    bounds = {name: column.bounds() for name, column in tensors.items()}
    for i in range(len(next(iter(tensors.values())).rows)):
        yield {name: c.data[bounds[name][i] : bounds[name][i + 1]] for name, c in tensors.items()}


def _array(name: str, value: Any) -> Array:
    """Convert a value to an array that a V2 tensor can contain; a single value becomes one row.

    Raises TypeError for other values.
    """
    data = np.asarray(value)
    try:
        data = to_v2_dtype(data)
    except TypeError as error:
        raise TypeError(f"{name!r}: {error}") from None
    return data.reshape(1) if data.ndim == 0 else data
