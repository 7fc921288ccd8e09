"""Tables as files: written and read the same, damage found, questions answered or refused in one line."""

import gzip
import re

import numpy as np
import pandas as pd
import pytest
from synthetic_table import SMALL, search_study, synthetic_table, table_study

from vggsearch.errors import StoreError, StudyFileError, VggSearchError
from vggsearch.tables import describe_table, load_table, replay_study, table_sentences, write_table


@pytest.fixture(scope="module")
def table():
    return synthetic_table(table_study(SMALL))


@pytest.fixture
def path(table, tmp_path):
    path = tmp_path / "some.csv.gz"
    write_table(table, path)
    return path


def test_a_table_is_read_as_it_was_written(table, path):
    again = load_table(path)
    assert [row[:5] for row in again.rows] == [row[:5] for row in table.rows]
    assert np.allclose([row.total_s for row in again.rows], [row.total_s for row in table.rows], rtol=1e-5)
    before = path.read_bytes()
    write_table(again, path)
    assert path.read_bytes() == before
    assert len(pd.read_csv(path, comment="#")) == len(table.rows)


def test_it_answers_by_architecture_fidelity_and_seed(table):
    row = table.query(table.members[3], "120steps", 1)
    assert (row.architecture, row.budget.steps, row.seed) == (table.members[3], 120, 1)
    assert table.query(table.members[3]).budget == table.header.full
    for question, rule in (
        (("1x1+gap",), "table synthetic has 80 members, and '1x1+gap' is none of them"),
        ((table.members[0], "7steps"), "has runs of 40 steps, 120 steps, 360 steps, not 7 steps"),
        ((table.members[0], None, 9), "with seeds 0, 1, not 9"),
    ):
        with pytest.raises(VggSearchError, match=re.escape(rule)):
            table.query(*question)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace(b"completed", b"completes", 1), "its checksum does not match"),
        (lambda text: text[:-10], "its checksum does not match"),
        (lambda text: text.replace(b'"version":1', b'"version":2'), "version"),
        (lambda _: b"architecture,budget\n", "its first line is no header"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(path, change, reason):
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))
    with pytest.raises(StoreError, match=reason) as refused:
        load_table(path)
    assert "\n" not in str(refused.value)


def test_what_is_no_table_is_refused(tmp_path):
    (tmp_path / "x").write_text("no")
    with pytest.raises(StoreError, match="not whole gzip data"):
        load_table(tmp_path / "x")
    with pytest.raises(StoreError, match="no such table"):
        load_table(tmp_path / "absent")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"budget": {"steps": 90}}, "budget: table synthetic has runs of 40 steps, .* not 10 steps"),
        ({"space": SMALL | {"num_blocks": [3, 4]}}, "space: table synthetic has 80 members, and .* none"),
        ({"recipe": "d2l"}, "recipe: table synthetic has another recipe"),
        ({"data": {"name": "mnist"}}, "data: table synthetic is of fashion-mnist, not mnist"),
        ({"data": {"name": "fashion-mnist", "split_seed": 3}}, "data: table synthetic has another split"),
        ({"seed": 5}, "seed: table synthetic has .* with seeds 0, 1, not 5"),
    ],
)
def test_a_table_of_something_else_is_refused_in_one_line(table, changes, rule):
    with pytest.raises(StudyFileError, match=rule) as refused:
        replay_study(search_study(**({"space": SMALL} | changes)), table)
    assert "\n" not in str(refused.value)


def test_the_statistics_are_those_that_the_formula_has(table):
    found = describe_table(synthetic_table(correlation=0.6))
    noise = found.noise.set_index("amount")
    assert noise.loc[360, "sd_seed"] == pytest.approx(0.0035, rel=0.1)
    assert noise.loc[360, "sd_member"] == pytest.approx(0.015, rel=0.1)
    pairs = found.correlations.set_index(["low", "high"])
    # Short runs agree by 0.6 and 0.8, less the noise of both seeds: reliability 0.948 each.
    assert pairs.loc[(40, 360), "spearman"] == pytest.approx(0.6 * 0.948, abs=0.08)
    assert pairs.loc[(120, 360), "spearman"] == pytest.approx(0.8 * 0.948, abs=0.08)
    shares = found.shares.set_index("factor")["alone"]
    last = shares[["all factors", "their interactions", "seed"]]
    assert last.sum() == pytest.approx(1)
    assert last["seed"] == pytest.approx(0.052, abs=0.015)
    assert any("standard deviation" in line for line in table_sentences(table, found))
