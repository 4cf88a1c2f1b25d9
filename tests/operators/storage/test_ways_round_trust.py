"""Ways to load code from a place that nobody trusts; a pickle that is read leaves a trace."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from operators.core.errors import DeploymentError
from operators.models.load import load_step
from operators.models.step import InferenceOptions
from operators.storage.digest import digest
from operators.storage.fetch import resolve
from operators.storage.trusted_roots import ArtifactPolicy, make_policy
from tests.operators.storage.model import Boom, arm, model, one_request, settings
from tests.operators.storage.other_users import as_root
from tests.support.paths import FOLDERS

BOOSTED = FOLDERS / "xgboost-binary"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "trace"


@pytest.fixture
def site(tmp_path: Path) -> ArtifactPolicy:
    """Only `trusted` is."""
    (tmp_path / "trusted").mkdir()
    return make_policy(str(tmp_path / "trusted"), str(tmp_path / "cache"))


def kept(site: ArtifactPolicy) -> list[str]:
    return [path.name for path in site.cache.rglob("*") if path.is_file()]


def test_a_refused_folder_is_not_kept_and_not_found_under_a_trusted_name(
    tmp_path: Path, site: ArtifactPolicy, trace: Path
) -> None:
    evil = arm(tmp_path / "evil", trace)
    found = resolve(str(evil), None, site)
    with pytest.raises(DeploymentError, match="is below no trusted root"):
        load_step(model(), str(evil), found.digest, site)
    assert kept(site) == []
    for name in ("", "/not-there", "/evil"):
        with pytest.raises(DeploymentError):
            load_step(model(), f"{tmp_path}/trusted{name}", found.digest, site)
    shutil.rmtree(evil)
    with pytest.raises(DeploymentError, match="is not a folder"):
        load_step(model(), str(evil), found.digest, site)
    assert not trace.exists()


def test_workers_that_refuse_a_folder_at_once_all_report_the_reason(
    tmp_path: Path, site: ArtifactPolicy, trace: Path
) -> None:
    """They share a cache: what one of them discards, another may be reading."""
    evil = arm(tmp_path / "evil", trace)
    recorded = resolve(str(evil), None, site).digest

    def refused(number: int) -> str:
        with pytest.raises(DeploymentError) as error:
            load_step(model(), str(evil), recorded, site)
        return str(error.value)

    with ThreadPoolExecutor(8) as workers:
        reasons = set(workers.map(refused, range(400)))
    assert len(reasons) == 1
    assert f"{evil} is below no trusted root" in reasons.pop()
    assert kept(site) == []
    assert not trace.exists()


@pytest.mark.parametrize("place", ["not-there", "good"])
def test_bytes_that_were_kept_for_a_model_without_code_are_not_loaded_as_code(
    tmp_path: Path, site: ArtifactPolicy, trace: Path, place: str
) -> None:
    """A folder may hold trees for one Model, and a pickle for another that requires scikit-learn."""
    both = shutil.copytree(BOOSTED, tmp_path / "both")
    (both / "model-settings.json").unlink(missing_ok=True)
    joblib.dump(Boom(trace), both / "model.joblib")
    recorded = resolve(str(both), None, site).digest
    load_step(model(requirements=["xgboost"]), str(both), recorded, site)
    assert "model.joblib" in kept(site)
    good = settings(tmp_path / "trusted" / "good", implementation="mlserver_sklearn.SKLearnModel")
    joblib.dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), good / "model.joblib")
    with pytest.raises(DeploymentError, match=r"has changed since it was applied|is not a folder"):
        load_step(model(requirements=["sklearn"]), f"{tmp_path}/trusted/{place}", recorded, site)
    assert not trace.exists()


def test_a_root_that_is_trusted_no_more_takes_its_copies_with_it(
    tmp_path: Path, site: ArtifactPolicy, trace: Path
) -> None:
    folder = arm(tmp_path / "trusted" / "m", trace)
    recorded = digest(folder)
    with pytest.raises(DeploymentError, match="not a fitted estimator"):
        load_step(model(), str(folder), recorded, site)
    assert trace.exists()
    trace.unlink()
    (tmp_path / "other").mkdir()
    narrower = make_policy(str(tmp_path / "other"), str(site.cache))
    for uri in (str(folder), f"{tmp_path}/other/m"):
        with pytest.raises(DeploymentError):
            load_step(model(), uri, recorded, narrower)
    assert not trace.exists()


def test_a_copy_from_below_a_trusted_root_is_found_after_the_folder_is_gone(
    tmp_path: Path, site: ArtifactPolicy, trace: Path
) -> None:
    folder = arm(tmp_path / "trusted" / "m", trace)
    recorded = resolve(str(folder), None, site).digest
    shutil.rmtree(folder)
    with pytest.raises(DeploymentError, match="not a fitted estimator"):
        load_step(model(), str(folder), recorded, site)
    assert trace.exists()


@pytest.mark.parametrize("recorded", ["../evil", "sha256:../../evil", "/evil", "", "sha256:0"])
def test_a_digest_that_is_a_path_leads_nowhere(
    tmp_path: Path, site: ArtifactPolicy, trace: Path, recorded: str
) -> None:
    arm(tmp_path / "evil", trace)
    arm(tmp_path / "cache-evil", trace)
    (tmp_path / "trusted" / "m").mkdir()
    with pytest.raises(DeploymentError, match="has changed since it was applied"):
        load_step(model(), f"{tmp_path}/trusted/m", recorded, site)
    assert not trace.exists()


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("what", ["file", "folder", "folder on the way"])
def test_a_link_out_of_a_trusted_folder_is_refused(
    tmp_path: Path, site: ArtifactPolicy, trace: Path, what: str, absolute: bool
) -> None:
    evil, folder = arm(tmp_path / "evil", trace), tmp_path / "trusted" / "m"
    here = f"{tmp_path}/evil" if absolute else "../../evil"
    if what == "file":
        settings(folder, implementation="mlserver_sklearn.SKLearnModel")
        (folder / "model.joblib").symlink_to(f"{here}/model.joblib")
    elif what == "folder":
        settings(folder, implementation="mlserver_sklearn.SKLearnModel", parameters={"uri": "linked"})
        (folder / "linked").symlink_to(here)
    else:
        folder.symlink_to(here if absolute else "../evil")
    with pytest.raises(DeploymentError, match=r"is outside the model's folder|is below no trusted root"):
        load_step(model(), str(folder), digest(evil), site)
    with pytest.raises(DeploymentError, match=r"is outside the model's folder|is below no trusted root"):
        load_step(model(), str(folder), resolve(str(folder), None, site).digest, site)
    assert not trace.exists()


def test_links_inside_a_folder_are_followed_as_kubernetes_makes_them(
    tmp_path: Path, site: ArtifactPolicy
) -> None:
    """A mounted ConfigMap: every file is a link through a link to the folder of its newest version."""
    folder = tmp_path / "trusted" / "m"
    (folder / "..2026").mkdir(parents=True)
    (folder / "..data").symlink_to("..2026")
    estimator = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    joblib.dump(estimator, folder / "..2026" / "model.joblib")
    (folder / "model.joblib").symlink_to("..data/model.joblib")
    settings(
        folder, implementation="mlserver_sklearn.SKLearnModel", parameters={"uri": "..data/model.joblib"}
    )
    step = load_step(model(), str(folder), digest(folder), site)
    answer = step.infer(one_request(np.array([[0.0], [1.0]])), InferenceOptions())
    assert answer["predict"].data.tolist() == estimator.predict([[0.0], [1.0]]).tolist()  # type: ignore[index]


def test_the_digest_covers_where_a_link_to_a_folder_leads(tmp_path: Path) -> None:
    for name in ("v1", "v2"):
        (tmp_path / name).mkdir()
    (tmp_path / "latest").symlink_to("v1")
    before = digest(tmp_path)
    (tmp_path / "latest").unlink()
    (tmp_path / "latest").symlink_to("v2")
    assert digest(tmp_path) != before


def test_links_in_a_circle_and_pipes_are_no_files(tmp_path: Path, site: ArtifactPolicy) -> None:
    folder = settings(tmp_path / "trusted" / "m", implementation="mlserver_sklearn.SKLearnModel")
    os.mkfifo(folder / "model.joblib")
    with pytest.raises(DeploymentError, match=r"contains none of model\.joblib"):
        load_step(model(), str(folder), digest(folder), site)
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    with pytest.raises(DeploymentError, match="leads to itself"):
        digest(folder)


def test_a_root_that_is_itself_a_link_is_trusted_with_what_it_leads_to_only(
    tmp_path: Path, site: ArtifactPolicy, trace: Path
) -> None:
    folder = arm(tmp_path / "real" / "m", trace)
    arm(tmp_path / "evil", trace)
    (tmp_path / "real" / "out").symlink_to(tmp_path / "evil")
    (tmp_path / "root").symlink_to("real")
    linked = make_policy(str(tmp_path / "root"), str(site.cache))
    for uri in (f"{tmp_path}/root/out", f"{tmp_path}/real/out", f"{tmp_path}/root/../evil"):
        with pytest.raises(DeploymentError, match="is below no trusted root"):
            load_step(model(), uri, digest(tmp_path / "evil"), linked)
    assert not trace.exists()
    for uri in (f"{tmp_path}/root/m", f"{tmp_path}/real/m"):
        with pytest.raises(DeploymentError, match="not a fitted estimator"):
            load_step(model(), uri, digest(folder), linked)
    assert trace.exists()


def test_a_class_reads_the_bytes_that_were_checked_whatever_becomes_of_its_folder(
    tmp_path: Path, site: ArtifactPolicy
) -> None:
    """Its own first line replaces the folder's other file; what it then reads is what the digest covers."""
    folder = settings(tmp_path / "trusted" / "m", implementation="mine.Model")
    (folder / "limit.txt").write_text("1")
    (folder / "mine.py").write_text(
        f"from pathlib import Path\nPath({str(folder / 'limit.txt')!r}).write_text('2')\n"
        "class Model:\n"
        "    def __init__(self, folder, extra): self.folder = folder\n"
        "    def predict(self, x): return {'limit': [int((self.folder / 'limit.txt').read_text())]}\n"
    )
    step = load_step(model(), str(folder), digest(folder), site)
    shutil.rmtree(folder)
    answer = step.infer(one_request(np.zeros((1, 1))), InferenceOptions())
    assert answer.parts[0][1]["limit"].data.tolist() == [1]  # type: ignore[union-attr]


@contextmanager
def swapping(path: Path, *contents: Path) -> Iterator[None]:
    """Put one file after another in the place of a path, all the time."""
    ended = threading.Event()

    def swap() -> None:
        for content in cycle(contents):
            if ended.is_set():
                return
            spare = path.with_name("spare")
            os.link(content, spare)
            spare.replace(path)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_file_that_is_swapped_all_the_time_is_loaded_as_recorded_or_not_at_all(
    tmp_path: Path, trace: Path
) -> None:
    good, evil = tmp_path / "good.joblib", tmp_path / "evil.joblib"
    joblib.dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), good)
    joblib.dump(Boom(trace), evil)
    outside = tmp_path / "models"
    folder = settings(outside, implementation="mlserver_sklearn.SKLearnModel")
    shutil.copyfile(good, folder / "model.joblib")
    recorded = digest(folder)
    with swapping(folder / "model.joblib", good, evil):
        for number in range(100):
            cold = make_policy(str(outside), str(tmp_path / "caches" / str(number)))
            with suppress(DeploymentError):
                load_step(model(), str(folder), recorded, cold)
    assert not trace.exists()


def test_two_folders_with_line_breaks_in_names_do_not_share_a_digest(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    (one / "x\nz").mkdir(parents=True)
    (one / "a").symlink_to("x\nz")
    (one / "z2").write_text("same")
    (other / "x").mkdir(parents=True)
    (other / "a").symlink_to("x")
    (other / "z\nz2").write_text("same")
    for folder in (one, other):
        with pytest.raises(DeploymentError, match=r"\\n.*is not printable; rename it"):
            digest(folder)


@pytest.mark.parametrize("name", [b"\xff", b"a\x1bb", b"a\xe2\x80\xaeb"])
def test_a_name_that_is_not_printable_is_refused(tmp_path: Path, site: ArtifactPolicy, name: bytes) -> None:
    (tmp_path / "m").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "m") + b"/" + name)).write_text("x")
    with pytest.raises(DeploymentError, match="is not printable; rename it"):
        resolve(str(tmp_path / "m"), None, site)


def test_a_hard_link_is_copied_and_the_copy_is_apart(tmp_path: Path, site: ArtifactPolicy) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "m"
    outside.write_text("before")
    folder.mkdir()
    os.link(outside, folder / "model.json")
    found = resolve(str(folder), None, site)
    outside.write_text("after")
    assert (found.folder / "model.json").read_text() == "before"
    assert (found.folder / "model.json").stat().st_nlink == 1
    assert digest(found.folder) == found.digest


@as_root
def test_a_device_is_no_file(tmp_path: Path, site: ArtifactPolicy) -> None:
    folder = settings(tmp_path / "m", implementation="mlserver_sklearn.SKLearnModel")
    os.mknod(folder / "zero", 0o644 | stat.S_IFCHR, os.makedev(1, 5))
    assert [path.name for path in resolve(str(folder), None, site).folder.iterdir()] == [
        "model-settings.json"
    ]
