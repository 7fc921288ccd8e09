"""The surrogate and the expected improvements, against the same quantities computed in another way."""

import numpy as np
import pytest
from scipy import stats
from synthetic_table import SPACE, search_study, synthetic_table

from vggsearch.arch import FASHION_MNIST
from vggsearch.costs import cost
from vggsearch.space import members_of
from vggsearch.study.search.features import Features
from vggsearch.study.search.improvement import expected_hypervolume, expected_improvement
from vggsearch.study.search.order import best_first
from vggsearch.study.search.surrogate import MEANS, Data, Surrogate

RNG = np.random.default_rng(0)


def test_expected_improvement_is_the_mean_of_drawn_improvements():
    draws = 0.7 + 0.1 * RNG.normal(size=400_000)
    found = expected_improvement(np.array([0.7]), np.array([0.1]), 0.75)
    assert found[0] == pytest.approx(np.maximum(draws - 0.75, 0).mean(), rel=0.02)


@pytest.mark.parametrize("costs", [1, 2])
@pytest.mark.parametrize("points", [0, 1, 6])
def test_expected_hypervolume_is_the_mean_of_drawn_gains_of_volume(costs, points):
    import moocore

    front = np.column_stack([RNG.uniform(0.5, 0.9, points), -RNG.uniform(5, 7, (points, costs))])
    reference = np.array([0.4] + [-7.5] * costs)
    own = -RNG.uniform(5, 7, (1, costs))
    mean, spread = 0.72, 0.08

    def volume(rows):
        return float(moocore.hypervolume(rows, ref=reference, maximise=True)) if len(rows) else 0.0

    draws = mean + spread * RNG.normal(size=4000)
    gains = [volume(np.vstack([front, np.r_[one, own[0]]])) - volume(front) for one in draws]
    found = expected_hypervolume(np.array([mean]), np.array([spread]), own, front, reference)
    assert found[0] == pytest.approx(np.mean(gains), abs=4 * np.std(gains) / len(gains) ** 0.5)


def observed(n_short, n_full, seed=0):
    """Members of a table, some with short runs, the last of them with full ones, too."""
    table = synthetic_table(correlation=0.6)
    space = search_study().space(FASHION_MNIST)
    members = members_of(space, 10_000, 0)
    features = Features(members)
    order = np.random.default_rng(seed).permutation(len(members))
    rows = np.concatenate([order[:n_short], order[n_short - n_full : n_short]])
    rung = np.repeat([0, 1], [n_short, n_full])
    texts = [str(members.architecture(int(row))) for row in rows]
    accuracy = np.array(
        [
            table.query(text, "360steps" if full else "40steps", 0).val_accuracy
            for text, full in zip(texts, rung, strict=True)
        ]
    )
    number = {row: i for i, row in enumerate(dict.fromkeys(rows.tolist()))}
    main = features.main(members)
    data = Data(main[rows], features.pairs(main[rows]), rung, np.array([number[r] for r in rows.tolist()]), 1)
    truth = np.array(
        [table.query(str(members.architecture(i)), seed=1).val_accuracy for i in range(len(members))]
    )
    return members, features, main, data, accuracy, number, truth


def test_the_surrogate_is_the_gaussian_process_that_its_head_writes_down():
    _, features, main, data, accuracy, *_ = observed(30, 10)
    scales = np.log(np.array([0.4, 0.2, 0.3, 0.5, 0.6, 0.3]))
    surrogate = Surrogate(data, accuracy, scales)
    tau, noise = np.exp(2 * scales[:4]), np.exp(2 * scales[4:])

    def kernel(a, b):
        same_rung = a.rung[:, None] == b.rung[None]
        both_short = (a.rung[:, None] < 1) & (b.rung[None] < 1)
        linear = a.main @ b.main.T
        return (
            MEANS**2 * same_rung
            + tau[0] * linear
            + tau[1] * a.pairs @ b.pairs.T
            + tau[2] * both_short * linear
            + tau[3] * (a.member[:, None] == b.member[None])
        )

    gram = kernel(data, data) + np.diag(np.where(data.rung < 1, *noise))
    new = main[:7]
    asked = Data(new, features.pairs(new), np.ones(7, dtype=int), np.full(7, -1), 1)
    across = kernel(asked, data)
    mean = across @ np.linalg.solve(gram, surrogate._y)
    variance = np.diag(kernel(asked, asked) - across @ np.linalg.solve(gram, across.T))
    found_mean, found_spread = surrogate.predict(asked.main, asked.pairs, asked.member)
    assert np.allclose(found_mean, mean, atol=1e-3)
    assert np.allclose(found_spread**2, variance, rtol=1e-2)


def test_short_runs_help_to_predict_full_ones():
    def rank_correlation(n_short):
        _, features, main, data, accuracy, _, truth = observed(n_short, 15)
        surrogate = Surrogate(data, accuracy)
        means = features.weighted(main, *surrogate.weights)
        return stats.spearmanr(means, truth).statistic

    assert rank_correlation(150) > rank_correlation(15)
    assert rank_correlation(150) > 0.6


def test_the_fast_mean_is_the_mean():
    members, features, main, data, accuracy, _, _ = observed(40, 20)
    surrogate = Surrogate(data, accuracy)
    unseen = np.full(len(members), -1)
    mean = surrogate.predict(main, features.pairs(main), unseen)[0]
    fast = features.weighted(main, *surrogate.weights)
    assert np.allclose(mean - mean[0], fast - fast[0])


def test_arrays_of_members_agree_with_their_architectures():
    space = search_study().space(FASHION_MNIST)
    for most in (10_000, 50):
        members = members_of(space, most, 3)
        for row in (0, len(members) // 2, len(members) - 1):
            net = members.architecture(row)
            assert members.row(net) == row
            assert members.costs["macs"][row] == cost(net, FASHION_MNIST).macs
            assert members.levels["blocks"][row] == len(net.blocks)
            assert members.levels["kernel_2"][row] == net.blocks[1].kernel_sizes[0]
            assert members.levels["channels_1"][row] == net.blocks[0].channels
    assert len(members_of(space, 50, 3)) <= 50 < len(SPACE) + 640


def test_an_epsilon_net_covers_a_front_before_it_fills_it():
    front = np.column_stack([np.linspace(0, 1, 9), 1 - np.linspace(0, 1, 9)])
    behind = front - 0.5
    order = best_first(np.vstack([behind, front]))
    assert order[:3] == [17, 9, 13]  # the most accurate, the other end, the middle
    assert set(order[:9]) == set(range(9, 18))
