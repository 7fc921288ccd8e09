"""How often the verdicts are wrong where the truth is known: the figures of docs/statistics.md again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulated_looks import stopped
from simulation import (
    ALPHA,
    MARGIN,
    Setting,
    crossed_coverage,
    family_row,
    main,
    outcomes,
    simulate,
    single_row,
    values,
)

from vggsearch.analysis import Verdict, effects
from vggsearch.analysis.power import power_of_difference, power_of_equivalence
from vggsearch.analysis.sign_flip import sign_flip_p
from vggsearch.designs import Contrast

DOCUMENT = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text()
STUDIES = 10_000
"""As in the document, so that rows can be compared with it; shares are right to 0.002 (standard error)."""


def as_pairs(y):
    """One study's values [arms, pairs] as the table that `effects` reads."""
    rows = [(f"arm {a}", i, y[a, i]) for a in range(y.shape[0]) for i in range(y.shape[1])]
    return pd.DataFrame(rows, columns=["arm", "pair", "test_accuracy"])


@pytest.mark.parametrize(("n", "contrasts"), [(5, 2), (6, 1), (10, 7), (20, 7)])
def test_what_is_simulated_is_what_the_package_says(n, contrasts):
    setting = Setting(n, 0.5, effect=0.002, contrasts=contrasts)
    y = values(setting, 3, setting.rng(1))
    many = outcomes(setting, y)
    named = [Contrast(f"{c}", {"arm 0": 1.0, f"arm {c}": -1.0}, "a", "b") for c in range(1, 1 + contrasts)]
    for study in range(3):
        table = effects(as_pairs(y[study]), named, alpha=ALPHA, margin=MARGIN)
        assert table["p_holm"].tolist() == many.p_holm[study].tolist()
        assert table["p_tost_holm"].tolist() == pytest.approx(many.p_tost_holm[study].tolist())
        assert table["verdict"].tolist() == many.verdicts[study].tolist()
        inside = (table["low"] <= 0.002) & (table["high"] >= 0.002)
        assert inside.tolist() == many.covered[study].tolist()


def test_arms_are_correlated_and_apart_as_the_setting_says():
    setting = Setting(10, 0.5, effect=0.003)
    y = values(setting, STUDIES, setting.rng(2))
    a, b = y[:, 0].ravel(), y[:, 1].ravel()
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(0.5, abs=0.01)
    assert (a - b).mean() == pytest.approx(0.003, abs=4e-5)
    assert (a - b).std() == pytest.approx(setting.sd, rel=0.01)


@pytest.mark.parametrize(("n", "rho"), [(6, 0.0), (6, 0.5), (10, 0.0), (10, 0.5)])
def test_without_a_true_difference(n, rho):
    found = simulate(Setting(n, rho), STUDIES, 0)
    assert found.found.mean() <= ALPHA + 0.005
    assert found.decided.mean() <= found.found.mean()
    assert found.covered.mean() == pytest.approx(0.95, abs=0.015)
    planned = power_of_equivalence(0, found.setting.sd, n, ALPHA, MARGIN)
    assert found.which(Verdict.EQUIVALENT).mean() == pytest.approx(planned, abs=0.015)
    assert single_row(found) in DOCUMENT


@pytest.mark.parametrize(("n", "rho"), [(6, 0.0), (6, 0.5), (10, 0.0), (10, 0.5)])
def test_with_a_true_difference_of_the_margin(n, rho):
    found = simulate(Setting(n, rho, MARGIN), STUDIES, 0)
    assert found.which(Verdict.EQUIVALENT).mean() <= ALPHA + 0.005
    assert found.which(Verdict.REFUTED).mean() <= 0.001
    assert found.covered.mean() == pytest.approx(0.95, abs=0.015)
    planned = power_of_difference(MARGIN, found.setting.sd, n, ALPHA)
    if n == 6:
        # The sign-flip test's level is 2/64 there and not 0.05.
        assert planned - 0.2 < found.found.mean() < planned
    else:
        assert found.found.mean() == pytest.approx(planned, abs=0.015)
    assert single_row(found) in DOCUMENT


def test_six_pairs_find_something_where_there_is_nothing_as_often_as_all_agree():
    found = simulate(Setting(6, 0.0), STUDIES, 0).found.mean()
    assert found == pytest.approx(2 / 64, abs=4 * np.sqrt(2 / 64 * 62 / 64 / STUDIES))


def test_seven_contrasts_together_are_wrong_no_more_often_than_one():
    found = simulate(Setting(10, 0.5, contrasts=7), STUDIES, 0)
    assert found.found.any(axis=1).mean() <= ALPHA + 0.005
    assert found.decided.any(axis=1).mean() <= ALPHA + 0.005
    # The smallest p is multiplied by 7: without that they would be.
    assert (found.p_holm.min(axis=1) / 7 <= ALPHA).mean() > 3 * ALPHA
    assert family_row(found) in DOCUMENT


def test_the_interval_over_images_covers_about_what_it_says():
    assert crossed_coverage(10, 0.0028, 0.0014, 0.0, 400, 1) == pytest.approx(0.94, abs=0.04)


LOOKS = (6, 8, 10, 12)
"""Fewer pairs than in the document, which take seconds and not minutes."""


def looked(setting, studies=400):
    return stopped(values(setting, studies, setting.rng(0)), setting.effect, LOOKS, ALPHA, MARGIN)


@pytest.mark.parametrize(("contrasts", "studies"), [(1, 400), (3, 150)])
def test_looking_several_times_errs_no_more_often_than_looking_once(contrasts, studies):
    """With arms that vary too much for equivalence, so that no study stops early because of it."""
    setting = Setting(LOOKS[-1], 0.0, contrasts=contrasts)
    y = 0.93 + 4 * (values(setting, studies, setting.rng(0)) - 0.93)
    found = stopped(y, 0.0, LOOKS, ALPHA, MARGIN)
    assert found.pairs.mean() > LOOKS[-1] - 1
    slack = 2.5 * np.sqrt(ALPHA * (1 - ALPHA) / studies)
    assert found.found.any(axis=1).mean() <= ALPHA + slack
    assert found.decided.any(axis=1).mean() <= ALPHA + slack
    assert found.ever_missed[:, 0].mean() <= ALPHA + slack
    # Looking with the test of a single look would err much more often.
    d = y[:, 0] - y[:, 1]
    p = np.array([[sign_flip_p(study[:n]) for n in LOOKS] for study in d])
    assert (p <= ALPHA).any(axis=1).mean() > ALPHA + slack


def test_a_difference_of_the_margin_is_not_called_equivalent_more_often_at_looks():
    found = looked(Setting(LOOKS[-1], 0.5, MARGIN))
    assert found.which(Verdict.EQUIVALENT).mean() <= ALPHA + 0.02
    assert found.found.mean() > 0.9
    assert found.covered.mean() > 0.94
    assert found.pairs.mean() < LOOKS[-1] - 2


def test_looks_that_are_simulated_are_those_of_the_package():
    setting = Setting(LOOKS[-1], 0.5, effect=0.002, contrasts=3)
    y = values(setting, 4, setting.rng(3))
    many = stopped(y, setting.effect, LOOKS, ALPHA, MARGIN)
    named = [Contrast(f"{c}", {"arm 0": 1.0, f"arm {c}": -1.0}, "a", "b") for c in (1, 2, 3)]
    for study in range(4):
        pairs = as_pairs(y[study, :, : many.pairs[study]]).assign(pair=lambda runs: runs["pair"] + 1)
        table = effects(pairs, named, alpha=ALPHA, margin=MARGIN, looks=LOOKS)
        assert table["verdict"].tolist() == many.verdicts[study].tolist()
        assert (table["p_holm"] <= ALPHA).tolist() == many.found[study].tolist()
        inside = (table["low"] <= 0.002) & (table["high"] >= 0.002)
        assert inside.tolist() == many.covered[study].tolist()


def test_the_command_prints_the_rows_of_the_document(capsys):
    main(["--studies", "5", "--seed", "0"])
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    simulated = DOCUMENT.partition("## Simulated studies")[2]
    documented = [line for line in simulated.splitlines() if line.startswith("|")]
    settings = {11: 3, 6: 2, 5: 4, 10: 2, 7: 1}
    assert len(printed) == 42
    for mine, theirs in zip(printed, documented, strict=True):
        cells = mine.strip("|").split("|")
        same = slice(settings[len(cells)] if any(map(str.isdigit, mine)) else None)
        assert cells[same] == theirs.strip("|").split("|")[same]
    assert f"--studies {STUDIES} --seed 0" in DOCUMENT
