"""Another pipeline's records as requests of a pipeline that names them in `spec.input.externalInputs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from operators.core.errors import Reason, RecordError
from operators.protocol.decode import decode_request
from operators.protocol.request import Request
from operators.resources.references import External, parse_external
from operators.resources.seldon_schema import PipelineInput

# What stands for `seldon-infer-type` on a record that tells another pipeline's error.
ERROR = "error"


class ExternalInput(NamedTuple):
    """One place of another pipeline; `tensors` None means all of them."""

    place: External
    tensors: tuple[str, ...] | None
    renamed: Mapping[str, str]

    def accepts(self, infer_type: str | None, origin: str | None) -> bool:
        """Tell whether a record of the topic is of that pipeline, and no error.

        Topics of steps are shared by all pipelines with the step; the header `pipeline` tells them apart.
        """
        return infer_type != ERROR and (self.place.step is None or origin == self.place.pipeline)

    def decode(self, value: bytes, infer_type: str | None) -> Request | None:
        """Decode a record; RecordError where it cannot be read or has none of the tensors.

        None for an answer without tensors: it ends the way of its request, as in a pipeline.
        """
        request = decode_request(value, infer_type, response=self.place.side == "outputs")
        if not request.inputs:
            return None
        wanted = [one for one in request.inputs if self.tensors is None or one.name in self.tensors]
        if not wanted:
            there = ", ".join(repr(one.name) for one in request.inputs)
            raise RecordError(
                Reason.BAD_REQUEST, f"none of {', '.join(self.tensors or ())} is there, but {there}"
            )
        renamed = [
            msgspec.structs.replace(one, name=self.renamed[one.name]) if one.name in self.renamed else one
            for one in wanted
        ]
        names = [one.name for one in renamed]
        if len(set(names)) < len(names):
            raise RecordError(
                Reason.BAD_REQUEST, f"two inputs have one name after renaming: {', '.join(names)}"
            )
        return request._replace(inputs=renamed, outputs=())


def external_input(spec: PipelineInput) -> ExternalInput | None:
    """Compile a pipeline's external input, None without one."""
    references = [parse_external(text) for text in spec.external_inputs]
    if not references:
        return None
    names = tuple(one.tensor for one in references if one.tensor)
    renames = {parse_external(text).tensor: new for text, new in spec.tensor_map.items()}
    return ExternalInput(
        references[0]._replace(tensor=None),
        names if len(names) == len(references) else None,
        {old: new for old, new in renames.items() if old},
    )
