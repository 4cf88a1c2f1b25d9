"""The kind of input of each drift detector: request values, prepared values, or predictions."""

from __future__ import annotations

from operators.control.documents import monitor_of, pipeline_of
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.resources.references import Reference, parse_reference

# Output tensors of estimators, which are predictions. A transformer outputs the rows themselves, transformed.
_PREDICTION_TENSORS = frozenset(
    {"predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples", "instance_score"}
)


def prepared_steps(release: Release) -> frozenset[str]:
    """Return the steps that read values transformed by another step, and not predictions.

    A step reads predictions if a Monitor declares `of: predictions`, or by the names of its input tensors.
    """
    pipeline = pipeline_of(release)
    name = pipeline.metadata.name
    inputs = {
        step.name: [parse_reference(text, name) for text in step.inputs] for step in pipeline.spec.steps
    }

    def is_prepared(source: Reference) -> bool:
        if source.node == name or source.tensor in _PREDICTION_TENSORS:
            return False
        return source.side == "outputs" or any(map(is_prepared, inputs[source.node]))

    prepared = {step for step, sources in inputs.items() if any(map(is_prepared, sources))}
    return frozenset(prepared - _steps_of_predictions(release))


def _steps_of_predictions(release: Release) -> set[str]:
    """Return the steps for which the Monitor declares `of: predictions`."""
    try:
        monitor = monitor_of(release)
    except DeploymentError:
        return set()
    return {one.step for one in monitor.spec.drift if one.of == "predictions"} if monitor else set()
