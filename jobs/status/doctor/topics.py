"""Checks of topics: replication, clean-up, retention, and the length of records."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jobs.kafka.topic_settings import KafkaSettings, TopicSettings
from jobs.status.condition import counted
from jobs.status.doctor.check import Check, Level
from jobs.status.doctor.evidence import Evidence, namespace_of, number_of
from jobs.streaming.kafka_tables import MOST_BYTES
from jobs.streaming.settings import Settings
from operators.kafka.topics import Topics

_DAY_MS = 24 * 60 * 60 * 1000
# Room for the key and the headers of a response or dead letter beside its longest body.
_HEADERS = 64 * 1024
_ALTER = "kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {setting}"
# The level, what is wrong, and the remedy; None where nothing is.
Fault = tuple[Level, str, str] | None
Rule = Callable[[str, TopicSettings], Fault]


def topic_checks(evidence: Evidence) -> Iterator[Check]:
    """Yield a check for each fault of a topic, and one for each rule that every topic keeps."""
    if evidence.kafka is None:
        remedy = "check that the Kafka brokers are reachable, and that this user may describe topics"
        yield Check("error", "kafka", namespace_of(evidence.topics), evidence.kafka_error, remedy)
        return
    yield from _missing(evidence.topics, evidence.kafka)
    lengths = [number_of(job, "max_record_bytes") for job in evidence.jobs]
    longest = max(lengths, default=Settings().max_record_bytes)
    for name, rule in _rules(evidence.topics, evidence.kafka.brokers, longest):
        yield from _apply(name, rule, evidence.kafka)


def _missing(topics: Topics, kafka: KafkaSettings) -> Iterator[Check]:
    needed = (topics.control, topics.status, topics.alerts, topics.rates, topics.outliers)
    missing = [topic for topic in needed if topic not in kafka.topics]
    if missing:
        found = f"{counted(len(missing), 'topic')} that every job needs do not exist: {', '.join(missing)}"
        remedy = "run `weir apply` or `weir submit`, which create them"
        yield Check("error", "topics", namespace_of(topics), found, remedy)


def _apply(name: str, rule: Rule, kafka: KafkaSettings) -> Iterator[Check]:
    faults = [(topic, rule(topic, settings)) for topic, settings in sorted(kafka.topics.items())]
    for topic, fault in faults:
        if fault:
            yield Check(fault[0], name, topic, fault[1], fault[2])
    if kafka.topics and not any(fault for _, fault in faults):
        yield Check("ok", name, counted(len(kafka.topics), "topic"), "")


def _rules(topics: Topics, brokers: int, longest: int) -> Iterator[tuple[str, Rule]]:
    yield "replication.factor", lambda topic, settings: _replication(topic, settings, brokers)
    yield "min.insync.replicas", _in_sync
    yield "unclean.leader.election.enable", _unclean
    yield "cleanup.policy", lambda topic, settings: _cleanup(topic, settings, topics)
    yield "retention.ms", _retention
    yield "max.message.bytes", lambda topic, settings: _record_length(topic, settings, topics, longest)


def _replication(topic: str, settings: TopicSettings, brokers: int) -> Fault:
    if settings.replicas == 1 and brokers > 1:
        found = f"1 replica on {brokers} brokers: its records are lost with one broker's disk"
        return "error", found, f"kafka-reassign-partitions.sh: give {topic} {min(3, brokers)} replicas"
    if settings.in_sync < settings.replicas:
        found = f"{settings.in_sync} of {settings.replicas} replicas are in sync"
        return "warning", found, "check that every broker runs and is not overloaded"
    return None


def _in_sync(topic: str, settings: TopicSettings) -> Fault:
    least, replicas = int(settings.configs["min.insync.replicas"]), settings.replicas
    wanted = _alter(topic, f"min.insync.replicas={max(1, min(2, replicas - 1))}")
    if least > replicas:
        return "error", f"{least}, but there are {replicas} replicas: nothing can be written", wanted
    if replicas > 1 and least == replicas:
        return "warning", f"{least} of {replicas} replicas: nothing can be written while one is away", wanted
    if replicas > 2 and least == 1:
        found = "1: a record may be acknowledged while one replica has it, and be lost with that broker"
        return "warning", found, wanted
    return None


def _unclean(topic: str, settings: TopicSettings) -> Fault:
    if settings.replicas > 1 and settings.configs["unclean.leader.election.enable"] == "true":
        remedy = _alter(topic, "unclean.leader.election.enable=false")
        return "error", "true: a replica that lacks acknowledged records may become leader", remedy
    return None


def _cleanup(topic: str, settings: TopicSettings, topics: Topics) -> Fault:
    policy = {word.strip() for word in settings.configs["cleanup.policy"].split(",")}
    found = ",".join(sorted(policy))
    if topic == topics.control and policy != {"compact"}:
        return "error", f"{found}: releases are deleted", _alter(topic, "cleanup.policy=compact")
    if topic == topics.status and "compact" not in policy:
        remedy = _alter(topic, "cleanup.policy=[compact,delete]")
        return "error", f"{found}: the topic grows, and every command reads all of it", remedy
    if topic not in (topics.control, topics.status) and "compact" in policy:
        remedy = _alter(topic, "cleanup.policy=delete")
        return "error", f"{found}: records of one key are deleted but for the last", remedy
    return None


def _retention(topic: str, settings: TopicSettings) -> Fault:
    milliseconds = int(settings.configs["retention.ms"])
    if "delete" in settings.configs["cleanup.policy"] and 0 <= milliseconds < _DAY_MS:
        found = f"{milliseconds / 3_600_000:.3g} h: a job that is down longer loses records"
        return "warning", found, _alter(topic, f"retention.ms={7 * _DAY_MS}")
    return None


def _record_length(topic: str, settings: TopicSettings, topics: Topics, longest: int) -> Fault:
    limit, name = int(settings.configs["max.message.bytes"]), topic.split(".")[-2]
    remedy = _alter(topic, f"max.message.bytes={MOST_BYTES}")
    is_written = topic in (topics.errors, topics.outputs(name), topics.model_outputs(name))
    if is_written and limit < longest + _HEADERS:
        found = f"{limit}: a record of --max-record-bytes {longest} does not fit, and the job restarts"
        return "error", found, remedy
    if (is_written or topics.is_inputs(topic)) and limit < MOST_BYTES:
        return "warning", f"{limit}: Weir writes, and answers, records up to {MOST_BYTES}", remedy
    return None


def _alter(topic: str, setting: str) -> str:
    return _ALTER.format(topic=topic, setting=setting)
