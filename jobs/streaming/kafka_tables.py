"""The job's sources and sinks as Flink tables: which topics it reads and writes."""

from __future__ import annotations

from collections.abc import Mapping

from jobs.streaming.java_client_options import java_client_options
from jobs.streaming.settings import Settings
from operators.core.micro_batch import ANSWERED, FAILED, REQUEST_ROW, RESPONSE_ROW
from operators.kafka import dead_letters as letters
from operators.kafka import headers
from operators.kafka.topics import literal

# The longest body plus room for key and headers, which a response or dead letter carries too.
MOST_BYTES = 20 * 1024 * 1024
# Bytes that a subtask fetches at a time. A longer record is fetched alone.
_FETCH = 4 * 1024 * 1024
_RAW = {
    "key.format": "raw",
    "key.fields": "key",
    "value.format": "raw",
    "value.fields-include": "EXCEPT_KEY",
}

# The columns of the records that enter infer: those that it reads, and those that only sinks need.
_ROW = {"key": "BYTES", "headers": "MAP<STRING, BYTES>", "digest": "STRING", **dict(REQUEST_ROW.values())}
_EXPRESSIONS = {
    "value": "{value}",
    "length": "{length}",
    "digest": "{digest}",
    "request_type": (
        f"CASE WHEN `headers`['{headers.ERROR}'] IS NOT NULL THEN CAST('error' AS STRING) "
        f"ELSE CAST(`headers`['{headers.INFER_TYPE}'] AS STRING) END"
    ),
    "origin": f"CAST(`headers`['{headers.PIPELINE}'] AS STRING)",
}
_COLUMNS = ", ".join(f"{_EXPRESSIONS.get(name, f'`{name}`')} AS `{name}`" for name in _ROW)
_LENGTH = "CHAR_LENGTH(DECODE(`value`, 'ISO-8859-1'))"
TICKS = f"SELECT {', '.join(f'CAST(NULL AS {type_}) AS `{name}`' for name, type_ in _ROW.items())} FROM ticks"
ANSWERS = f"""
SELECT `key`, `value`, `headers`, `topic`, `partition`, `offset`, `ts`, `length`, `digest`,
       {", ".join(f"answer.{column.name}" for column in RESPONSE_ROW.values())}
FROM (
    SELECT *, infer({", ".join(f"`{column.name}`" for column in REQUEST_ROW.values())}) AS answer
    FROM {{source}}
)
"""
CHUNKS = "SELECT chunk FROM {source} CROSS JOIN UNNEST(chunks) AS c (chunk)"
SHARDS = "SELECT chunk FROM {source} CROSS JOIN UNNEST(shards) AS c (chunk)"
RESPONSES = f"""
SELECT `key`, body AS `value`,
       MAP_UNION(
           `headers`,
           MAP[
               '{headers.PIPELINE}', CAST(pipeline AS BYTES),
               '{headers.VERSION}', CAST(version AS BYTES),
               '{headers.REQUEST_TOPIC}', CAST(`topic` AS BYTES),
               '{headers.REQUEST_PARTITION}', CAST(CAST(`partition` AS STRING) AS BYTES),
               '{headers.REQUEST_OFFSET}', CAST(CAST(`offset` AS STRING) AS BYTES)
           ],
           CASE WHEN status = '{FAILED}'
                THEN MAP['{headers.ERROR}', CAST(COALESCE(NULLIF(step, ''), pipeline) AS BYTES),
                         '{headers.ERROR_REASON}', CAST(reason AS BYTES)]
                ELSE MAP['{headers.INFER_TYPE}', CAST(infer_type AS BYTES)] END
       ) AS `headers`,
       target AS `topic`
FROM {{source}} WHERE status IN ('{ANSWERED}', '{FAILED}') AND target IS NOT NULL
"""
DEAD_LETTERS = f"""
SELECT `key`, `value`,
       MAP_UNION(
           `headers`,
           MAP[
               '{letters.TOPIC}', CAST(`topic` AS BYTES),
               '{letters.PARTITION}', CAST(CAST(`partition` AS STRING) AS BYTES),
               '{letters.OFFSET}', CAST(CAST(`offset` AS STRING) AS BYTES),
               '{letters.REASON}', CAST(reason AS BYTES),
               '{letters.MESSAGE}', CAST(error AS BYTES),
               '{letters.STEP}', CAST(step AS BYTES),
               '{letters.PIPELINE}', CAST(COALESCE(pipeline, '') AS BYTES),
               '{letters.ORIGINAL_TIMESTAMP}',
               CAST(DATE_FORMAT(`ts`, 'yyyy-MM-dd''T''HH:mm:ss.SSS''Z''') AS BYTES)
           ],
           CASE WHEN `length` IS NOT NULL
                THEN MAP['{letters.ORIGINAL_LENGTH}', CAST(CAST(`length` AS STRING) AS BYTES),
                         '{letters.ORIGINAL_SHA256}', CAST(`digest` AS BYTES)]
                ELSE MAP['{letters.STEP}', CAST(step AS BYTES)] END
       ) AS `headers`
FROM {{source}} WHERE reason IS NOT NULL
"""
TAPS = f"""
SELECT `key`, tap_bodies[i] AS `value`,
       MAP_UNION(
           `headers`,
           MAP['{headers.PIPELINE}', CAST(pipeline AS BYTES), '{headers.VERSION}', CAST(version AS BYTES),
               '{headers.INFER_TYPE}',
               CAST(CASE WHEN tap_topics[i] LIKE '%.inputs' THEN 'json/inferModelRequest'
                         WHEN tap_topics[i] LIKE '%.outputs' THEN 'json/inferModelResponse'
                         ELSE 'json' END AS BYTES)]
       ) AS `headers`,
       tap_topics[i] AS `topic`
FROM {{source}} CROSS JOIN UNNEST(tap_numbers) AS taps (i)
"""
REPORTS = """
SELECT CAST(`key` AS BYTES) AS `key`, body AS `value`,
       CAST(`headers` AS MAP<STRING, BYTES>) AS `headers`, `topic`
FROM {source}
"""


def readers(settings: Settings) -> str:
    """Repeat each request for every pipeline that reads it.

    `reader` names a pipeline that reads the topic as an external input; NULL is the topic's own pipeline.
    """
    by_topic: dict[str, list[str]] = {"": [""]}
    for topic, pipeline in settings.external_pairs:
        own = [""] if _is_own(topic, settings) else []
        by_topic.setdefault(topic, own).append(pipeline)
    entries = ", ".join(f"{_text(topic)}, {_array(names)}" for topic, names in by_topic.items())
    return f"""
    SELECT `key`, `value`, `headers`, `topic`, `partition`, `offset`, `ts`, NULLIF(reader, '') AS reader
    FROM requests
    CROSS JOIN UNNEST(COALESCE(MAP[{entries}][`topic`], {_array([""])})) AS readers (reader)
    """


def _is_own(topic: str, settings: Settings) -> bool:
    """Return whether a topic holds requests of a pipeline that this job serves."""
    served = {settings.topics.inputs(name) for name in settings.only}
    return topic in served if served else settings.topics.is_inputs(topic)


def _array(names: list[str]) -> str:
    return f"ARRAY[{', '.join(map(_text, names))}]"


def _text(text: str) -> str:
    # The type of a literal contains its length, and Flink pads shorter literals of the same array.
    return f"CAST({_quoted(text)} AS STRING)"


def _quoted(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def _options(options: Mapping[str, object]) -> str:
    """Return the options of a table as they follow WITH."""
    return ", ".join(f"{_quoted(key)}={_quoted(str(value))}" for key, value in options.items())


def bounded(settings: Settings) -> str:
    """Select requests up to the limit, unchanged."""
    columns = _COLUMNS.format(value="`value`", length="CAST(NULL AS INT)", digest="CAST(NULL AS STRING)")
    limit = f"`value` IS NULL OR {_LENGTH} <= {settings.max_record_bytes}"
    return f"SELECT {columns} FROM {{source}} WHERE {limit}"


def overlong(settings: Settings) -> str:
    """Select longer requests, cut at the limit, with their original length and digest."""
    cut = f"ENCODE(SUBSTRING(DECODE(`value`, 'ISO-8859-1'), 1, {settings.max_record_bytes}), 'ISO-8859-1')"
    columns = _COLUMNS.format(value=cut, length=_LENGTH, digest="sha256_hex(`value`)")
    return f"SELECT {columns} FROM {{source}} WHERE {_LENGTH} > {settings.max_record_bytes}"


def requests(settings: Settings) -> str:
    """Define the source of requests: unparsed bytes with all of Kafka's metadata."""
    names = [settings.topics.inputs(name) for name in settings.only]
    external = list(dict.fromkeys(topic for topic, _ in settings.external_pairs))
    if names:
        topics = {"topic": ";".join(dict.fromkeys([*names, *external]))}
    else:
        patterns = [settings.topics.pattern("pipeline", "inputs"), *map(literal, external)]
        topics = {"topic-pattern": "|".join(patterns), "scan.topic-partition-discovery.interval": "10 s"}
    options = {
        **_connection(settings),
        **topics,
        **_RAW,
        "properties.group.id": f"{settings.prefix}.{settings.namespace}",
        "properties.max.partition.fetch.bytes": _FETCH,
        "properties.fetch.max.bytes": 2 * _FETCH,
        "properties.isolation.level": "read_committed",
        "scan.startup.mode": "group-offsets",
        "properties.auto.offset.reset": "earliest",
    }
    return f"""
    CREATE TABLE requests (
        `key` BYTES, `value` BYTES,
        `headers` MAP<STRING, BYTES> METADATA,
        `topic` STRING METADATA VIRTUAL,
        `partition` INT METADATA VIRTUAL,
        `offset` BIGINT METADATA VIRTUAL,
        `ts` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
    ) WITH ({_options(options)})"""


def ticks(settings: Settings) -> str:
    """Define one row per second and subtask, so that an idle job still sends its status."""
    options = {
        "connector": "datagen",
        "rows-per-second": settings.parallelism,
        "fields.n.kind": "random",
    }
    return f"CREATE TABLE ticks (`n` BIGINT) WITH ({_options(options)})"


def responses(settings: Settings) -> str:
    """Define the sink of responses; each is written to the outputs topic of its pipeline."""
    pattern = settings.topics.pattern("pipeline", "outputs")
    return _sink(settings, "responses", {"topic-pattern": pattern}, settings.delivery)


def dead_letters(settings: Settings) -> str:
    """Define the sink of dead letters."""
    return _sink(settings, "dead_letters", {"topic": settings.topics.errors}, settings.delivery)


def reports(settings: Settings) -> str:
    """Define the sink of the monitor: reports, each to the outputs topic of its step, alerts and rates.

    Delivery is always exactly once, so that an alert and the report that caused it are published together.
    """
    topics = settings.topics
    pattern = "|".join([topics.pattern("model", "outputs"), literal(topics.alerts), literal(topics.rates)])
    return _sink(settings, "reports", {"topic-pattern": pattern}, "exactly-once")


def taps(settings: Settings) -> str:
    """Define the sink of taps: steps' inputs and outputs that another pipeline reads, and flagged rows."""
    pattern = "|".join(
        [settings.topics.pattern("model", "(inputs|outputs)"), literal(settings.topics.outliers)]
    )
    return _sink(settings, "taps", {"topic-pattern": pattern}, "at-least-once")


def _sink(settings: Settings, name: str, topics: Mapping[str, str], delivery: str) -> str:
    routed = ", `topic` STRING METADATA" if "topic-pattern" in topics else ""
    options = {
        **_connection(settings),
        **topics,
        **_RAW,
        "sink.delivery-guarantee": delivery,
        "sink.transactional-id-prefix": f"{settings.job_name}/{name}",
        "sink.transaction-naming-strategy": "POOLING",
        "properties.transaction.timeout.ms": settings.transaction_timeout_ms,
        "properties.max.request.size": MOST_BYTES,
        "properties.buffer.memory": 2 * MOST_BYTES,
        "properties.max.block.ms": 20_000,
        "properties.linger.ms": 5,
    }
    return f"""
    CREATE TABLE {name} (
        `key` BYTES, `value` BYTES, `headers` MAP<STRING, BYTES> METADATA{routed}
    ) WITH ({_options(options)})"""


def _connection(settings: Settings) -> dict[str, str]:
    return {
        "connector": "kafka",
        **java_client_options(settings.kafka_config),
        "properties.bootstrap.servers": settings.bootstrap_servers,
    }


SINKS = (responses, dead_letters, taps, reports)
