"""What a drift detector of a pipeline watches: requests as they came, prepared values, or predictions."""

from __future__ import annotations

from operators.control.documents import monitor_of, pipeline_of
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.resources.references import Reference, parse_reference

# What estimators answer about rows, where a transformer answers the rows anew.
_ANSWERS = frozenset(
    {"predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples", "instance_score"}
)


def prepared_steps(release: Release) -> frozenset[str]:
    """Return the steps that read what another step made of the values, and no prediction.

    A Monitor's `of: predictions` counts, and else the names of the tensors that a step reads.
    """
    pipeline = pipeline_of(release)
    name = pipeline.metadata.name
    inputs = {
        step.name: [parse_reference(text, name) for text in step.inputs] for step in pipeline.spec.steps
    }

    def is_prepared(source: Reference) -> bool:
        if source.node == name or source.tensor in _ANSWERS:
            return False
        return source.side == "outputs" or any(map(is_prepared, inputs[source.node]))

    found = {step for step, sources in inputs.items() if any(map(is_prepared, sources))}
    return frozenset(found - _predictions(release))


def _predictions(release: Release) -> set[str]:
    try:
        monitor = monitor_of(release)
    except DeploymentError:
        return set()
    return {one.step for one in monitor.spec.drift if one.of == "predictions"} if monitor else set()
