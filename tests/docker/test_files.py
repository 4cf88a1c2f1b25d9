"""What stands in docker/ agrees with the code, since no container engine is at hand."""

from __future__ import annotations

import json
import re
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.flink.paths import ROOT
from jobs.local_stack.ports import Ports
from jobs.streaming.settings import Settings, parse_settings
from operators.alerts.rate_rules import ERRORS, LATENCY, NO_DATA, OUTLIERS
from operators.alerts.rules import DATA_QUALITY, DRIFT, PREDICTION_DRIFT

DOCKER = ROOT / "docker"
GRAFANA = ROOT / "flink-conf" / "grafana"
DOCKERFILE = (DOCKER / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
DEPLOYMENT: dict[str, Any] = yaml.safe_load((DOCKER / "flinkdeployment.yaml").read_text("utf-8"))
FLINK: dict[str, Any] = yaml.safe_load((ROOT / "flink-conf" / "config.yaml").read_text("utf-8"))
ENTRYPOINT = (DOCKER / "entrypoint.sh").read_text("utf-8")
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("weir:")]


def test_everything_that_is_copied_is_there_and_is_let_in() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{Path(source).parts[0]}" in ignored, source


def test_the_image_runs_as_nobody_in_particular_with_flink_where_the_scripts_look() -> None:
    assert re.search(r"^USER flink$", DOCKERFILE, re.MULTILINE)
    assert "docker/install.sh /opt/flink" in DOCKERFILE
    assert "FLINK_HOME=/opt/flink" in DOCKERFILE
    assert "cp docker/entrypoint.sh /docker-entrypoint.sh" in DOCKERFILE, "where the operator looks for it"
    assert DEPLOYMENT["spec"]["podTemplate"]["spec"]["securityContext"]["runAsNonRoot"] is True
    uid = DEPLOYMENT["spec"]["podTemplate"]["spec"]["securityContext"]["runAsUser"]
    assert f"--uid {uid} " in DOCKERFILE


def test_versions_are_those_of_the_project() -> None:
    ours = version("weir")
    assert {SERVICES[name]["image"] for name in OURS} == {f"weir:{ours}"} == {DEPLOYMENT["spec"]["image"]}
    flink = version("apache-flink")
    assert DEPLOYMENT["spec"]["job"]["jarURI"] == f"local:///opt/flink/lib/flink-python-{flink}.jar"
    assert DEPLOYMENT["spec"]["flinkVersion"] == "v" + "_".join(flink.split(".")[:2])
    kafka = re.search(r"<kafka.version>(.+)</", (ROOT / "pom.xml").read_text("utf-8"))
    assert kafka
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka[1]}"


def test_ports_are_those_of_the_code() -> None:
    ports = Ports()
    prometheus = yaml.safe_load((DOCKER / "prometheus.yaml").read_text("utf-8"))
    (flink,) = prometheus["scrape_configs"]
    assert flink["static_configs"][0]["targets"] == [
        f"jobmanager:{ports.metrics}",
        f"taskmanager:{ports.metrics}",
    ]
    assert DEPLOYMENT["spec"]["flinkConfiguration"]["metrics.reporter.prom.port"] == str(ports.metrics)
    assert SERVICES["jobmanager"]["ports"] == [f"127.0.0.1:{ports.web}:{ports.web}"]
    exposed = re.search(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE)
    assert exposed
    wanted = {str(port) for port in (ports.rpc, ports.web, ports.metrics)} | {"8080"}
    assert set(exposed[1].split()) == wanted


@pytest.mark.parametrize("name", OURS)
def test_commands_are_known_and_settings_are_settings(name: str) -> None:
    service = SERVICES[name]
    if "command" in service:
        verb, *arguments = shlex.split(service["command"])
        assert f"\n{verb})" in ENTRYPOINT
        if verb == "jobmanager":
            parse_settings(arguments, {})
    known = {f"WEIR_{setting.upper()}" for setting in Settings.__dataclass_fields__}
    assert {key for key in service["environment"] if key.startswith("WEIR_")} <= known


def test_the_deployment_starts_the_same_program_with_settings_of_the_job() -> None:
    job = DEPLOYMENT["spec"]["job"]
    assert f"--job-classname {job['entryClass']}" in ENTRYPOINT
    module, *arguments = job["args"][1:]
    assert job["args"][0] == "-pym"
    assert f"-pym {module}" in ENTRYPOINT
    settings = parse_settings(arguments, {})
    assert settings.parallelism == job["parallelism"]
    slots = int(DEPLOYMENT["spec"]["flinkConfiguration"]["taskmanager.numberOfTaskSlots"])
    assert slots >= settings.parallelism + 1, "the monitor has a slot of its own"
    assert job["upgradeMode"] == "savepoint"


def test_the_deployment_configures_flink_as_flink_conf_does() -> None:
    configured = DEPLOYMENT["spec"]["flinkConfiguration"]
    same = {
        key: value
        for key, value in FLINK.items()
        if key in configured and key != "taskmanager.numberOfTaskSlots"
    }
    assert len(same) >= 9
    assert {key: configured[key] for key in same} == {key: _text(value) for key, value in same.items()}
    memory = DEPLOYMENT["spec"]["taskManager"]["resource"]["memory"]
    assert memory == FLINK["taskmanager.memory.process.size"]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def test_volumes_lie_where_the_job_looks() -> None:
    for name in ("jobmanager", "taskmanager", "gateway", "weir"):
        service = SERVICES[name]
        places = {volume.split(":")[1] for volume in service["volumes"]}
        assert service["environment"]["WEIR_TRUSTED_ROOTS"] in places
        assert service["environment"]["WEIR_ARTIFACT_CACHE"] in places
        assert "/opt/flink/state" in places
    container = DEPLOYMENT["spec"]["podTemplate"]["spec"]["containers"][0]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    environment = {one["name"]: one["value"] for one in container["env"]}
    assert {"/opt/flink/state", environment["WEIR_TRUSTED_ROOTS"]} <= mounted


def test_prometheus_and_grafana_are_given_files_that_are_there() -> None:
    for name in ("prometheus", "grafana"):
        for volume in SERVICES[name]["volumes"]:
            assert (DOCKER / volume.split(":")[0]).exists(), volume
    dashboards = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "weir.yaml").read_text("utf-8"))
    path = dashboards["providers"][0]["options"]["path"]
    places = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]]
    assert f"{path}/weir.json" in places
    assert SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] in places
    sources = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "weir.yaml").read_text("utf-8"))
    port = SERVICES["prometheus"]["ports"][0].split(":")[-1]
    assert sources["datasources"][0]["url"] == f"http://prometheus:{port}"
    prometheus = yaml.safe_load((DOCKER / "prometheus.yaml").read_text("utf-8"))
    assert prometheus["rule_files"] == [SERVICES["prometheus"]["volumes"][1].split(":")[1]]


def test_prometheus_drops_the_alerts_that_weir_publishes_on_kafka() -> None:
    prometheus = yaml.safe_load((DOCKER / "prometheus.yaml").read_text("utf-8"))
    (drop,) = prometheus["alerting"]["alert_relabel_configs"]
    ours = {ERRORS, OUTLIERS, LATENCY, NO_DATA, DRIFT, PREDICTION_DRIFT, DATA_QUALITY}
    assert set(drop["regex"].split("|")) == ours
    assert drop["action"] == "drop"
