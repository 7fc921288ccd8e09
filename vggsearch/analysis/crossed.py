"""Whether an effect would hold on new images: a bootstrap over seeds × test images of stored correctness.

    x[a, i, j]  1 where arm a, trained with seed i, is right about test image j  w[a]  weight of arm a
    D[i, j]     Σ_a w[a] x[a, i, j]                                              i < n, j < m
    effect      Σ_ij D[i, j] / (n m)

The t interval over seeds says what retraining would give on *these* test images. Here the images are a sample
too: seeds and images are drawn with replacement, independently of each other and alike for all arms (the
pigeonhole bootstrap, Owen 2007, https://doi.org/10.1214/07-AOAS122). With a[i], b[j] and e[i, j] the row
effects, the column effects and the residuals of D, the replicates have the variance

    Σ a² / n² + Σ b² / m² + Σ e² / (n m)²

exactly, given D. In expectation the seeds' part is (n − 1) / n of the true one, so that the interval is too
short where seeds dominate. The part of e is about three times the true one, so that it is too long where e
dominates. `docs/statistics.md` shows both. The interval supplements the t interval and does not replace it.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from vggsearch.analysis.sign_flip import FloatArray

BoolArray = npt.NDArray[np.bool_]

RESAMPLES = 2000

_BATCH_ENTRIES = 2_000_000
"""Most counts of images in memory at once: 16 MB."""


def crossed_interval(
    correct: Mapping[str, BoolArray],
    weights: Mapping[str, float],
    *,
    alpha: float,
    resamples: int = RESAMPLES,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Percentile interval of the effect at confidence 1 − alpha.

    Args:
        correct: An array [pairs, images] for every weighted arm; row i has the same seed in all arms.

    Raises:
        ValueError: The arrays differ in shape, or one is empty.
    """
    shapes = {correct[arm].shape for arm in weights}
    if len(shapes) != 1 or 0 in (shape := shapes.pop()):
        raise ValueError("all arms have the same shape [pairs, images], with at least one of each")
    difference = np.zeros(shape)
    for arm, weight in weights.items():
        difference += weight * correct[arm]
    replicates = crossed_replicates(difference, resamples, rng)
    low, high = np.quantile(replicates, [alpha / 2, 1 - alpha / 2])
    return float(low), float(high)


def crossed_replicates(difference: FloatArray, resamples: int, rng: np.random.Generator) -> FloatArray:
    """The effect in each of `resamples` draws of seeds and images from D [pairs, images]; [resamples]."""
    pairs, images = difference.shape
    batch = max(1, _BATCH_ENTRIES // images)
    replicates = np.empty(resamples)
    for start in range(0, resamples, batch):
        size = min(batch, resamples - start)
        by_image = _counts(size, pairs, rng) @ difference
        by_pair_and_image = by_image * _counts(size, images, rng)
        replicates[start : start + size] = by_pair_and_image.sum(axis=1) / (pairs * images)
    return replicates


def _counts(resamples: int, items: int, rng: np.random.Generator) -> FloatArray:
    """How often each item occurs when `items` are drawn with replacement, [resamples, items]."""
    drawn = rng.integers(0, items, size=(resamples, items)) + items * np.arange(resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=resamples * items)
    return counts.reshape(resamples, items).astype(np.float64)
