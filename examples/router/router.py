"""A model of one's own: it chooses which of two models answers a request.

`predict` takes a request's tensors by name, as numpy arrays, and returns tensors by name. A step that reads a
tensor which is not there is skipped: so leaving one out chooses the branch.
"""

from pathlib import Path

import numpy as np


class ByAge:
    """Sends rows of people below a limit to one branch, requests that hold an older one to the other."""

    def __init__(self, folder: Path, parameters: dict[str, str]) -> None:
        """`parameters` is `extra` of model-settings.json and the Model's own parameters, as text."""
        self._limit = float(parameters.get("limit", 30))

    def predict(self, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Answer one request."""
        (rows,) = tensors.values()
        branch = "young" if (rows[:, 0] < self._limit).all() else "others"
        return {branch: rows}
