"""A running job whose models end, block and exhaust their process, while two pipelines have good traffic."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from jobs.kafka.pipeline_client import request_body
from jobs.local_stack.stack import Stack
from jobs.status.conditions import conditions
from jobs.status.snapshot import take_snapshot
from tests.builders.harmful_models import EXIT, HOLD, LEAK, SEGFAULT, SLEEP, write_models
from tests.builders.pipelines import MODEL, pipeline
from tests.end_to_end.deployment import Deployment, await_answers, await_true, running
from tests.end_to_end.traffic import Traffic

HARMFUL = {
    EXIT: "MODEL_CRASHED",
    SLEEP: "MODEL_TIMEOUT",
    LEAK: "MODEL_CRASHED",
    SEGFAULT: "MODEL_CRASHED",
    HOLD: "MODEL_TIMEOUT",
}
GOOD = 500
LIMITS = ["--step-timeout", "2", "--worker-memory", "700"]


def test_every_good_request_is_answered_and_every_harmful_one_is_one_dead_letter(
    stack: Stack, tmp_path: Path
) -> None:
    models, manifests = tmp_path / "models", tmp_path / "manifests"
    steps = {"twice": "double", "harmful": "doubtful"}
    write_models(models, *steps.values())
    manifests.mkdir()
    specs = [pipeline(name, [{"name": step}], output={"steps": [step]}) for name, step in steps.items()]
    documents = [MODEL.format(step, models) for step in steps.values()]
    documents += [msgspec.json.encode(spec).decode() for spec in specs]
    (manifests / "all.yaml").write_text("\n---\n".join(documents))
    rows = np.arange(100.0, 200.0)[:, None]
    with running(stack, manifests, models, "harmful", LIMITS) as one, one.client("harmful") as client:
        traffic = Traffic(one, "twice", rows, rate=100)
        traffic.start()
        sent: dict[bytes, float] = {}
        values = [100.0 + i for i in range(GOOD)]
        for number, value in enumerate(HARMFUL):
            values.insert(number * GOOD // len(HARMFUL) + 7, value)
        for value in values:
            sent[client.send(request_body(np.array([[value]]), "r"))] = value
        client.producer.flush()
        answers = await_answers(client, sent)
        traffic.stop()

        for key, value in sent.items():
            (answer,) = answers[key]
            if value in HARMFUL:
                assert answer.failed
            else:
                assert answer.outputs()["y"]["data"] == [2 * value]
        letters = one.records(one.topics.errors, lambda found: len(found) >= len(HARMFUL))
        reasons = {
            sent[letter.key]: dict(letter.headers)["__connect.errors.exception.class.name"]
            for letter in letters
        }
        assert len(letters) == len(HARMFUL)
        assert reasons == {value: reason.encode() for value, reason in HARMFUL.items()}

        assert not any(seen.failed for seen in traffic.seen)
        assert len({seen.key for seen in traffic.seen}) == len(traffic.seen) > 500, "each once"
        assert max(seen.read - seen.sent for seen in traffic.seen) < 30
        assert one.failures() == 0, "Flink has restarted nothing"
        before = one.checkpoints()
        await_true(lambda: one.checkpoints() > before, "checkpoints go on")
        look_at_stalled_checkpoints(one)


def look_at_stalled_checkpoints(one: Deployment) -> None:
    """Stop the process in which Flink runs Python, so that nothing acknowledges a checkpoint."""

    def state() -> tuple[str, str]:
        snapshot = take_snapshot(one.connection, one.stack.cluster.rest)
        (job,) = (found for found in conditions(snapshot, one.topics) if found.type == "JobRunning")
        return job.status, job.reason

    pythons = {process.pid: process for process in one.stack.processes()}
    forking = [pid for pid, process in pythons.items() if "fork_server" in str(process.cmdline())]
    (flinks,) = (pythons[pythons[pid].ppid()] for pid in forking if pythons[pid].ppid() not in forking)
    assert state() == ("True", "Running")
    flinks.suspend()
    try:
        await_true(lambda: state() == ("False", "CheckpointsStalled"), "the stalled checkpoint is reported")
    finally:
        flinks.resume()
    await_true(lambda: state() == ("True", "Running"), "the job goes on")
