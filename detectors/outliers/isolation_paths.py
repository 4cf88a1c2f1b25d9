"""Contributions of features to the path length of a row in an isolation forest."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import IsolationForest as Estimator

from detectors.input_rows import float32_rows

Numbers = NDArray[np.float64]
Nodes = NDArray[np.intp]
# Bounds the memory of a large batch: about 15 MB with 100 trees.
_ROWS_AT_ONCE = 2_000


class IsolationPaths:
    """Divides the isolation of a row among its features.

    Parameters
    ----------
    estimator:
        A fitted ``sklearn.ensemble.IsolationForest``.

    Notes
    -----
    The value of a node is the mean path length h of its training rows: the depth of their leaf plus c(rows in
    the leaf), as h(x) of Liu, Ting & Zhou (2008, ICDM). The contribution of a split is the value of its node
    minus the value of the row's child node, as in Saabas (2014) for decision trees. It belongs to the feature
    of the split. The contributions of a row add up to `expected` minus the row's own mean path length. If the
    sum is above 0, the row is isolated earlier than the training rows on average.
    """

    def __init__(self, estimator: Estimator) -> None:
        trees = [tree.tree_ for tree in estimator.estimators_]
        self._roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])]).astype(np.intp)
        self._left, self._right = (
            np.concatenate(
                [np.where(c < 0, -1, c + root) for c, root in zip(children, self._roots, strict=True)]
            )
            for children in ([t.children_left for t in trees], [t.children_right for t in trees])
        )
        self._threshold = np.concatenate([tree.threshold for tree in trees])
        self._missing_left = np.concatenate([tree.missing_go_to_left for tree in trees]).astype(bool)
        self._feature = np.concatenate(
            [names[tree.feature] for names, tree in zip(estimator.estimators_features_, trees, strict=True)]
        )
        values = self._values(np.concatenate([tree.n_node_samples for tree in trees]).astype(np.float64))
        self.n_features = int(estimator.n_features_in_)
        self.expected = float(values[self._roots].mean())
        self._shortening = np.zeros(len(values))
        inner = np.flatnonzero(self._left >= 0)
        for child in (self._left[inner], self._right[inner]):
            self._shortening[child] = (values[inner] - values[child]) / len(trees)

    def contributions(self, x: ArrayLike) -> Numbers:
        """Return the contribution of each feature, float64 (n, features), in splits of a path.

        NaN and infinities take the same branches as in scikit-learn. Raises ValueError for rows of another
        width.
        """
        rows = float32_rows(x, self.n_features)
        parts = np.split(rows, range(_ROWS_AT_ONCE, len(rows), _ROWS_AT_ONCE))
        return np.concatenate([self._walk(part) for part in parts])

    def _walk(self, rows: NDArray[np.float32]) -> Numbers:
        """Follow every row through every tree, one level at a time, and add up the contributions."""
        total = np.zeros(rows.size)
        row = np.repeat(np.arange(len(rows)), len(self._roots))
        node = np.tile(self._roots, len(rows))
        while len(node):
            inner = self._left[node] >= 0
            row, node = row[inner], node[inner]
            feature = self._feature[node]
            node = self._next(node, rows[row, feature])
            total += np.bincount(row * self.n_features + feature, self._shortening[node], rows.size)
        return total.reshape(rows.shape)

    def _next(self, node: Nodes, value: NDArray[np.float32]) -> Nodes:
        left = np.where(np.isnan(value), self._missing_left[node], value <= self._threshold[node])
        return np.where(left, self._left[node], self._right[node])

    def _values(self, rows: Numbers) -> Numbers:
        levels = self._levels()
        values = average_path(rows)
        for depth, level in enumerate(levels):
            values[level] += depth
        for level in reversed(levels):
            inner = level[self._left[level] >= 0]
            left, right = self._left[inner], self._right[inner]
            values[inner] = (rows[left] * values[left] + rows[right] * values[right]) / rows[inner]
        return values

    def _levels(self) -> list[Nodes]:
        levels = [self._roots]
        while True:
            inner = levels[-1][self._left[levels[-1]] >= 0]
            if not len(inner):
                return levels
            levels.append(np.concatenate((self._left[inner], self._right[inner])))


def average_path(n: ArrayLike) -> Numbers:
    """Return c(n), the mean path length of an unsuccessful search in a binary search tree of n nodes.

    >>> average_path([1, 2, 256]).round(4).tolist()
    [0.0, 1.0, 10.2448]
    """
    nodes = np.asarray(n, dtype=np.float64)
    many = np.maximum(nodes, 3.0)
    length = 2.0 * (np.log(many - 1.0) + np.euler_gamma) - 2.0 * (many - 1.0) / many
    return np.where(nodes <= 1, 0.0, np.where(nodes == 2, 1.0, length))
