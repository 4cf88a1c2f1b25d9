"""What models take is compared with what the cluster gives its workers."""

from __future__ import annotations

from jobs.flink.submit import memory_warning
from jobs.local_stack.stack import Stack
from operators.control.release import Artifact, Release


def test_models_larger_than_a_workers_share_are_warned_about(stack: Stack) -> None:
    def release(memory: int) -> Release:
        artifacts = {"m": Artifact("/m", "sha256:0", memory=memory)}
        return Release(
            name="p", generation=1, pipeline={}, models=[], artifacts=artifacts, topics=[], created_at=""
        )

    assert memory_warning(stack.cluster.rest, [release(1)]) == ""
    warning = memory_warning(stack.cluster.rest, [release(2**30)])
    assert "the models need 1024 MiB in each Python worker, but a slot has" in warning
    assert "raise taskmanager.memory.managed.size" in warning
