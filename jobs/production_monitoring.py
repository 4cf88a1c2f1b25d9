"""The monitoring job: it reads requests and writes responses, dead letters, drift reports and alerts.

Submit it with `flink run -pym jobs.production_monitoring -pyfs bundle.zip`, followed by its flags (see
`jobs.streaming.settings`). The shape of the graph depends neither on the settings nor on the live pipelines.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from pyflink.common import Configuration, Types
from pyflink.datastream import DataStream, StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway
from pyflink.table import DataTypes, StatementSet, StreamTableEnvironment, Table
from pyflink.table.udf import udf

from jobs.streaming import kafka_tables
from jobs.streaming.operator_names import rename
from jobs.streaming.settings import Settings, parse_settings
from operators.core.micro_batch import RESPONSE_ROW
from operators.core.version import PYTHON_VERSION, VERSION
from operators.flink.count import MESSAGE_TYPE, CountFunction
from operators.flink.infer import InferFunction
from operators.flink.monitor import OUTPUT_TYPE, MonitorFunction
from operators.kafka.client_config.properties_file import exposure
from operators.windows.messages import key_of, shard_key_of

_TEXT, _BYTES = DataTypes.STRING(), DataTypes.BYTES()
_TYPES = {
    "STRING": _TEXT,
    "BYTES": _BYTES,
    "ARRAY<BYTES>": DataTypes.ARRAY(_BYTES),
    "ARRAY<INT>": DataTypes.ARRAY(DataTypes.INT()),
    "ARRAY<STRING>": DataTypes.ARRAY(_TEXT),
}
ANSWER = DataTypes.ROW(
    [DataTypes.FIELD(column.name, _TYPES[column.type]) for column in RESPONSE_ROW.values()]
)


def build(t: StreamTableEnvironment, settings: Settings) -> StatementSet:
    """Build the topology; the order is that of the README's picture, from left to right."""
    for table in (kafka_tables.requests, kafka_tables.ticks, *kafka_tables.SINKS):
        t.execute_sql(table(settings))
    answer = InferFunction(
        settings.connection,
        settings.max_record_bytes,
        settings.site,
        settings.job_name,
        settings.only,
        settings.process_limits,
    )
    infer = udf(answer, result_type=ANSWER, func_type="pandas")
    t.create_temporary_function("infer", infer)
    t.create_temporary_function("sha256_hex", udf(lambda body: sha256(body).hexdigest(), result_type=_TEXT))

    requests = _stream(t, kafka_tables.readers(settings))
    bounded = _stream(t, kafka_tables.bounded(settings), requests)
    overlong = _stream(t, kafka_tables.overlong(settings), requests)
    ticks = _stream(t, kafka_tables.TICKS)
    answers = _stream(t, kafka_tables.ANSWERS, bounded.union(overlong, ticks))
    # Python reads these: they are converted to rows.
    chunks = t.to_data_stream(_table(t, kafka_tables.CHUNKS, answers))
    counted = (
        t.to_data_stream(_table(t, kafka_tables.SHARDS, answers))
        .key_by(lambda row: shard_key_of(bytes(row[0])), key_type=Types.STRING())
        .process(CountFunction(settings.connection, settings.rules, settings.site), output_type=MESSAGE_TYPE)
        .name("count")
        .uid("count")
    )
    # The type is the same but for its nullability, and Flink merges only streams of one type.
    counted._j_data_stream.getTransformation().setOutputType(chunks._j_data_stream.getType())
    reports = (
        chunks.union(counted)
        .rebalance()
        .key_by(lambda row: key_of(bytes(row[0])), key_type=Types.STRING())
        .process(MonitorFunction(settings.connection, settings.rules, settings.site), output_type=OUTPUT_TYPE)
        .name("monitor")
        .uid("monitor")
        .slot_sharing_group("monitor")
        .set_parallelism(1)
    )

    sinks = t.create_statement_set()
    sinks.add_insert("responses", _table(t, kafka_tables.RESPONSES, answers))
    sinks.add_insert("dead_letters", _table(t, kafka_tables.DEAD_LETTERS, answers))
    sinks.add_insert("taps", _table(t, kafka_tables.TAPS, answers))
    sinks.add_insert("reports", _table(t, kafka_tables.REPORTS, reports))
    return sinks


def main(arguments: list[str]) -> None:
    """Build the topology and submit it to the cluster."""
    settings = parse_settings(arguments, os.environ)
    if warning := exposure(settings.kafka_config):
        print(f"warning: {warning}", file=sys.stderr)
    env = StreamExecutionEnvironment.get_execution_environment(configuration(settings))
    env.set_parallelism(settings.parallelism)
    env.set_max_parallelism(settings.max_parallelism)
    # The web UI shows them, `weir upgrade` reads the settings, and `weir doctor` the versions.
    env.get_config().set_global_job_parameters(job_parameters(settings))
    sinks = build(StreamTableEnvironment.create(env), settings)
    sinks.attach_as_datastream()
    rename(env)
    env.execute(settings.job_name)


def job_parameters(settings: Settings) -> dict[str, str]:
    """Return every setting of the job, and the versions of Weir and Python that it is submitted with."""
    parameters = {name: str(value) for name, value in asdict(settings).items()}
    return {**parameters, "weir_version": VERSION, "python_version": PYTHON_VERSION}


def configuration(settings: Settings) -> Configuration:
    """Return the Flink options that the job sets, overriding the cluster's defaults."""
    config = Configuration()
    for key, value in {
        # Flink's default of 100 ms would hold records back between tasks while there is little traffic.
        "execution.buffer-timeout.interval": "5 ms",
        "execution.checkpointing.interval": f"{settings.checkpoint_interval_ms} ms",
        "pipeline.object-reuse": "true",
        "python.fn-execution.arrow.batch.size": str(settings.batch_rows),
        "python.fn-execution.bundle.size": str(settings.batch_rows),
        "python.fn-execution.bundle.time": str(settings.batch_ms),
        "table.exec.uid.generation": "ALWAYS",
        "table.local-time-zone": "UTC",
    }.items():
        config.set_string(key, value)
    return config


def _stream(t: StreamTableEnvironment, query: str, source: DataStream | None = None) -> DataStream:
    """Run a query as a separate stream, so that the planner neither merges nor duplicates what follows it."""
    table = _table(t, query, source)
    return DataStream(t._j_tenv.toDataStream(table._j_table, _internal_type(table)))


def _internal_type(table: Table) -> Any:
    """Return the type of a table's rows in Flink's own form, which need not be converted."""
    rows = table._j_table.getResolvedSchema().toPhysicalRowDataType()
    return get_gateway().jvm.org.apache.flink.table.types.utils.DataTypeUtils.toInternalDataType(rows)


def _table(t: StreamTableEnvironment, query: str, source: DataStream | None) -> Table:
    """Return the table of a query. `{source}` in the query is the stream, if one is given."""
    if source is None:
        return t.sql_query(query)
    return t.sql_query(query.format(source=t.from_data_stream(source)))


if __name__ == "__main__":
    main(sys.argv[1:])
