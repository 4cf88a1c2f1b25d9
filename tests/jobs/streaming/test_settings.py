from __future__ import annotations

import pytest

from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement
from jobs.streaming import kafka_tables
from jobs.streaming.settings import Settings, parse_settings
from operators.core.errors import DeploymentError
from operators.models.runtimes.batched import WindowRules


def test_flags_win_over_the_environment_and_both_over_defaults() -> None:
    settings = parse_settings(["--batch-ms", "5"], {"WEIR_BATCH_MS": "7", "WEIR_NAMESPACE": "prod"})
    assert (settings.batch_ms, settings.namespace, settings.prefix) == (5, "prod", "weir")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--delivery", "at-most-once"],
            "delivery is 'at-most-once'; it must be at-least-once or exactly-once",
        ),
        (["--parallelism", "0"], "parallelism is 0; it must be at least 1"),
        (["--tolerance", "1"], "tolerance is 1.0; it must be at least 0 and below 1"),
        (["--tolerance", "nan"], "tolerance is nan; it must be at least 0 and below 1"),
        (["--max-record-bytes", "90000000"], "max_record_bytes is 90000000; it must be at most"),
        (
            ["--namespace", "a'b"],
            "namespace is .*; it may contain letters, digits, dashes and underscores",
        ),
        # The topics of prefix `weir.a` and namespace `b` would be the same.
        (
            ["--namespace", "a.b"],
            "namespace is 'a.b'; it may contain letters, digits, dashes and underscores",
        ),
        (["--prefix", "a b"], "prefix is 'a b'; it may contain letters, digits, dots, dashes"),
        (["--requests-prefix", "a/b", "--pipelines", "p"], "requests_prefix is 'a/b'; it may contain"),
        (["--pipelines", "Up"], "pipelines"),
        (
            ["--max-parallelism", "1", "--parallelism", "2"],
            "max_parallelism is 1; it must be at least parallelism",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(DeploymentError, match=message):
        parse_settings(arguments, {})


def test_a_job_has_the_same_name_in_whatever_order_its_pipelines_are_listed() -> None:
    names = {Settings(pipelines=text).job_name for text in ("a,b", "b,a", "b,,a,b")}
    assert names == {"weir.default/a,b"}


def test_rules_are_made_of_settings() -> None:
    settings = parse_settings(["--min-n", "50", "--tolerance", "0.2", "--confirm", "3"], {})
    assert settings.rules == WindowRules(Judgement(50, 0.1), Confirmation(3, 2), 0.2)


def test_a_prefix_with_dots_is_taken_literally_in_patterns() -> None:
    table = kafka_tables.requests(Settings(prefix="acme.weir", namespace="a-b"))
    assert "'topic-pattern'='acme[.]weir[.]a-b[.]pipeline[.][^.]+[.]inputs'" in table


def test_named_pipelines_are_read_from_their_own_topics() -> None:
    table = kafka_tables.requests(Settings(pipelines="one,two"))
    assert "'topic'='weir.default.pipeline.one.inputs;weir.default.pipeline.two.inputs'" in table


def test_a_quote_in_a_setting_does_not_end_a_literal_of_sql() -> None:
    table = kafka_tables.responses(Settings(bootstrap_servers="a:1', 'topic'='b"))
    assert "'properties.bootstrap.servers'='a:1'', ''topic''=''b'" in table
