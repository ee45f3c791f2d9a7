"""How good scores are, once it is known what happened."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_TINY = 1e-7


def auc(truth: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating]) -> float:
    """The area under the ROC curve, by ranks with ties shared (Mann-Whitney U); NaN where only one class is there."""
    positives = int(np.count_nonzero(truth))
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[place][truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def log_loss(truth: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating]) -> float:
    """The mean negative log-likelihood of probabilities."""
    p = np.clip(scores.astype(np.float64), _TINY, 1 - _TINY)
    return float(-np.mean(np.where(truth, np.log(p), np.log1p(-p))))
