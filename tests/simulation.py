"""Simulated studies with known true effects: how often are this package's verdicts wrong?

    y[a, i] = mu[a] + sqrt(rho) σ z[i] + sqrt(1 − rho) σ z[a, i]    value of arm a in pair i, z normal
    d[c, i] = y[0, i] − y[c, i]                  contrast c: arm 0, the control, against another

`python tests/simulation.py --studies 10000 --seed 0` prints the tables of `docs/statistics.md`.
Every row has its own random stream, so that it can be computed alone.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from simulated_looks import LOOKS, Stopped, holm_adjusted, stopped

from vggsearch.analysis import Verdict, verdict
from vggsearch.analysis.crossed import crossed_replicates
from vggsearch.analysis.power import power_of_difference, power_of_equivalence
from vggsearch.analysis.sign_flip import FloatArray, sign_flip_p

BoolArray = npt.NDArray[np.bool_]

SIGMA = 0.002
ALPHA = 0.05
MARGIN = 0.003
PAIRS = (6, 10, 20)
CORRELATIONS = (0.0, 0.5)
FAMILY = 7

_IMAGES = 200
_RESAMPLES = 500


@dataclass(frozen=True, slots=True)
class Setting:
    """The truth of simulated studies; every contrast has the same true effect."""

    n: int
    """Number of pairs."""
    rho: float
    """Correlation between two arms over the pairs."""
    effect: float = 0.0
    """True difference, a fraction."""
    contrasts: int = 1

    @property
    def sd(self) -> float:
        """True SD of the differences."""
        return SIGMA * math.sqrt(2 * (1 - self.rho))

    def rng(self, seed: int) -> np.random.Generator:
        """The random stream of this setting."""
        return np.random.default_rng(
            [seed, self.n, round(1000 * self.rho), round(1e6 * self.effect), self.contrasts]
        )


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Results of simulated studies; arrays [studies, contrasts]."""

    setting: Setting
    p_holm: FloatArray
    p_tost_holm: FloatArray
    covered: BoolArray
    """Whether the 95 % interval holds the true effect."""
    verdicts: npt.NDArray[np.str_]

    @property
    def found(self) -> BoolArray:
        """Whether the sign-flip test rejects a difference of 0."""
        return self.p_holm <= ALPHA

    @property
    def decided(self) -> BoolArray:
        """Whether the verdict is that one side is better."""
        return self.which(Verdict.SUPPORTED) | self.which(Verdict.REFUTED)

    def which(self, answer: Verdict) -> BoolArray:
        """Where the verdict is `answer`."""
        return np.asarray(self.verdicts == str(answer))


def values(setting: Setting, studies: int, rng: np.random.Generator) -> FloatArray:
    """Test accuracies [studies, 1 + contrasts, pairs] of the control and the other arms."""
    shared = rng.standard_normal((studies, 1, setting.n))
    own = rng.standard_normal((studies, 1 + setting.contrasts, setting.n))
    y = 0.93 + SIGMA * (math.sqrt(setting.rho) * shared + math.sqrt(1 - setting.rho) * own)
    y[:, 0] += setting.effect
    return y


def outcomes(setting: Setting, y: FloatArray) -> Outcomes:
    """Results as from `effects`, for many studies at once; y as `values` returns it."""
    d = y[:, :1] - y[:, 1:]
    n = setting.n
    mean, se = d.mean(axis=2), d.std(axis=2, ddof=1) / math.sqrt(n)
    p = np.array([[sign_flip_p(contrast) for contrast in study] for study in d])
    p_tost = np.maximum(
        stats.t.sf((mean + MARGIN) / se, n - 1),
        stats.t.cdf((mean - MARGIN) / se, n - 1),
    )
    p_holm, p_tost_holm = holm_adjusted(p), holm_adjusted(p_tost)
    verdicts = [
        str(verdict(n, each[0], each[1], each[2], alpha=ALPHA))
        for each in zip(mean.flat, p_holm.flat, p_tost_holm.flat, strict=True)
    ]
    reach = float(stats.t.isf(ALPHA / 2, n - 1)) * se
    return Outcomes(
        setting,
        p_holm,
        p_tost_holm,
        np.abs(mean - setting.effect) <= reach,
        np.array(verdicts).reshape(mean.shape),
    )


def simulate(setting: Setting, studies: int, seed: int) -> Outcomes:
    """Results of `studies` simulated studies of a setting."""
    return outcomes(setting, values(setting, studies, setting.rng(seed)))


def crossed_coverage(
    n: int, seeds_sd: float, images_se: float, rest: float, studies: int, seed: int
) -> float:
    """How often the 95 % interval over seeds × images holds the true effect.

    Args:
        seeds_sd: SD of the difference over seeds, on infinitely many images.
        images_se: Standard error of the difference over draws of test images, with infinitely many seeds.
        rest: Remaining SD over seeds on one set of test images: which images a seed happens to get right.
    """
    rng = np.random.default_rng([seed, n, round(1e6 * seeds_sd), round(1e6 * images_se), round(1e6 * rest)])
    covered = 0
    for _ in range(studies):
        d = seeds_sd * rng.standard_normal((n, 1))
        d = d + images_se * math.sqrt(_IMAGES) * rng.standard_normal((1, _IMAGES))
        d = d + rest * math.sqrt(_IMAGES) * rng.standard_normal((n, _IMAGES))
        low, high = np.quantile(crossed_replicates(d, _RESAMPLES, rng), [ALPHA / 2, 1 - ALPHA / 2])
        covered += bool(low <= 0 <= high)
    return covered / studies


def single_row(found: Outcomes) -> str:
    """A row of the first table: the results of a single contrast."""
    setting = found.setting
    planned = power_of_difference(setting.effect, setting.sd, setting.n, ALPHA)
    planned_tost = power_of_equivalence(setting.effect, setting.sd, setting.n, ALPHA, MARGIN)
    shares = (
        planned,
        _share(found.found),
        _share(found.which(Verdict.SUPPORTED)),
        _share(found.which(Verdict.REFUTED)),
        planned_tost,
        _share(found.which(Verdict.EQUIVALENT)),
        _share(found.which(Verdict.UNDECIDED)),
        _share(found.covered),
    )
    return _row(f"{100 * setting.effect:.1f}", str(setting.n), f"{setting.rho:g}", *map(_percent, shares))


def family_row(found: Outcomes) -> str:
    """A row of the second table: the results of several contrasts without a true difference."""
    shares = (
        _share(found.found.any(axis=1)),
        _share(found.decided.any(axis=1)),
        _share(found.which(Verdict.EQUIVALENT)),
        _share(found.which(Verdict.UNDECIDED)),
    )
    return _row(str(found.setting.n), f"{found.setting.rho:g}", *map(_percent, shares))


def crossed_row(n: int, seeds_sd: float, images_se: float, rest: float, studies: int, seed: int) -> str:
    """A row of the third table."""
    spreads = (f"{100 * spread:.2f}" for spread in (seeds_sd, images_se, rest))
    return _row(str(n), *spreads, _percent(crossed_coverage(n, seeds_sd, images_se, rest, studies, seed)))


def at_looks(setting: Setting, studies: int, seed: int) -> Stopped:
    """Results of studies of a setting that stop at the first of `LOOKS` that decides every contrast."""
    y = values(setting, studies, setting.rng(seed))
    return stopped(y, setting.effect, LOOKS, ALPHA, MARGIN)


def looks_row(setting: Setting, found: Stopped) -> str:
    """A row of the fourth table: one contrast at planned looks."""
    answers = (Verdict.SUPPORTED, Verdict.REFUTED, Verdict.EQUIVALENT, Verdict.UNDECIDED)
    shares = (
        _share(found.found),
        *(_share(found.which(answer)) for answer in answers),
        _share(found.covered),
        1 - _share(found.ever_missed),
    )
    settings = (f"{100 * setting.effect:g}", f"{setting.rho:g}")
    return _row(*settings, *map(_percent, shares), f"{found.pairs.mean():.1f}")


def family_looks_row(setting: Setting, found: Stopped) -> str:
    """A row of the fifth table: several contrasts without a true difference at planned looks."""
    shares = (
        _share(found.found.any(axis=1)),
        _share(found.decided.any(axis=1)),
        _share(found.which(Verdict.EQUIVALENT)),
        _share(found.which(Verdict.UNDECIDED)),
        _share(found.covered),
    )
    return _row(f"{setting.rho:g}", *map(_percent, shares), f"{found.pairs.mean():.1f}")


def tables(studies: int, seed: int) -> Iterator[str]:
    """The lines of all tables in Markdown: percentages, except for the settings; differences and SDs in pp.

    The third table uses a fifth of the studies, because their bootstraps take longest.
    """
    yield from _head(
        "true", "n", "ρ", "t test", "p ≤ α", "sup.", "ref.", "TOST", "equiv.", "undec.", "covers"
    )
    for effect in (0.0, MARGIN):
        for rho in CORRELATIONS:
            for n in PAIRS:
                yield single_row(simulate(Setting(n, rho, effect), studies, seed))
    yield ""
    yield from _head("n", "ρ", "any p ≤ α", "any sup. or ref.", "equiv.", "undec.")
    for rho in CORRELATIONS:
        for n in PAIRS:
            yield family_row(simulate(Setting(n, rho, contrasts=FAMILY), studies, seed))
    yield ""
    yield from _head("n", "seeds SD", "images SE", "rest SD", "covers")
    for seeds_sd, rest in ((0.0028, 0.0), (0.0014, 0.0024)):
        for n in PAIRS:
            yield crossed_row(n, seeds_sd, 0.0014, rest, max(1, studies // 5), seed)
    yield ""
    yield from looks_tables(studies, seed)


def looks_tables(studies: int, seed: int) -> Iterator[str]:
    """The lines of the tables of studies with planned looks; the second uses a fifth of the studies."""
    yield from _head(
        "true", "ρ", "p ≤ α", "sup.", "ref.", "equiv.", "undec.", "covers", "all cover", "mean n"
    )
    for effect in (0.0, MARGIN / 2, MARGIN):
        for rho in CORRELATIONS:
            setting = Setting(LOOKS[-1], rho, effect)
            yield looks_row(setting, at_looks(setting, studies, seed))
    yield ""
    yield from _head("ρ", "any p ≤ α", "any sup. or ref.", "equiv.", "undec.", "covers", "mean n")
    for rho in CORRELATIONS:
        setting = Setting(LOOKS[-1], rho, contrasts=FAMILY)
        yield family_looks_row(setting, at_looks(setting, max(1, studies // 5), seed))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the tables to standard output."""
    parser = argparse.ArgumentParser(prog="python tests/simulation.py", description=main.__doc__)
    parser.add_argument("--studies", type=int, default=10_000, help="simulated studies for each row")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    for line in tables(chosen.studies, chosen.seed):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _share(happened: BoolArray | np.bool_) -> float:
    return float(np.mean(happened))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _head(*names: str) -> tuple[str, str]:
    return _row(*names), _row(*("---:" for _ in names))


if __name__ == "__main__":
    main()
