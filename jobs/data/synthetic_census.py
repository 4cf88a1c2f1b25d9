"""A seeded generator of people, similar to the 1994 US census extract that drift tutorials use.

All people are invented. The marginal distributions are close to those of the public extract. Occupation,
hours, capital and income depend on age, education and marriage, so that a classifier has something to learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

TARGET = "income-per-year"

_EDUCATION = {
    "HS-grad": 0.32,
    "Some-college": 0.22,
    "Bachelors": 0.17,
    "Masters": 0.06,
    "Assoc": 0.08,
    "Dropout": 0.12,
    "Doctorate": 0.03,
}
_WORKCLASS = {"Private": 0.70, "Self-emp": 0.12, "Local-gov": 0.08, "State-gov": 0.06, "Federal-gov": 0.04}
_OCCUPATION = ("Blue-collar", "Service", "Sales", "Admin", "Professional", "Managerial")
_RACE = {"White": 0.85, "Black": 0.10, "Asian-Pac": 0.03, "Other": 0.02}
_COUNTRY = {"United-States": 0.90, "Mexico": 0.04, "Latin-America": 0.03, "Asia": 0.02, "Europe": 0.01}
_SCHOOLING = dict(zip(_EDUCATION, (0, 1, 3, 4, 2, -1, 5), strict=True))


def census_like(rows: int, seed: int) -> pd.DataFrame:
    """Generate `rows` people: 12 features with some missing values, and the target column."""
    rng = np.random.default_rng(seed)
    age = np.clip(rng.gamma(7.5, 5.2, rows), 17, 90).round()
    education = _draw(rng, _EDUCATION, rows)
    schooling = pd.Series(education).map(_SCHOOLING).to_numpy(dtype=float)
    sex = np.where(rng.random(rows) < 0.67, "Male", "Female")
    married = rng.random(rows) < np.clip((age - 18) / 40, 0.02, 0.65)
    was_married = rng.random(rows) < np.clip((age - 25) / 80, 0, 0.5)
    marital = np.select([married, was_married], ["Married", "Separated"], "Never-married")
    rank = np.clip(schooling + rng.normal(1.5, 1.6, rows), 0, 5).astype(int)
    hours = np.clip(np.where(rng.random(rows) < 0.47, 40, rng.normal(40 + rank, 12, rows)), 1, 99).round()
    score = 0.75 * schooling + 0.05 * (age - 38) + 2.0 * married + 0.04 * (hours - 40) + 0.3 * rank - 3.4
    income = rng.random(rows) < 1 / (1 + np.exp(-score))
    gains = rng.random(rows) < np.where(income, 0.20, 0.04)
    losses = ~gains & (rng.random(rows) < 0.05)
    table = pd.DataFrame(
        {
            "age": age,
            "workclass": _draw(rng, _WORKCLASS, rows),
            "education": education,
            "marital-status": marital,
            "occupation": np.array(_OCCUPATION)[rank],
            "relationship": np.select(
                [married & (sex == "Male"), married, age < 25],
                ["Husband", "Wife", "Own-child"],
                "Not-in-family",
            ),
            "race": _draw(rng, _RACE, rows),
            "sex": sex,
            "capital-gain": np.where(gains, rng.lognormal(8.4, 0.9, rows).round(), 0.0),
            "capital-loss": np.where(losses, rng.normal(1_870, 360, rows).round(), 0.0),
            "hours-per-week": hours,
            "native-country": _draw(rng, _COUNTRY, rows),
            TARGET: np.where(income, ">50K", "<=50K"),
        }
    )
    for column, share in {"workclass": 0.05, "occupation": 0.05, "native-country": 0.02}.items():
        table.loc[rng.random(rows) < share, column] = np.nan
    return table


def _draw(rng: np.random.Generator, shares: dict[str, float], rows: int) -> NDArray[Any]:
    weights = np.array(list(shares.values()))
    return rng.choice(np.array(list(shares), dtype=object), rows, p=weights / weights.sum())
