"""Several jobs in one namespace, each for some of its pipelines."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kafka import KafkaConsumer, TopicPartition

from jobs.flink import submit
from jobs.kafka.admin import create_topics, existing_topics
from jobs.kafka.pipeline_client import PipelineClient, request_body
from jobs.local_stack.stack import Stack
from jobs.releases.apply import apply
from jobs.releases.delete import Resource, delete
from jobs.status.conditions import conditions
from jobs.status.snapshot import take_snapshot
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from tests.end_to_end.deployment import Deployment, await_answers, await_true, running
from tests.end_to_end.project import Project

NAMESPACE, SIZE = "shared", 40
SPEC: dict[str, Any] = {
    "steps": [{"name": "income"}, {"name": "income-drift", "batch": {"size": SIZE}}],
    "output": {"steps": ["income"]},
}


def test_two_jobs_share_a_namespace_and_each_serves_only_its_own(
    stack: Stack, models: Path, tmp_path: Path
) -> None:
    project = Project(tmp_path, models)
    for name in ("left", "right"):
        project.write(name, SPEC)
        text = (project.manifests / f"{name}.yaml").read_text()
        (project.manifests / f"{name}.yaml").write_text(text.split("---")[-1])
    models_only = project.write("models", SPEC)
    models_only.write_text("\n---\n".join(models_only.read_text().split("---")[:-1]))
    rows = np.nan_to_num(np.load(models / "holdout.npy")[:SIZE])
    with running(stack, project.manifests, project.models, NAMESPACE, ["--pipelines", "left"]) as left:
        where = submit.connection_arguments(stack.brokers, project.site())
        named = ["--namespace", NAMESPACE, "--pipelines", "right", "--checkpoint-interval-ms", "1000"]
        other = submit.submit(stack.flink, submit.flink_run([*where, *named]))
        try:
            submit.await_running(stack.cluster.rest, other)
            await_true(lambda: ready(left) == {"left", "right"}, "both pipelines ready")
            for name in ("left", "right"):
                with left.client(name) as client:
                    keys = [client.send(request_body(row[None], "r")) for row in rows]
                    client.producer.flush()
                    answers = await_answers(client, keys)
                assert {len(answers[key]) for key in keys} == {1}, "nobody else answers too"
                (report,) = left.reports_of(name, "income-drift", 1)
                assert report["parameters"]["n"] == SIZE
            status = take_snapshot(left.connection, None).status
            assert status is not None
            assert {worker.job: list(worker.pipelines) for worker in status.workers.values()} == {
                f"weir.{NAMESPACE}/left": ["left"],
                f"weir.{NAMESPACE}/right": ["right"],
            }
            assert left.failures() == 0
        finally:
            stack.cluster.rest.cancel(other)


def test_requests_of_another_prefix_are_read_beside_whoever_else_reads_them(
    stack: Stack, models: Path, tmp_path: Path
) -> None:
    project, theirs = (
        Project(tmp_path, models),
        Connection(stack.brokers, Topics("seldon", "beside")),
    )
    project.write("mine", SPEC)
    ours = Connection(stack.brokers, Topics("weir", "beside", "seldon"))
    with pytest.raises(DeploymentError, match=r"there is no topic seldon\.beside\.pipeline\.mine\.inputs"):
        apply([project.manifests], ours, project.site())
    names = [theirs.topics.inputs(name) for name in ("mine", "other")] + [theirs.topics.outputs("mine")]
    create_topics(stack.brokers, names, 2)
    apply([project.manifests], ours, project.site())
    where = submit.connection_arguments(stack.brokers, project.site())
    named = ["--namespace", "beside", "--requests-prefix", "seldon", "--pipelines", "mine"]
    job = submit.submit(stack.flink, submit.flink_run([*where, *named]))
    try:
        submit.await_running(stack.cluster.rest, job)
        rows = np.nan_to_num(np.load(models / "holdout.npy")[:SIZE])
        with PipelineClient(ours, "mine") as client:
            assert client.inputs == "seldon.beside.pipeline.mine.inputs"
            client.producer.send(theirs.topics.inputs("other"), value=b"not for us")
            keys = [client.send(request_body(row[None], "r")) for row in rows]
            client.producer.flush()
            answers = await_answers(client, keys)
        assert not any(answer.failed for (answer,) in answers.values())
        reports = Deployment(stack, ours, job).reports("income-drift", 1)
        assert reports[0]["parameters"]["n"] == SIZE
    finally:
        stack.cluster.rest.cancel(job)
    with closing(KafkaConsumer(**stack.brokers.options())) as consumer:
        ends = {name: sum(consumer.end_offsets(partitions(consumer, name)).values()) for name in names}
        assert ends == {names[0]: SIZE, names[1]: 1, names[2]: 0}, "they see nothing of us"
        errors = ours.topics.errors
        assert sum(consumer.end_offsets(partitions(consumer, errors)).values()) == 0
    delete([Resource("pipeline", "mine")], ours, topics=True)
    assert set(names) <= set(existing_topics(stack.brokers)), "theirs stay theirs"


def partitions(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]


def ready(one: Deployment) -> set[str]:
    found = conditions(take_snapshot(one.connection, one.stack.cluster.rest), one.topics)
    return {each.of for each in found if each.type == "PipelineReady" and each.status == "True"}
