"""`probe.json` in a model's folder: a request, its recorded answer, and the versions that computed it.

The format is V2's, so that anyone can record a probe: `inputs` and `outputs` are the tensors of a request and
of its response, `versions` is optional. `weir train` writes probes of the preprocessor and the classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from operators.core.errors import DeploymentError, describe
from operators.core.tensors import Array, Routed, TensorColumn, Tensors
from operators.models.json_files import read_json
from operators.models.pickles import REMEDY, installed_versions, version_differences
from operators.models.step import InferenceOptions, Step
from operators.protocol.batching import to_columns
from operators.protocol.encode import tensors_of, to_v2_dtype
from operators.protocol.request import Encoding, InputTensor, Request

# Another build of the same library may give answers that differ in the last bits.
_RELATIVE, _ABSOLUTE = 1e-5, 1e-7


class Probe(msgspec.Struct, frozen=True):
    """A recorded request and its answer."""

    inputs: list[InputTensor]
    outputs: list[InputTensor]
    versions: dict[str, str] = {}


def read_probe(folder: Path) -> Probe | None:
    """Read a folder's probe; return None if it has no `probe.json`."""
    path = folder / "probe.json"
    if not path.is_file():
        return None
    return read_json(path, Probe)


def write_probe(folder: Path, rows: Array, answers: Mapping[str, Array]) -> None:
    """Write `probe.json`: rows, a model's answers to them by name, and the installed versions."""
    inputs = {"input-0": TensorColumn(rows, np.array([len(rows)], dtype=np.int64))}
    outputs = {
        name: TensorColumn(np.asarray(answer), np.array([len(rows)], dtype=np.int64))
        for name, answer in answers.items()
    }
    probe = {"versions": installed_versions(), "inputs": tensors_of(inputs), "outputs": tensors_of(outputs)}
    (folder / "probe.json").write_bytes(msgspec.json.encode(probe))


def check_probe(step: Step, probe: Probe, folder: Path) -> None:
    """Raise DeploymentError, which names the versions, unless the step gives the recorded answer."""
    names = tuple(tensor.name for tensor in probe.outputs)
    options = InferenceOptions(outputs=tuple(name for name in names if name in step.functions))
    try:
        answers = step.infer(_columns(probe.inputs), options)
    except Exception as error:  # a model may raise anything
        raise _mismatch(folder, describe(error), probe.versions) from error
    if isinstance(answers, Routed):
        if not answers.parts:
            raise _mismatch(folder, answers.failures[0], probe.versions)
        answers = answers.parts[0][1]
    for name, recorded in _columns(probe.outputs).items():
        if name not in answers:
            raise _mismatch(folder, f"the answer has no tensor {name}", probe.versions)
        expected = recorded.data.ravel()
        answer = to_v2_dtype(answers[name].data).ravel()
        is_equal = (
            np.isclose(answer, expected, _RELATIVE, _ABSOLUTE, equal_nan=True)
            if len(answer) == len(expected) and answer.dtype.kind in "biuf" and expected.dtype.kind in "biuf"
            else np.array([answer.tolist() == expected.tolist()])
        )
        if not is_equal.all():
            raise _mismatch(
                folder, f"{int((~is_equal).sum())} of {len(expected)} values of {name} differ", probe.versions
            )


def _columns(tensors: list[InputTensor]) -> Tensors:
    columns, errors = to_columns([Request(tensors, None, "", (), Encoding.JSON)])
    if errors:
        raise errors[0]
    return columns


def _mismatch(folder: Path, difference: str, saved: dict[str, str]) -> DeploymentError:
    versions = version_differences(saved)
    remedy = f"it was saved with {versions}: {REMEDY}" if versions else "export the model and the probe again"
    return DeploymentError(
        f"{folder / 'probe.json'}: the model's answer differs from the recorded one ({difference}); {remedy}"
    )
