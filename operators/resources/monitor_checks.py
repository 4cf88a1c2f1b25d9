"""What a well-formed Monitor must hold besides its schema, and whether it fits the pipelines beside it."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence

from operators.resources.checks import check_name, check_support
from operators.resources.monitor_schema import DriftRules, Monitor, QualityRules
from operators.resources.schema import Pipeline

_LARGEST = 2**32 - 1


def check_monitor(monitor: Monitor) -> Iterator[str]:
    """Yield every error of a Monitor, each beginning with its path."""
    yield from check_name(monitor.metadata.name)
    yield from check_support(monitor)
    seen: set[str] = set()
    for at, rules in _sections(monitor):
        yield from _numbers(at, rules)
        if rules.step in seen:
            yield f"{at}.step: step {rules.step} is there twice"
        seen.add(rules.step)


def check_monitors(
    monitors: Sequence[tuple[str, Monitor]], pipelines: Mapping[str, Pipeline], known: Container[str]
) -> Iterator[str]:
    """Yield what does not fit of monitors, which stand beside their places, each error beginning with one.

    `known` holds `Pipeline/NAME` also of pipelines that are not well-formed, which `pipelines` does not.
    """
    taken: dict[str, str] = {}
    for place, monitor in monitors:
        name = monitor.spec.pipeline
        if f"Pipeline/{name}" not in known:
            yield (
                f"{place}: spec.pipeline: there is no Pipeline {name} in these manifests; add its document"
            )
        elif name in taken:
            yield (
                f"{place}: spec.pipeline: pipeline {name} has a Monitor already ({taken[name]}); put both "
                "into one"
            )
        elif name in pipelines:
            yield from (f"{place}: {error}" for error in _steps(monitor, pipelines[name]))
        taken.setdefault(name, place)


def _steps(monitor: Monitor, pipeline: Pipeline) -> Iterator[str]:
    batches = {step.name: step.batch for step in pipeline.spec.steps}
    for at, rules in _sections(monitor):
        if rules.step not in batches:
            there = ", ".join(batches)
            yield f"{at}.step: pipeline {pipeline.metadata.name} has no step {rules.step}; it has {there}"
        elif not batches[rules.step].gathers:
            yield (
                f"{at}.step: step {rules.step} has no batch, so there are no windows to judge; give it a "
                "batch.size in the pipeline"
            )


def _sections(monitor: Monitor) -> Iterator[tuple[str, DriftRules | QualityRules]]:
    yield from ((f"spec.drift[{i}]", rules) for i, rules in enumerate(monitor.spec.drift))
    yield from ((f"spec.quality[{i}]", rules) for i, rules in enumerate(monitor.spec.quality))


def _numbers(at: str, rules: DriftRules | QualityRules) -> Iterator[str]:
    for name in ("min_n", "confirm", "resolve"):
        value = getattr(rules, name)
        if value is not None and not 1 <= value <= _LARGEST:
            yield f"{at}.{name} must be a whole number from 1 to {_LARGEST}, got {value}"
    if isinstance(rules, QualityRules):
        if rules.tolerance is not None and not 0 <= rules.tolerance < 1:
            yield f"{at}.tolerance must be a share from 0 to below 1, got {rules.tolerance}"
    elif rules.min_effect is not None and not 0 <= rules.min_effect <= 1:
        yield f"{at}.min_effect must be a number from 0 to 1, got {rules.min_effect}"
