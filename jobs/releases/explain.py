"""Explains a release: its compiled plan from top to bottom, its alerts, and the defaults in force."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import TopologicalSorter

from jobs.releases.explain_alerts import explain_alerts
from jobs.streaming.settings import Settings, defaults
from operators.control.documents import monitor_of, pipeline_of
from operators.control.release import Release
from operators.core.errors import DeploymentError, does_not_exist
from operators.kafka.topics import Topics
from operators.models.runtimes.batched import WindowRules
from operators.models.settings import DATA_QUALITY
from operators.pipeline.external_input import external_input
from operators.pipeline.inputs import Inputs, inputs_of
from operators.pipeline.window_rules import effective_rules
from operators.resources.monitor_schema import Monitor
from operators.resources.pipeline_checks import dependencies
from operators.resources.seldon_schema import MOST_WINDOW_ROWS, Pipeline, StepSpec


def explain(release: Release, topics: Topics) -> Iterator[str]:
    """Yield the lines of a release's plan, alerts and defaults."""
    pipeline = pipeline_of(release)
    name = release.name
    yield f"pipeline {name}" + (f", generation {release.generation}" if release.generation else "")
    yield f"  requests   {topics.inputs(name)}"
    external = external_input(pipeline.spec.input)
    if external:
        renames = "".join(f", {old} as {new}" for old, new in external.renamed.items())
        tensors = f" ({', '.join(external.tensors)})" if external.tensors else ""
        yield f"             {release.external_topic}{tensors}{renames}"
    yield "  │"
    reads = dependencies(pipeline)
    specs = {step.name: step for step in pipeline.spec.steps}
    for step_name in TopologicalSorter(reads).static_order():
        yield from _step(specs[step_name], release, topics)
    yield "  ▼"
    if pipeline.spec.output is None:
        yield "  responses  none: there is no spec.output"
    else:
        output = pipeline.spec.output
        yield f"  responses  {topics.outputs(name)}"
        yield from _reads(inputs_of(output.steps, output.steps_join, output.tensor_map, name), "contain")
    yield f"  otherwise  {topics.errors}"
    yield ""
    yield "alerts"
    yield from (f"  {line}" for line in explain_alerts(release, pipeline, topics))
    yield ""
    yield "defaults in force"
    yield from (f"  {line}" for line in _defaults(pipeline))


def _step(spec: StepSpec, release: Release, topics: Topics) -> Iterator[str]:
    artifact = release.artifacts[spec.name]
    yield f"  ├─ {spec.name}: {artifact.runtime}, {artifact.memory / 1024**2:.1f} MiB, {artifact.uri}"
    inputs = inputs_of(spec.inputs or [release.name], spec.inputs_join_type, spec.tensor_map, release.name)
    yield from (f"  │  {line}" for line in _reads(inputs, "reads"))
    if spec.triggers:
        triggers = inputs_of(spec.triggers, spec.triggers_join_type, {}, release.name)
        yield from (f"  │  {line}" for line in _reads(triggers, "only if"))
    if spec.batch.is_batched:
        yield f"  │    gathers  {_window(spec)}"
        yield f"  │    judges   {_window_rules(spec.name, artifact.runtime, monitor_of(release))}"
        yield f"  │    reports  {topics.model_outputs(spec.name)}"


def _window(spec: StepSpec) -> str:
    batch = spec.batch
    rows = f"{batch.size} rows" if batch.size else f"at most {MOST_WINDOW_ROWS} rows"
    time = f", closed after {batch.window_ms} ms if not full" if batch.window_ms else ""
    rolling = f", each with {batch.rows - batch.slide} rows of the one before" if batch.rolling else ""
    return f"windows of {rows}{time}{rolling}"


def _window_rules(step: str, runtime: str, monitor: Monitor | None) -> str:
    """Return the rules in force: those of the Monitor, then the defaults of the job."""
    numbers = _rule_numbers(effective_rules(monitor, step, Settings().rules), runtime)
    rules = monitor.rules_of(step) if monitor else None
    own = [name for name in numbers if getattr(rules, name, None) is not None]
    by_source = {
        f"set by Monitor {monitor.metadata.name}" if monitor else "": own,
        "default of the job": [name for name in numbers if name not in own],
    }
    return "; ".join(
        f"{', '.join(f'{name} {numbers[name]}' for name in names)} ({source})"
        for source, names in by_source.items()
        if names
    )


def _rule_numbers(rules: WindowRules, runtime: str) -> dict[str, float]:
    judgement, confirmation, tolerance = rules
    quality = runtime == DATA_QUALITY
    least = {"tolerance": tolerance} if quality else {"min_effect": judgement.min_effect}
    return {"min_n": judgement.min_n, **least, **confirmation._asdict()}


def _reads(inputs: Inputs, verb: str) -> Iterator[str]:
    words = {"inner": "all of", "outer": "all available of", "any": "the first available of"}
    join = f"{words[inputs.join]} " if len(inputs.sources) > 1 else ""
    yield f"  {verb:8} {join}{'; '.join(map(str, inputs.sources))}"


def _defaults(pipeline: Pipeline) -> Iterator[str]:
    """Yield the defaults of fields that the manifest leaves out, then the job's default settings."""
    for i, step in enumerate(pipeline.spec.steps):
        at = f"spec.steps[{i}] {step.name}"
        if not step.inputs:
            yield f"{at}: inputs [{pipeline.metadata.name}.inputs]"
        if len(step.inputs) > 1 and step.inputs_join_type == "inner":
            yield f"{at}: inputsJoinType inner"
        if len(step.triggers) > 1 and step.triggers_join_type == "inner":
            yield f"{at}: triggersJoinType inner"
        if step.batch.is_batched and not step.batch.window_ms:
            yield f"{at}: batch.windowMs none: a window closes only when it is full"
    if pipeline.spec.output and pipeline.spec.output.steps_join == "inner":
        yield "spec.output.stepsJoin inner"
    for setting, value, help_ in defaults(Settings):
        yield f"--{setting.replace('_', '-')} {value or repr(value)} ({help_})"


def find_release(releases: list[Release], name: str) -> Release:
    """Return the release of a pipeline; DeploymentError with the existing names if there is none."""
    for release in releases:
        if release.name == name:
            return release
    raise DeploymentError(does_not_exist(f"pipeline {name}", (release.name for release in releases)))
