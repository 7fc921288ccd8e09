"""A whole report: what is in it, that it needs nothing else, and that it repeats."""

import io
import re
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import pandas as pd
import pytest
from pages import Page, content
from PIL import Image

from vggsearch.errors import StoreError
from vggsearch.report import write_report
from vggsearch.study.results import StudyResults

COMMAND = "vggsearch report studies/quickstart.yaml"
FIGURES = {
    "accuracy_macs",
    "accuracy_params",
    "accuracy_conv_params",
    "finalists",
    "anytime_best",
    "anytime_hypervolume",
    "kernel_pairs",
    "kernel_bins",
    "curves_budget",
    "curves_images",
    "budget",
}
TABLES = {"front", "finalists", "search_and_random", "outcomes", "trials", "provenance", "checklist"}


def test_every_figure_and_table_is_there_with_its_numbers(written):
    files = set(content(written[0]))
    assert {f"figures/{name}.{suffix}" for name in FIGURES for suffix in ("svg", "png")} <= files
    assert {f"tables/figure_{name}.csv" for name in FIGURES} <= files
    assert {f"tables/{name}.csv" for name in TABLES} <= files
    assert {
        "tables/front.tex",
        "tables/finalists.tex",
        "tables/outcomes.tex",
        "index.html",
        "report.md",
    } <= files
    assert {"data/study.yaml", "data/runs.jsonl", "data/trials.jsonl"} <= files


def test_the_report_is_small(written):
    assert sum(map(len, content(written[0]).values())) < 5_000_000


def test_the_page_loads_nothing_and_runs_only_its_own_script(written):
    text = (written[0] / "index.html").read_text()
    page = Page(text)
    assert page.open == []
    assert page.loads == []
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\((?!#)", text)
    assert len(re.findall("<script", text)) == 1


def test_every_link_of_the_page_leads_somewhere(written):
    folder, _ = written
    page = Page((folder / "index.html").read_text())
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert link[1:] in page.ids if link.startswith("#") else (folder / link).exists(), link


def test_every_link_of_the_markdown_leads_somewhere(written):
    folder, _ = written
    links = re.findall(r"\]\(([^)]+)\)", (folder / "report.md").read_text())
    assert len(links) > len(FIGURES)
    for link in links:
        assert (folder / link).exists(), link


def test_the_data_beside_a_report_make_the_same_bytes_again_and_leave_matplotlib_alone(written, tmp_path):
    folder, _ = written
    before, backend = dict(mpl.rcParams), mpl.get_backend()
    write_report(StudyResults.read(folder / "data"), tmp_path / "again", command=COMMAND)
    assert (dict(mpl.rcParams), mpl.get_backend()) == (before, backend)
    first, second = content(folder), content(tmp_path / "again")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_figures_carry_no_date_and_no_version(written):
    for path in sorted((written[0] / "figures").iterdir()):
        if path.suffix == ".svg":
            root = ElementTree.fromstring(path.read_text())
            assert not re.search(r"<dc:date>|<dc:title>Matplotlib|Matplotlib v", path.read_text())
            assert root.get("viewBox")
        else:
            with Image.open(path) as image:
                assert image.info.keys() <= {"dpi", "gamma"}
                assert image.size[0] > 600


def test_the_summary_is_four_lines(written):
    folder, summary = written
    best, cheapest, doubt, where = str(summary).splitlines()
    assert re.fullmatch(
        r"best: [\w+-]+: \d\d\.\d\d % validation, \d\d\.\d\d ± \d\.\d\d % test over 5 fresh seeds, "
        r"\S+ [kM] MACs, \S+ ?k? parameters",
        best.replace("\u00a0", " "),
    )
    assert cheapest.startswith("cheapest within 1 pp of the best: ")
    assert re.fullmatch(
        r"On 6 000 validation images an accuracy of \d\d\.\d\d % has a standard error of 0\.\d\d pp\. "
        r"\d+ other nets are within one standard error of the best\.",
        doubt,
    )
    assert where == f"report: {folder / 'index.html'}"


def test_the_numbers_of_the_page_are_those_of_the_records(written, results):
    text = (written[0] / "index.html").read_text().replace("\u00a0", " ")
    frame = results.frame()
    ranked = frame[frame["stage"].isin(["search", "baseline"]) & (frame["outcome"] == "completed")]
    best = ranked.loc[ranked["val_accuracy"].idxmax()]
    assert f"{100 * best['val_accuracy']:.2f} % validation accuracy" in text
    tests = frame.loc[
        (frame["stage"] == "finalists") & (frame["architecture"] == best["architecture"]), "test_accuracy"
    ]
    assert f"{100 * tests.mean():.2f} ± {100 * tests.std(ddof=1):.2f} %" in text


def test_the_trial_table_counts_every_trial_with_its_outcome(written, results):
    table = pd.read_csv(written[0] / "tables" / "trials.csv")
    assert (
        table["outcome"].value_counts().to_dict()
        == pd.Series([trial.outcome.value for trial in results.trials]).value_counts().to_dict()
    )
    outcomes = pd.read_csv(written[0] / "tables" / "outcomes.csv")
    assert outcomes["trials"].sum() == len(results.trials)


def test_pruned_runs_are_not_ranked(written, results):
    assert any(trial.outcome == "pruned" for trial in results.trials)
    pruned = {trial.architecture for trial in results.trials if trial.outcome == "pruned"}
    completed = {trial.architecture for trial in results.trials if trial.outcome == "completed"}
    for name in ("front", "figure_accuracy_macs"):
        table = pd.read_csv(written[0] / "tables" / f"{name}.csv")
        assert not set(table["architecture"]) & (pruned - completed)


def test_latex_tables_have_the_rules_of_booktabs(written):
    text = (written[0] / "tables" / "finalists.tex").read_text()
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert rule in text
    assert r"$\pm$" in text
    assert not re.search("[^\x00-\x7f]", text)


def test_what_an_earlier_report_left_is_removed_and_what_others_left_stays(results, tmp_path, written):
    for name in ("figures/old.svg", "tables/old.csv", "tables/notes.txt", "mine.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    summary = write_report(results, tmp_path, command=COMMAND)
    assert summary.path == tmp_path / "index.html"
    assert content(tmp_path).keys() - content(written[0]).keys() == {"tables/notes.txt", "mine.txt"}


def test_a_folder_that_cannot_be_written_is_one_line(results, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        StoreError, match=r"^report .*file.* cannot be written \(.*\): free space or .* another folder$"
    ):
        write_report(results, tmp_path / "file", command=COMMAND)


def test_a_png_shows_something(written):
    with Image.open(io.BytesIO((written[0] / "figures" / "accuracy_macs.png").read_bytes())) as image:
        assert len(image.convert("RGB").getcolors(10_000)) > 20
