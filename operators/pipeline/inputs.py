"""Inputs of a step or of the response: the tensors that it reads, their sources and their new names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from operators.core.tensors import Tensors
from operators.resources.references import Reference, Side, parse_reference
from operators.resources.seldon_schema import JoinType

TensorAddress = tuple[str, Side]
Environment = dict[TensorAddress, Tensors]


def shown(tensors: Tensors) -> Tensors:
    """Return the tensors without hidden ones, which are read by name only."""
    return {name: column for name, column in tensors.items() if not column.hidden}


class InputSource(NamedTuple):
    """The tensors that are read from one address; `tensors` None means all of them.

    `renamed` maps the names of tensors to new names.
    """

    address: TensorAddress
    tensors: tuple[str, ...] | None
    renamed: Mapping[str, str]

    def read(self, environment: Environment) -> Tensors:
        """Select and rename the available tensors; missing ones are omitted."""
        available = environment.get(self.address, {})
        selected: Tensors = {}
        for name in shown(available) if self.tensors is None else self.tensors:
            if name not in available:
                continue
            _add(selected, self.renamed.get(name, name), available[name]._replace(hidden=False))
        return selected

    def is_present(self, environment: Environment) -> bool:
        """Return whether any of the tensors is available."""
        available = environment.get(self.address, {})
        return bool(available) if self.tensors is None else any(name in available for name in self.tensors)

    def __str__(self) -> str:
        node, side = self.address
        names = [None] if self.tensors is None else self.tensors
        references = [str(Reference(node, side, name)) for name in names]
        renames = [f"{old} as {new}" for old, new in self.renamed.items()]
        return ", ".join(references) + (f" ({', '.join(renames)})" if renames else "")


class Inputs(NamedTuple):
    """Sources and how they are joined.

    `inner` requires all sources. `outer` reads those that are available. `any` reads the first available one,
    in the order of the manifest.
    """

    sources: tuple[InputSource, ...]
    join: JoinType

    def read(self, environment: Environment) -> Tensors:
        """Return the joined tensors, empty if the join fails; ValueError if two have the same name."""
        joined: Tensors = {}
        for source in self.sources:
            tensors = source.read(environment)
            if not tensors and self.join == "inner":
                return {}
            for name, column in tensors.items():
                _add(joined, name, column)
            if tensors and self.join == "any":
                break
        return joined

    def is_present(self, environment: Environment) -> bool:
        """Return whether the join finds its sources; True without sources."""
        present = [source.is_present(environment) for source in self.sources]
        return all(present) if self.join == "inner" else any(present) or not present


def _add(tensors: Tensors, name: str, column: object) -> None:
    if name in tensors:
        raise ValueError(f"two inputs are named {name!r}: rename one with tensorMap, or select other tensors")
    tensors[name] = column  # type: ignore[assignment]


def inputs_of(texts: list[str], join: JoinType, tensor_map: Mapping[str, str], pipeline: str) -> Inputs:
    """Compile references. One that names no tensor selects all tensors of its address."""
    grouped: dict[TensorAddress, list[Reference]] = {}
    for text in texts:
        reference = parse_reference(text, pipeline)
        grouped.setdefault((reference.node, reference.side), []).append(reference)
    renames = {parse_reference(text, pipeline): new for text, new in tensor_map.items()}
    return Inputs(
        tuple(
            InputSource(address, _selection(references), dict(_renames(renames, address)))
            for address, references in grouped.items()
        ),
        join,
    )


def _selection(references: list[Reference]) -> tuple[str, ...] | None:
    names = [reference.tensor for reference in references if reference.tensor is not None]
    return tuple(dict.fromkeys(names)) if len(names) == len(references) else None


def _renames(renames: Mapping[Reference, str], address: TensorAddress) -> Iterator[tuple[str, str]]:
    for reference, new in renames.items():
        if (reference.node, reference.side) == address and reference.tensor is not None:
            yield reference.tensor, new
