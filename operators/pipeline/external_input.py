"""External inputs: records of another pipeline that a pipeline reads as its requests.

A pipeline names them in `spec.input.externalInputs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from operators.core.errors import Reason, RecordError
from operators.protocol.decode import decode_request
from operators.protocol.request import Request
from operators.resources.references import External, parse_external
from operators.resources.seldon_schema import PipelineInput

# The value of `RequestBatch.infer_types` for a record that is another pipeline's error.
ERROR_TYPE = "error"


class ExternalInput(NamedTuple):
    """The inputs or outputs of another pipeline or of one of its steps; `tensors` None means all of them.

    `renamed` maps the names of tensors to new names.
    """

    place: External
    tensors: tuple[str, ...] | None
    renamed: Mapping[str, str]

    def accepts(self, infer_type: str | None, origin: str | None) -> bool:
        """Return whether a record of the topic belongs to that pipeline and is not an error.

        All pipelines with a step share its topics; the header `pipeline` (`origin`) distinguishes them.
        """
        return infer_type != ERROR_TYPE and (self.place.step is None or origin == self.place.pipeline)

    def decode(self, value: bytes, infer_type: str | None) -> Request | None:
        """Decode a record; RecordError if it cannot be read or contains none of the tensors.

        Returns None for a response without tensors: no further step reads it, as in a pipeline.
        """
        request = decode_request(value, infer_type, response=self.place.side == "outputs")
        if not request.inputs:
            return None
        selected = [one for one in request.inputs if self.tensors is None or one.name in self.tensors]
        if not selected:
            existing = ", ".join(repr(tensor.name) for tensor in request.inputs)
            raise RecordError(
                Reason.BAD_REQUEST,
                f"the record contains none of the tensors {', '.join(self.tensors or ())}; it contains "
                f"{existing}",
            )
        renamed = [
            msgspec.structs.replace(one, name=self.renamed[one.name]) if one.name in self.renamed else one
            for one in selected
        ]
        names = [tensor.name for tensor in renamed]
        if len(set(names)) < len(names):
            raise RecordError(
                Reason.BAD_REQUEST,
                f"two inputs have the same name after renaming with tensorMap: {', '.join(names)}",
            )
        return request._replace(inputs=renamed, outputs=())


def external_input(spec: PipelineInput) -> ExternalInput | None:
    """Compile a pipeline's external input; None if it has none."""
    references = [parse_external(text) for text in spec.external_inputs]
    if not references:
        return None
    names = tuple(reference.tensor for reference in references if reference.tensor)
    renames = {parse_external(text).tensor: new for text, new in spec.tensor_map.items()}
    return ExternalInput(
        references[0]._replace(tensor=None),
        names if len(names) == len(references) else None,
        {old: new for old, new in renames.items() if old},
    )
