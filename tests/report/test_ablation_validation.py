"""Reports of ablations that served to choose: everything in them is of validation images, and says so."""

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from pages import content
from small_studies import conduct, make_ablation
from synthetic_ablation import FACTORIAL, KERNELS, TEST_IMAGES, TRUTH, Maker, source

from vggsearch.report import summarize_results, write_report
from vggsearch.report.ablation.ablation_findings import find_ablation
from vggsearch.report.ablation.images import image_count, new_images
from vggsearch.report.ablation.page import ablation_report
from vggsearch.report.figures.style import theme
from vggsearch.runs.record import RunKey, RunRecord
from vggsearch.study import StudyResults
from vggsearch.testing.fake import FakeExecutor, artificial_record

COMMAND = "vggsearch report studies/x.yaml"
ON_VALIDATION = "evaluate_on: validation\n"
OPENED = re.compile(
    r"(?i)\btest[- ](?:accuracy|images?\b(?! opened by)|set\b(?! was not opened| is not opened))"
)
"""Words of a test set that was read; the provenance counts the runs that opened test images, here 0."""


def answered(key: RunKey, report: object, deadline_s: float) -> RunRecord:
    """The two parts disagree: on validation 5×5 kernels lose, and on the test set they win."""
    del report, deadline_s
    larger = "k5" in key.architecture
    noise = np.random.default_rng(int(key.digest[:8], 16)).normal(0, 0.001, size=2)
    test = 0.80 + 0.02 * larger + noise[1] if key.evaluate_on == "test" else None
    reached = {"val_accuracy": 0.9 - 0.01 * larger + noise[0], "test_accuracy": test}
    return artificial_record(key).model_copy(update=reached)


def texts(results: StudyResults, folder: Path) -> dict[str, str]:
    """Everything that is read of a report, by file; its data apart, and what all columns of any mean."""
    write_report(results, folder, command=COMMAND)
    return {
        name: data.decode().replace("\u00a0", " ")
        for name, data in content(folder).items()
        if not name.startswith(("data/", "tables/columns.")) and not name.endswith(".png")
    }


@pytest.fixture(scope="module", params=[KERNELS, FACTORIAL], ids=["kernels", "factorial"])
def results(request):
    """A whole ablation with answers to single images."""
    maker = Maker(source(request.param + ON_VALIDATION), truth=TRUTH)
    return maker.calibrate().register().tune().pair(7).results()


@pytest.fixture(scope="module")
def written(results, tmp_path_factory):
    return texts(results, tmp_path_factory.mktemp("reports") / "chosen")


@pytest.mark.parametrize("part", ["test", "validation"])
def test_effects_and_verdicts_are_of_the_images_that_the_file_names(tmp_path, monkeypatch, part):
    monkeypatch.setattr(os, "fsync", lambda _: None)
    executor = FakeExecutor(trainer=answered)
    study = make_ablation(contrasts=["drop-in"], primary="drop-in", seeds=8, evaluate_on=part)
    results = conduct(study, tmp_path, executor)
    reached = {
        (run.key.architecture, run.key.seed): getattr(run, study.part.column)
        for trial in results.trials
        if trial.stage == "pairs" and (run := results.runs[trial.run])
    }
    control, larger = "2x8-2x16+bn+gap", "2x8k5-2x16k5+bn+gap"
    expected = np.mean([reached[control, seed] - reached[larger, seed] for seed in range(1, 9)])
    (effect,) = find_ablation(results).effects
    assert (effect.n, effect.mean) == (8, pytest.approx(expected))
    assert str(effect.verdict) == {"test": "refuted", "validation": "supported"}[part]
    assert {key.evaluate_on for key in executor.submitted} == {part, "validation"}
    lines = summarize_results(results, Path("p")).lines
    assert f" of {part} accuracy (" in lines[0]
    assert (
        lines[1:]
        == {"test": (), "validation": ("judged on validation images: the test set is not opened",)}[part]
    )


def test_no_page_table_or_figure_speaks_of_a_test_set_that_was_read(written):
    for name, text in written.items():
        assert OPENED.search(text) is None, (name, OPENED.search(text))
    assert {Path(name).suffix for name in written} == {".html", ".md", ".svg", ".csv", ".tex"}


def test_the_words_that_are_looked_for_stand_in_a_report_on_the_test_set(tmp_path):
    written = texts(Maker(source()).register().tune().pair(2).results(), tmp_path / "tested")
    found = {name for name, text in written.items() if OPENED.search(text)}
    assert found >= {
        "index.html",
        "report.md",
        "tables/arms.tex",
        "tables/threats.csv",
        "tables/checklist.csv",
    }


def test_axes_name_the_validation_images(results):
    with theme():
        drawings = list(ablation_report(find_ablation(results), COMMAND).drawings())
    words = [text.get_text() for drawing in drawings for text in drawing.figure.findobj(Text)]
    words += [drawing.caption for drawing in drawings]
    assert not [text for text in words if OPENED.search(text)]
    assert any(text.endswith("in validation accuracy (pp)") for text in words)
    assert "Effect on validation accuracy (pp)" in words


def test_the_page_says_what_its_answer_is_good_for(written):
    header = written["index.html"].split("</header>")[0]
    assert (
        "This study served to choose: its pairs are judged on validation images, and the test set was"
        in header
    )
    assert "of validation accuracy (95 % interval" in header
    assert "This study served to choose" in written["report.md"]
    assert "validation images to judge the pairs on" in written["index.html"]


def test_tables_have_no_column_of_what_was_not_measured(written):
    for name in ("arms", "runs"):
        columns = written[f"tables/{name}.csv"].splitlines()[0].split(",")
        assert not [column for column in columns if column.startswith("test")]
        assert [column for column in columns if column.startswith("val_")]


def test_single_images_are_those_of_validation(results):
    found = find_ablation(results)
    assert image_count(found) == TEST_IMAGES
    over = new_images(found)
    assert set(over) == {effect.contrast.name for effect in found.effects}
    assert all(
        over[effect.contrast.name][0] < effect.mean < over[effect.contrast.name][1]
        for effect in found.effects
    )


def test_the_checklist_counts_a_run_that_was_tested_all_the_same(results, written, tmp_path):
    def protocol(text):
        table = pd.read_csv(text).set_index("practice")
        return table.loc["Same evaluation protocol for all methods", ["answer", "because"]].tolist()

    path = tmp_path / "checklist.csv"
    path.write_text(written["tables/checklist.csv"])
    assert protocol(path)[0] == "met"
    first = next(trial.run for trial in results.trials if trial.stage == "pairs")
    runs = {**results.runs, first: results.runs[first].model_copy(update={"test_accuracy": 0.5})}
    stray = StudyResults(results.study, results.trials, runs, plans=results.plans)
    with theme():
        (table,) = (
            one for one in ablation_report(find_ablation(stray), COMMAND).tables() if one.name == "checklist"
        )
    assert ("not met", "1 runs were tested, and the study says that the test set was not opened") in [
        tuple(row[-2:]) for row in table.rows
    ]
