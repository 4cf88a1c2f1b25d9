"""Checks of versions: Weir and Python of the job, PyFlink and the cluster's Flink."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from jobs.flink.job_details import JobDetails
from jobs.status.doctor.check import Check, Level
from jobs.status.doctor.evidence import Evidence
from operators.core.version import PYTHON_VERSION, VERSION


def version_checks(evidence: Evidence) -> Iterator[Check]:
    """Yield a check of Flink's version, and two for each job of the namespace."""
    if evidence.flink_version:
        yield flink_check(version("apache-flink"), evidence.flink_version)
    for job in evidence.jobs:
        yield _same(job, "weir version", "weir_version", VERSION)
        yield _same(job, "python version", "python_version", PYTHON_VERSION)


def flink_check(client: str, cluster: str) -> Check:
    """Compare PyFlink here with the cluster's Flink: another minor version is an error."""
    if client == cluster:
        return Check("ok", "flink version", "Flink", cluster)
    level: Level = "warning" if client.split(".")[:2] == cluster.split(".")[:2] else "error"
    found = f"PyFlink is {client} here, but the cluster runs Flink {cluster}"
    remedy = f"install apache-flink=={cluster}, or upgrade the cluster"
    return Check(level, "flink version", "Flink", found, remedy)


def _same(job: JobDetails, name: str, parameter: str, here: str) -> Check:
    submitted = job.parameters.get(parameter, "")
    if submitted == here:
        return Check("ok", name, job.job.name, here)
    found = f"{submitted or 'unknown'} in the job, {here} here"
    return Check("warning", name, job.job.name, found, "run `weir upgrade`, or use the job's version here")
