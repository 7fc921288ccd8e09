"""`vggsearch table` and `run --executor replay`, as a person types them."""

import json
from dataclasses import replace

import pytest
import yaml
from small_studies import conditions
from synthetic_table import SMALL, synthetic_table, table_study

from vggsearch.cli import main
from vggsearch.store import Store
from vggsearch.study import Session, parse_study, run_study
from vggsearch.tables import load_table, write_table
from vggsearch.testing.fake import FakeExecutor

SEARCH = {
    "data": {"name": "fashion-mnist"},
    "space": SMALL,
    "recipe": "fast",
    "budget": {"steps": 360},
    "strategy": "model",
    "trials": 12,
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_is_built_from_a_store_shown_and_replayed(place, capsys):
    source = table_study(SMALL).source
    study = parse_study(source, place / "a-table.yaml")
    study.path.write_text(source)
    store = Store.open(place / "store", create=True)
    short = parse_study(source.replace("seeds: 2", "seeds: 1"), study.path)
    made = conditions(study)
    named = replace(made, data_key=made.data_key.model_copy(update={"name": "fashion-mnist"}))
    run_study(short, Session(store, FakeExecutor(2), named))
    arguments = ["table", "build", "a-table.yaml", "--store", "store", "--no-train"]
    assert main(arguments) == 0
    assert "240 runs of 80 networks at 3 budgets" in capsys.readouterr().out
    table = load_table(place / "tables/a-table.csv.gz")
    assert table.header.study == source
    assert {row.seed for row in table.rows} == {0}

    assert main(["table", "show", "tables/a-table.csv.gz"]) == 0
    out = capsys.readouterr().out
    assert "rank correlations between budgets" in out
    assert "Rank correlation (Spearman) of short runs with 360 steps" in out
    assert main(["table", "show", "tables/a-table.csv.gz", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs by budget"][2]["runs"] == 80

    (place / "search.yaml").write_text(yaml.safe_dump(SEARCH))
    assert main(["run", "search.yaml", "--executor", "replay", "--table", "tables/a-table.csv.gz"]) == 0
    out = capsys.readouterr().out
    assert "runs of table a-table, in " in out
    assert "finalists are left out: a table has no test results" in out
    assert not (place / ".vggsearch").exists()


def test_a_replay_writes_a_report_that_shows_short_runs_apart(place, capsys):
    write_table(synthetic_table(table_study(SMALL)), place / "t.csv.gz")
    (place / "search.yaml").write_text(yaml.safe_dump(SEARCH))
    assert main(["run", "search.yaml", "--executor", "replay", "--table", "t.csv.gz", "--report"]) == 0
    assert "report: vggsearch-reports/search-replay/index.html" in capsys.readouterr().out
    page = (place / "vggsearch-reports/search-replay/report.md").read_text()
    assert "## Short runs and full ones" in page
    assert "| 40 steps | 27 |" in page
    assert "## What the surrogate believed" in page
    assert "Short runs are not ranked with full ones" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--executor", "replay"], "--executor replay and --table FILE go together: give both, or neither"),
        (["--table", "t.csv.gz"], "--executor replay and --table FILE go together: give both, or neither"),
        (["--executor", "replay", "--table", "absent"], "absent: no such table: write it with"),
        (["--executor", "replay", "--table", "other.csv.gz"], "recipe: table synthetic has another recipe"),
        (["--executor", "replay", "--table", "search.yaml"], "a table must be whole and unchanged"),
    ],
)
def test_a_mistake_is_one_line(place, capsys, arguments, message):
    table = synthetic_table(table_study(SMALL))
    write_table(table, place / "t.csv.gz")
    recipe = table.header.recipe.model_copy(update={"lr": 0.01})
    write_table(
        replace(table, header=table.header.model_copy(update={"recipe": recipe})), place / "other.csv.gz"
    )
    (place / "search.yaml").write_text(yaml.safe_dump(SEARCH))
    assert main(["run", "search.yaml", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
