"""Every kind of booster that is tried, and what becomes of it: read by training, by tests and by the docs.

This file runs in other environments too: it imports nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

XGBOOST, OLDER_XGBOOST, LIGHTGBM = "3.2.0", "2.1.4", "4.7.0"


class Case(NamedTuple):
    """One model file.

    `saved_by` is the class that saved it, `native` the library's own booster. `target` names what it learns,
    `options` are its parameters. `stopped` means that it was trained with early stopping, which ended before
    the last round. `precision` is how many units in the last place an answer may differ, None for boosters
    whose rounding is known to differ (then 1e-5 of the largest answer). `refused` is the error of loading it.
    """

    library: str
    version: str
    saved_by: str
    objective: str
    target: str
    form: str
    booster: str = "gbtree"
    stopped: bool = False
    options: Mapping[str, Any] = MappingProxyType({})
    note: str = ""
    precision: int | None = 0
    refused: str = ""

    @property
    def name(self) -> str:
        """The model's name, and its folder's."""
        parts = (
            self.library,
            self.version,
            self.saved_by,
            self.objective,
            self.booster,
            self.note,
            self.form,
        )
        words = [*filter(None, parts), *(["stopped"] if self.stopped else [])]
        return "-".join(words).replace(":", "-").replace(".", "-").replace("_", "-").replace(" ", "-").lower()


# Objective: what it learns, and how many units in the last place its link may differ.
_OBJECTIVES = {
    "reg:squarederror": ("number", 0),
    "reg:squaredlogerror": ("amount", 0),
    "reg:pseudohubererror": ("number", 0),
    "reg:absoluteerror": ("number", 0),
    "reg:quantileerror": ("number", 0),
    "reg:logistic": ("binary", 4),
    "reg:gamma": ("amount", 4),
    "reg:tweedie": ("amount", 4),
    "count:poisson": ("amount", 4),
    "survival:cox": ("amount", 4),
    "survival:aft": ("amount", 4),
    "binary:logistic": ("binary", 4),
    "binary:logitraw": ("binary", 0),
    "binary:hinge": ("binary", 0),
    "multi:softprob": ("class", 4),
    "multi:softmax": ("class", 0),
    "rank:ndcg": ("binary", 0),
    "rank:map": ("binary", 0),
    "rank:pairwise": ("binary", 0),
}
_LINEAR = "is a linear booster (gblinear)"


def _native(version: str, forms: tuple[str, ...]) -> Iterator[Case]:
    for objective, (target, ulps) in _OBJECTIVES.items():
        for form in forms:
            for stopped in (False, True):
                yield Case(
                    "xgboost", version, "native", objective, target, form, "gbtree", stopped, precision=ulps
                )
        yield Case(
            "xgboost",
            version,
            "native",
            objective,
            target,
            forms[0],
            "dart",
            True,
            {"rate_drop": 0.3},
            "",
            None,
        )
    for objective in ("reg:squarederror", "binary:logistic", "multi:softprob"):
        target = _OBJECTIVES[objective][0]
        for form in forms:
            for stopped in (False, True):
                yield Case(
                    "xgboost",
                    version,
                    "native",
                    objective,
                    target,
                    form,
                    "gblinear",
                    stopped,
                    refused=_LINEAR,
                )


_NO_TREES = "has no trees"
_OLD_VECTORS = "have a vector in each leaf (multi_output_tree)"


def _of_one_class(version: str, forms: tuple[str, ...]) -> Iterator[Case]:
    """Softmax over a single class, which XGBoost answers without an axis of classes."""
    for objective, saved_by in (
        ("multi:softprob", "native"),
        ("multi:softmax", "native"),
        ("multi:softprob", "XGBClassifier"),
    ):
        for form in forms:
            yield Case(
                "xgboost",
                version,
                saved_by,
                objective,
                "one class",
                form,
                options={"num_class": 1},
                note="num_class 1",
            )


def _without_trees(version: str, forms: tuple[str, ...]) -> Iterator[Case]:
    for objective, target in (("reg:squarederror", "number"), ("multi:softprob", "class")):
        for form in forms:
            yield Case(
                "xgboost",
                version,
                "native",
                objective,
                target,
                form,
                options={"rounds": 0},
                note="no rounds",
                refused=_NO_TREES,
            )


def _old_vector_leaves() -> Iterator[Case]:
    for form in ("json", "ubj"):
        yield Case(
            "xgboost",
            OLDER_XGBOOST,
            "XGBRegressor",
            "reg:squarederror",
            "numbers",
            form,
            options=_VECTOR,
            note="targets vector leaves",
            refused=_OLD_VECTORS,
        )


_VECTOR = {"multi_strategy": "multi_output_tree"}
_RANDOM = {"num_parallel_tree": 3, "subsample": 0.7}
_QUANTILES = {"quantile_alpha": [0.1, 0.5, 0.9]}
_LOSSGUIDE = {"grow_policy": "lossguide", "max_leaves": 8, "tree_method": "hist"}
_SETS = {"categories": True, "max_cat_to_onehot": 1}
_ONE_HOT = {"categories": True, "max_cat_to_onehot": 100}
# Class, objective, target, options, note, units in the last place, booster.
_WRAPPED: tuple[tuple[str, str, str, dict[str, Any], str, int | None, str], ...] = (
    ("XGBClassifier", "binary:logistic", "binary", {}, "", 4, "gbtree"),
    ("XGBClassifier", "multi:softprob", "class", {}, "", 4, "gbtree"),
    ("XGBClassifier", "multi:softmax", "class", {}, "", 4, "gbtree"),
    ("XGBClassifier", "multi:softprob", "class", _VECTOR, "vector leaves", 4, "gbtree"),
    ("XGBClassifier", "multi:softprob", "class", _RANDOM, "parallel trees", 4, "gbtree"),
    ("XGBClassifier", "binary:logistic", "labels", {}, "three labels", 4, "gbtree"),
    ("XGBClassifier", "binary:logistic", "two labels", {}, "two labels", 4, "gbtree"),
    ("XGBClassifier", "binary:logistic", "labels", _VECTOR, "labels vector leaves", 4, "gbtree"),
    ("XGBClassifier", "binary:logistic", "one class", {}, "one class", 4, "gbtree"),
    ("XGBClassifier", "binary:logistic", "binary", {"base_score": 0.2}, "base score", 4, "gbtree"),
    ("XGBClassifier", "binary:logistic", "binary", _LOSSGUIDE, "lossguide", 4, "gbtree"),
    ("XGBClassifier", "binary:logitraw", "binary", {}, "", 0, "gbtree"),
    ("XGBClassifier", "binary:hinge", "binary", {}, "", 0, "gbtree"),
    ("XGBClassifier", "binary:logistic", "binary", {"rate_drop": 0.3}, "", None, "dart"),
    ("XGBRFClassifier", "binary:logistic", "binary", {}, "", 4, "gbtree"),
    ("XGBRegressor", "reg:squarederror", "number", {}, "", 0, "gbtree"),
    ("XGBRegressor", "reg:squarederror", "numbers", {}, "three targets", 0, "gbtree"),
    ("XGBRegressor", "reg:squarederror", "numbers", _VECTOR, "targets vector leaves", 0, "gbtree"),
    ("XGBRegressor", "reg:quantileerror", "number", _QUANTILES, "three quantiles", 0, "gbtree"),
    ("XGBRegressor", "reg:gamma", "amount", {}, "", 4, "gbtree"),
    ("XGBRFRegressor", "reg:squarederror", "number", {}, "", 0, "gbtree"),
    ("XGBRanker", "rank:ndcg", "binary", {}, "", 0, "gbtree"),
)


def _wrapped(version: str, forms: tuple[str, ...]) -> Iterator[Case]:
    older = version == OLDER_XGBOOST
    for saved_by, objective, target, options, note, ulps, booster in _WRAPPED:
        # Before 3.0 these could not be trained, or not be saved in every form.
        if older and ("vector" in note or target == "one class" or saved_by == "XGBRanker"):
            continue
        for form in forms:
            for stopped in (False, True):
                if stopped and ("RF" in saved_by or target == "one class"):
                    continue
                yield Case(
                    "xgboost",
                    version,
                    saved_by,
                    objective,
                    target,
                    form,
                    booster,
                    stopped,
                    options,
                    note,
                    ulps,
                )


def _categorical() -> Iterator[Case]:
    for options, note in ((_SETS, "sets of categories"), (_ONE_HOT, "one category"), (_SETS, "words")):
        for form in ("json", "ubj"):
            options = {**options, "categories": "words"} if note == "words" else options
            yield Case(
                "xgboost",
                XGBOOST,
                "XGBClassifier",
                "binary:logistic",
                "binary",
                form,
                options=options,
                note=note,
                precision=4,
            )


def _categorical_older() -> Iterator[Case]:
    """Sets of categories: in JSON, this version writes NaN for the thresholds of their nodes."""
    for options, note in ((_SETS, "sets of categories"), (_ONE_HOT, "one category")):
        for form in ("json", "ubj"):
            yield Case(
                "xgboost",
                OLDER_XGBOOST,
                "native",
                "binary:logistic",
                "binary",
                form,
                options=options,
                note=note,
                precision=4,
            )


_LIGHTGBM_OBJECTIVES = {
    **dict.fromkeys(("regression", "regression_l1", "huber", "fair", "quantile"), "number"),
    **dict.fromkeys(("poisson", "mape", "gamma", "tweedie"), "amount"),
    **dict.fromkeys(
        ("binary", "cross_entropy", "cross_entropy_lambda", "lambdarank", "rank_xendcg"), "binary"
    ),
    **dict.fromkeys(("multiclass", "multiclassova"), "class"),
}
_BAGGING = {"bagging_freq": 1, "bagging_fraction": 0.7}
_CATEGORIES = {
    "categorical_feature": [4, 5],
    "max_cat_to_onehot": 1,
    "min_data_per_group": 5,
    "cat_smooth": 1,
}
_LIGHTGBM_OPTIONS: tuple[tuple[str, str, dict[str, Any], str, str], ...] = (
    ("binary", "binary", {"sigmoid": 0.5}, "sigmoid", ""),
    ("regression", "amount", {"reg_sqrt": True}, "square root", ""),
    ("binary", "binary", _CATEGORIES, "categories", ""),
    ("multiclass", "class", _CATEGORIES, "categories", ""),
    ("regression", "number", {"use_missing": False}, "no missing", ""),
    ("regression", "number", {"missing": 0.2}, "missing", ""),
    ("binary", "binary", {**_CATEGORIES, "missing": 0.2}, "missing categories", ""),
    ("none", "number", {}, "own objective", ""),
    (
        "regression",
        "number",
        {"linear_tree": True},
        "linear trees",
        "linear models in its leaves (linear_tree)",
    ),
    ("regression", "number", {"zero_as_missing": True}, "zero as missing", "trained with zero_as_missing"),
)


def _lightgbm() -> Iterator[Case]:
    for objective, target in _LIGHTGBM_OBJECTIVES.items():
        for booster in ("gbdt", "dart", "rf", "goss"):
            options = _BAGGING if booster == "rf" else {}
            stopped = booster == "gbdt"
            yield Case(
                "lightgbm", LIGHTGBM, "native", objective, target, "text", booster, stopped, options, "", 4
            )
        yield Case("lightgbm", LIGHTGBM, "native", objective, target, "text", "gbdt", precision=4)
    for objective, target, options, note, refused in _LIGHTGBM_OPTIONS:
        yield Case(
            "lightgbm",
            LIGHTGBM,
            "native",
            objective,
            target,
            "text",
            "gbdt",
            False,
            options,
            note,
            4,
            refused,
        )
    for saved_by, objective, target in (
        ("LGBMClassifier", "binary", "binary"),
        ("LGBMClassifier", "multiclass", "class"),
        ("LGBMRegressor", "regression", "number"),
    ):
        for stopped in (False, True):
            yield Case(
                "lightgbm", LIGHTGBM, saved_by, objective, target, "text", "gbdt", stopped, precision=4
            )


CASES: tuple[Case, ...] = (
    *_native(XGBOOST, ("json", "ubj")),
    *_wrapped(XGBOOST, ("json", "ubj")),
    *_categorical(),
    *_of_one_class(XGBOOST, ("json", "ubj")),
    *_without_trees(XGBOOST, ("json", "ubj")),
    *_native(OLDER_XGBOOST, ("deprecated", "json", "ubj")),
    *_wrapped(OLDER_XGBOOST, ("deprecated", "json", "ubj")),
    *_categorical_older(),
    *_of_one_class(OLDER_XGBOOST, ("deprecated", "json", "ubj")),
    *_without_trees(OLDER_XGBOOST, ("deprecated", "json", "ubj")),
    *_old_vector_leaves(),
    *_lightgbm(),
)
