from __future__ import annotations

from pathlib import Path

import pytest

from operators.core.errors import DeploymentError
from operators.storage.trusted_roots import locate, make_policy, require_trust
from tests.operators.storage.model import arm, load, settings


@pytest.fixture
def armed(tmp_path: Path) -> tuple[Path, Path]:
    """A folder whose pickle would leave a trace, and the trace."""
    return arm(tmp_path / "armed", tmp_path / "trace"), tmp_path / "trace"


def test_a_pickle_outside_the_trusted_roots_is_not_even_opened(armed: tuple[Path, Path]) -> None:
    folder, trace = armed
    for roots in ("", str(folder.parent / "other"), str(folder) + "-more", "s3://bucket"):
        with pytest.raises(
            DeploymentError, match=r"model\.joblib runs code when it is loaded, and .* is below no"
        ):
            load(folder, make_policy(roots, ""))
    assert not trace.exists()


def test_below_a_trusted_root_it_is(armed: tuple[Path, Path]) -> None:
    folder, trace = armed
    with pytest.raises(DeploymentError, match="which is not a fitted estimator"):
        load(folder, make_policy(f"{folder.parent}/nowhere,{folder.parent}", ""))
    assert trace.exists()


def test_a_python_class_needs_trust_too(tmp_path: Path) -> None:
    folder = settings(tmp_path / "p", implementation="mine.Model")
    trace = tmp_path / "trace"
    (folder / "mine.py").write_text(
        f"open({str(trace)!r}, 'w')\nclass Model:\n    def predict(self, x): return x\n"
    )
    with pytest.raises(DeploymentError, match=r"mine\.py runs code when it is loaded"):
        load(folder, make_policy("", ""))
    assert not trace.exists()


def test_detectors_in_arrays_need_no_trust(models: Path) -> None:
    load(models / "income-drift", make_policy("", ""))


def test_a_link_out_of_a_trusted_root_is_not_trusted(tmp_path: Path, armed: tuple[Path, Path]) -> None:
    folder, trace = armed
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(folder)
    with pytest.raises(DeploymentError, match="is below no trusted root"):
        load(tmp_path / "root" / "link", make_policy(str(tmp_path / "root"), ""))
    assert not trace.exists()


def test_no_file_outside_the_folder_is_loaded_whatever_the_folder_names(
    tmp_path: Path, armed: tuple[Path, Path]
) -> None:
    """Its digest would not cover it."""
    folder, trace = armed
    forest = settings(tmp_path / "forest", implementation="mlserver_alibi_detect.AlibiDetectRuntime")
    (forest / "IForest.json").write_text('{"threshold": 0, "estimator": "../armed/model.joblib"}')
    with pytest.raises(DeploymentError, match="is outside the model's folder"):
        load(forest)
    for uri in ("\0", "..", "../armed", str(folder)):
        away = settings(tmp_path / "away", implementation="x.Y", parameters={"uri": uri})
        with pytest.raises(
            DeploymentError, match=r"m: .*/model-settings\.json: parameters\.uri is .* outside"
        ):
            load(away)
    linked = settings(tmp_path / "linked", implementation="mlserver_sklearn.SKLearnModel")
    (linked / "model.joblib").symlink_to(folder / "model.joblib")
    with pytest.raises(DeploymentError, match="is outside the model's folder"):
        load(linked)
    (tmp_path / "mine.py").write_text(f"open({str(trace)!r}, 'w')")
    for implementation in (f"..{tmp_path.name}.mine.Model", "..mine.Model"):
        climbing = settings(tmp_path / "climbing", implementation=implementation)
        with pytest.raises(DeploymentError, match="no runtime for implementation"):
            load(climbing)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("uri", "root", "trusted"),
    [
        ("s3://models/income", "s3://models", True),
        ("s3://models/income", "s3://models/", True),
        ("s3://models/income", "s3://models/income", True),
        ("s3://models-evil/income", "s3://models", False),
        ("gs://models/income", "s3://models", False),
        ("s3://models/income", "/models", False),
        ("/models/income", "file:///models", True),
        ("/models/../etc", "/models", False),
        ("/models-evil/income", "/models", False),
        ("/models/income/../../models-evil", "/models", False),
        ("/models/./income/", "/models/", True),
        ("//models//income", "/models", True),
        ("/Models/income", "/models", False),
        ("/models/%2e%2e/etc", "/models", True),
        ("file:///models", "/models", True),
        ("file:///models-evil", "file:///models", False),
        ("/anywhere", "/", True),
        ("s3://models2", "s3://models", False),
        ("s3://models", "s3://models", True),
        ("s3://b/models2", "s3://b/models", False),
        ("s3://b/Models/x", "s3://b/models", False),
        ("s3://b", "s3://b/models", False),
        ("s3://anything/x", "/", False),
    ],
)
def test_roots_are_whole_path_parts(uri: str, root: str, trusted: bool) -> None:
    site = make_policy(root, "")
    if trusted:
        require_trust(locate(uri, site), "model.joblib", site)
    else:
        with pytest.raises(DeploymentError):
            require_trust(locate(uri, site), "model.joblib", site)


def test_another_server_under_a_stores_name_is_another_root() -> None:
    """Else copies from the first would be loaded as trusted ones of the second."""
    first, second = (
        make_policy("models://bucket", "", f'{{"models": {{"protocol": "s3", "endpoint": "http://{host}"}}}}')
        for host in ("first", "second")
    )
    uri = "models://bucket/income"
    assert locate(uri, first).root == locate(uri, first).root
    assert locate(uri, first).root != locate(uri, second).root
