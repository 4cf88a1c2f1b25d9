"""Who reads which tensors of whom, under which names: one step's or the response's inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from operators.core.tensors import Tensors
from operators.resources.references import Reference, Side, parse_reference
from operators.resources.seldon_schema import JoinType

TensorAddress = tuple[str, Side]
Environment = dict[TensorAddress, Tensors]


def shown(tensors: Tensors) -> Tensors:
    """Leave out what is only for who asks for it by name."""
    return {name: column for name, column in tensors.items() if not column.hidden}


class InputSource(NamedTuple):
    """Tensors that are read from one place; `tensors` None means all of them."""

    place: TensorAddress
    tensors: tuple[str, ...] | None
    renamed: Mapping[str, str]

    def read(self, environment: Environment) -> Tensors:
        """Select and rename what is there; a tensor that is not there is left out."""
        here = environment.get(self.place, {})
        read: Tensors = {}
        for name in shown(here) if self.tensors is None else self.tensors:
            if name not in here:
                continue
            _add(read, self.renamed.get(name, name), here[name]._replace(hidden=False))
        return read

    def is_present(self, environment: Environment) -> bool:
        """Tell whether `read` finds anything."""
        here = environment.get(self.place, {})
        return bool(here) if self.tensors is None else any(name in here for name in self.tensors)

    def __str__(self) -> str:
        node, side = self.place
        names = [None] if self.tensors is None else self.tensors
        shown = [str(Reference(node, side, name)) for name in names]
        renames = [f"{old} as {new}" for old, new in self.renamed.items()]
        return ", ".join(shown) + (f" ({', '.join(renames)})" if renames else "")


class Inputs(NamedTuple):
    """Sources and how they are joined: with `inner` all must be there, `outer` takes those that are there,
    `any` the first of them that is there, in the order of the manifest."""

    sources: tuple[InputSource, ...]
    join: JoinType

    def read(self, environment: Environment) -> Tensors:
        """Return the joined tensors, none where the join finds nothing; ValueError on a name twice."""
        gathered: Tensors = {}
        for source in self.sources:
            tensors = source.read(environment)
            if not tensors and self.join == "inner":
                return {}
            for name, column in tensors.items():
                _add(gathered, name, column)
            if tensors and self.join == "any":
                break
        return gathered

    def present(self, environment: Environment) -> bool:
        """Tell whether the join finds anything; without sources there is nothing to wait for."""
        present = [source.is_present(environment) for source in self.sources]
        return all(present) if self.join == "inner" else any(present) or not present


def _add(gathered: Tensors, name: str, column: object) -> None:
    if name in gathered:
        raise ValueError(f"two inputs are named {name!r}: rename one with tensorMap, or select other tensors")
    gathered[name] = column  # type: ignore[assignment]


def inputs_of(texts: list[str], join: JoinType, tensor_map: Mapping[str, str], pipeline: str) -> Inputs:
    """Compile references; naming a place without a tensor anywhere means all of its tensors."""
    grouped: dict[TensorAddress, list[Reference]] = {}
    for text in texts:
        reference = parse_reference(text, pipeline)
        grouped.setdefault((reference.node, reference.side), []).append(reference)
    renames = {parse_reference(text, pipeline): new for text, new in tensor_map.items()}
    return Inputs(
        tuple(
            InputSource(place, _selection(references), dict(_renames(renames, place)))
            for place, references in grouped.items()
        ),
        join,
    )


def _selection(references: list[Reference]) -> tuple[str, ...] | None:
    names = [reference.tensor for reference in references if reference.tensor is not None]
    return tuple(dict.fromkeys(names)) if len(names) == len(references) else None


def _renames(renames: Mapping[Reference, str], place: TensorAddress) -> Iterator[tuple[str, str]]:
    for reference, new in renames.items():
        if (reference.node, reference.side) == place and reference.tensor is not None:
            yield reference.tensor, new
