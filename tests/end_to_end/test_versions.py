"""A running job takes up versions of a pipeline one after the other, under traffic, without a restart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from jobs.releasing.applying import Applied, apply
from jobs.releasing.deleting import Resource, delete
from jobs.releasing.going_back import go_back
from jobs.stack.stack import Stack
from operators.artifacts.trust import Site, make_site
from tests.end_to_end.deployment import Deployment, await_true, running
from tests.end_to_end.test_pipelines import MODEL, document
from tests.end_to_end.traffic import Traffic, traffic

pytestmark = pytest.mark.cluster
NAME, SIZE = "income-prod", 400
V1: dict[str, Any] = {"steps": [{"name": "income"}], "output": {"steps": ["income"]}}
V2: dict[str, Any] = {
    "steps": [{"name": "income"}, {"name": "income-drift", "batch": {"size": SIZE}}],
    "output": {"steps": ["income"]},
}
V3: dict[str, Any] = {
    "steps": [
        {"name": "income"},
        {"name": "income-preprocess"},
        {"name": "income-outlier", "inputs": ["income-preprocess"]},
        {"name": "income-drift", "batch": {"size": SIZE}},
    ],
    "output": {"steps": ["income", "income-outlier.outputs.is_outlier"]},
}


class Project:
    """Manifests and models of one user, who applies them again and again."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.models = shutil.copytree(models, folder / "models")
        self.manifests = folder / "manifests"
        self.manifests.mkdir()
        self.site: Site = make_site(str(self.models), str(folder / "cache"))

    def write(self, spec: dict[str, Any]) -> None:
        names = [step["name"] for step in spec["steps"]]
        documents = [*(MODEL.format(name, self.models) for name in names), document(NAME, spec)]
        (self.manifests / "all.yaml").write_text("\n---\n".join(documents))

    def apply(self, job: Deployment, spec: dict[str, Any], message: str = "") -> Applied:
        self.write(spec)
        return apply([self.manifests], job.connection, self.site, message).applied[-1]


@pytest.fixture(scope="module")
def project(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("versions"), models)
    project.write(V1)
    return project


@pytest.fixture(scope="module")
def job(stack: Stack, project: Project) -> Iterator[Deployment]:
    settings = ["--parallelism", "2"]
    with running(stack, project.manifests, project.models, "versions", settings) as job:
        yield job


@pytest.fixture(scope="module")
def rows(models: Path) -> Any:
    holdout = np.load(models / "holdout.npy")
    return holdout[~np.isnan(holdout).any(axis=1)][:1_000]


def await_generation(seen: Traffic, generation: int) -> None:
    await_true(lambda: str(generation) in seen.generations(), f"generation {generation} answers")


def tensors(seen: Traffic, generation: int) -> set[tuple[str, ...]]:
    """Return the outputs, by name, that a generation's responses had."""
    answers = [one.body for one in seen.seen if one.generation == str(generation)]
    return {tuple(output["name"] for output in body["outputs"]) for body in answers}


def test_six_versions_under_traffic_lose_no_request_and_mix_none(
    job: Deployment, project: Project, rows: Any
) -> None:
    before = job.failures()
    with traffic(job, NAME, rows) as seen:
        await_generation(seen, 1)
        assert project.apply(job, V2, "watch drift").generation == 2
        await_generation(seen, 2)
        job.reports("income-drift", 1)
        assert project.apply(job, V3, "watch outliers").generation == 3
        await_generation(seen, 3)

        retrain(project.models / "income" / "model.joblib")
        assert project.apply(job, V3, "retrained").generation == 4
        await_generation(seen, 4)

        intact = (project.models / "income-outlier").with_name("intact")
        assert project.apply(job, with_size(60), "small windows").generation == 5
        await_generation(seen, 5)
        assert go_back(NAME, 3, job.connection, project.site, "", 2).generation == 6
        await_generation(seen, 6)
        assert not intact.exists()

    seen.assert_each_is_answered_once()
    assert not [one for one in seen.seen if one.failed]
    assert all(one.body["model_version"] == one.generation for one in seen.seen)
    assert seen.generations() == ["1", "2", "3", "4", "5", "6"]
    assert tensors(seen, 1) == tensors(seen, 2) == {("predict",)}
    for generation in (3, 4, 5, 6):
        assert tensors(seen, generation) == {("predict", "is_outlier")}
    assert job.failures() == before


def retrain(path: Path) -> None:
    """Put another classifier in the place of one."""
    model = joblib.load(path)
    shutil.copy(path, path)
    joblib.dump(make_pipeline(*(step for _, step in model.steps)), path)


def with_size(size: int) -> dict[str, Any]:
    steps = [{**step, "batch": {"size": size}} if "batch" in step else step for step in V3["steps"]]
    return {**V3, "steps": steps}


def test_a_deleted_pipeline_answers_no_more_and_closes_its_window(job: Deployment, rows: Any) -> None:
    delete([Resource("pipeline", NAME)], job.connection)
    reports = job.reports("income-drift", 1)
    assert reports
