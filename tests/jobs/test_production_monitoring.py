"""The graph that the job hands to Flink: the same operators whatever is set."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).with_name("operators.txt")
SETTINGS = {
    "defaults": "Settings()",
    "as seldon": "Settings(parallelism=3, delivery='exactly-once', prefix='seldon', namespace='seldon-mesh')",
    "two pipelines": "Settings(pipelines='income-production,income-workflow', max_record_bytes=10_000)",
    "external inputs": "Settings(external_inputs='weir.default.model.x.outputs=b,a.b=c')",
    "one pipeline": "Settings(pipelines='only-one', min_n=1, min_effect=0.0, checkpoint_interval_ms=60_000)",
}
# In a process of its own: it starts a JVM.
PRINT_GRAPHS = """
import sys
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import StreamTableEnvironment
from jobs.flink.paths import flink_home, jars
from jobs.production_monitoring import build, configuration
from jobs.streaming.operator_names import rename, transformations
from jobs.streaming.settings import Settings

needed = [*jars("flink"), *(flink_home() / "opt").glob("flink-python-*.jar")]
for text in sys.argv[1:]:
    settings = eval(text)
    config = configuration(settings)
    config.set_string("pipeline.jars", ";".join(jar.as_uri() for jar in needed))
    env = StreamExecutionEnvironment.get_execution_environment(config)
    env.set_parallelism(settings.parallelism)
    build(StreamTableEnvironment.create(env), settings).attach_as_datastream()
    rename(env)
    print("graph", text)
    for node in transformations(env):
        # The others only define how records are exchanged.
        if node.getClass().getSimpleName() not in ("PartitionTransformation", "UnionTransformation"):
            print(f"{node.getUid()}\\t{node.getName()}")
"""


@pytest.fixture(scope="module")
def graphs() -> dict[str, str]:
    command = [sys.executable, "-W", "ignore", "-c", PRINT_GRAPHS, *SETTINGS.values()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    _, *printed = done.stdout.split("graph ")
    return {graph.split("\n", 1)[0]: graph.split("\n", 1)[1] for graph in printed}


@pytest.mark.parametrize("text", SETTINGS.values(), ids=SETTINGS)
def test_uids_and_names_are_those_that_savepoints_know(graphs: dict[str, str], text: str) -> None:
    """A change here loses state: it belongs under "State" in the changelog."""
    assert graphs[text] == GOLDEN.read_text("utf-8")
