"""What nets get wrong: in reports of searches and ablations, with predictions and without."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic_ablation
import synthetic_study
from pages import Page, content
from predicted import answered, with_classes, with_predictions

from vggsearch.analysis import class_effects
from vggsearch.data import load_test_images
from vggsearch.errors import StoreError
from vggsearch.report import with_pictures, write_report
from vggsearch.report.ablation.ablation_findings import find_ablation
from vggsearch.report.ablation.mistakes import arm_answers, in_words
from vggsearch.report.document import Drawing, Figures, Paragraph, Table
from vggsearch.report.figures import theme
from vggsearch.report.search.mistakes import finalist_answers, mistakes_section
from vggsearch.report.search.search_findings import find_search
from vggsearch.study import KeptImages, StudyResults

COMMAND = "vggsearch report --from reports/x"
LABELS = np.arange(600) % 10
NAMES = tuple("abcdefghij")


def pictures(results: StudyResults) -> StudyResults:
    """The results with class names, and noise for pictures of the mistakes that are shown."""
    wanted = finalist_answers(find_search(results)).mistakes(best_of(results))["image"].tolist()
    pixels = np.random.default_rng(0).integers(0, 256, (len(wanted), 1, 28, 28), dtype=np.uint8)
    return replace(results, images=KeptImages.of(NAMES, wanted, pixels))


def best_of(results: StudyResults) -> str:
    return find_search(results).finalists["architecture"].iloc[0]


def page_of(folder: Path) -> str:
    return (folder / "index.html").read_text().replace("\u00a0", " ")


@pytest.fixture(scope="module")
def searched():
    made = synthetic_study.quickstart(12, curves=False, finalists=3, seeds=4)
    return pictures(with_predictions(made, LABELS))


@pytest.fixture(scope="module")
def search_folder(searched, tmp_path_factory):
    folder = tmp_path_factory.mktemp("search") / "x"
    write_report(searched, folder, command=COMMAND)
    return folder


@pytest.fixture(scope="module")
def ablated():
    labels = np.arange(synthetic_ablation.TEST_IMAGES) % 10
    text = synthetic_ablation.source("contrasts: [drop-in, iso-params]\nprimary: drop-in\n")
    maker = synthetic_ablation.Maker(text, truth={"drop-in": 0.02}, curves=False).register().pair(10)
    return with_predictions(maker.results(), labels)


@pytest.fixture(scope="module")
def ablation_folder(ablated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablation") / "x"
    write_report(ablated, folder, command=COMMAND)
    return folder


def finalist_runs(results: StudyResults, architecture: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """True and predicted classes of a finalist's runs."""
    digests = [
        one.run for one in results.trials if one.stage == "finalists" and one.architecture == architecture
    ]
    return [results.runs[digest].test_classes() for digest in digests]


class TestSearch:
    def test_class_accuracies_are_those_of_the_records(self, searched, search_folder):
        best = best_of(searched)
        runs = finalist_runs(searched, best)
        by_run = pd.DataFrame([pd.Series(true == said).groupby(true).mean() for true, said in runs])
        table = pd.read_csv(search_folder / "tables" / "class_accuracy.csv").query("arm == @best")
        assert table["name"].tolist() == list(NAMES)
        assert table["mean"].tolist() == pytest.approx(by_run.mean().tolist(), rel=1e-5)
        assert table["sd"].tolist() == pytest.approx(by_run.std().tolist(), rel=1e-5, abs=1e-6)
        assert table["n"].tolist() == [4] * 10

    def test_the_matrix_is_a_cross_tabulation(self, searched, search_folder):
        runs = finalist_runs(searched, best_of(searched))
        theirs = sum(pd.crosstab(true, said, normalize="index") for true, said in runs) / len(runs)
        table = pd.read_csv(search_folder / "tables" / "figure_confusion.csv")
        ours = table["share"].to_numpy().reshape(10, 10)
        assert np.allclose(ours, theirs.reindex(columns=range(10), fill_value=0), atol=1e-6)

    def test_the_surest_mistakes_are_those_of_the_records(self, searched, search_folder):
        table = pd.read_csv(search_folder / "tables" / "figure_mistakes.csv")
        best = best_of(searched)
        digests = {
            one.run for one in searched.trials if one.stage == "finalists" and one.architecture == best
        }
        told = Counter()
        for digest in digests:
            for one in searched.runs[digest].test_predictions.surest:
                told[one.image] = max(told[one.image], one.probability)
        most = sorted(told.values(), reverse=True)[:12]
        assert table["probability"].tolist() == pytest.approx(most)
        assert (table["true"] == LABELS[table["image"]]).all()
        assert (table["true"] != table["predicted"]).all()
        for row in table.itertuples():
            agreeing = sum(said[row.image] == row.predicted for _, said in finalist_runs(searched, best))
            assert (row.agreeing, row.runs) == (agreeing, 4)

    def test_the_page_says_so(self, search_folder):
        text = page_of(search_folder)
        page = Page(text)
        assert page.open == []
        assert page.loads == []
        assert "What they get wrong" in text
        assert re.search(r"is most often wrong about a: it names \d\d\.\d\d % of 60 images rightly \(", text)
        for name in ("class_accuracy", "confusion", "mistakes"):
            assert f'id="figure-{name}"' in text
            assert (search_folder / "figures" / f"{name}.svg").exists()

    def test_true_classes_are_kept_once(self, searched, search_folder):
        labels = next(run.test_predictions.labels for run in searched.runs.values() if run.test_predictions)
        assert labels not in (search_folder / "data" / "runs.jsonl").read_text()
        assert json.loads((search_folder / "data" / "images.json").read_text())["labels"] == labels

    def test_its_data_make_the_same_bytes_again_without_a_test_image(
        self, searched, search_folder, tmp_path, monkeypatch
    ):
        monkeypatch.setattr("vggsearch.report.shared.pictures.read_test_pictures", closed)
        again = StudyResults.read(search_folder / "data")
        assert again.runs == searched.runs
        write_report(again, tmp_path / "again", command=COMMAND)
        assert content(tmp_path / "again") == content(search_folder)


def closed(*_: object, **__: object) -> None:
    raise AssertionError("the test images were opened")


def test_without_predictions_nothing_is_said_and_nothing_opened(written, results, monkeypatch):
    monkeypatch.setattr("vggsearch.report.shared.pictures.read_test_pictures", closed)
    assert with_pictures(results) is results
    assert "What they get wrong" not in page_of(written[0])
    assert not (written[0] / "data" / "images.json").exists()
    assert "images" not in json.loads((written[0] / "data" / "study.json").read_text())


def blocks_of(results: StudyResults) -> tuple[str, list[Drawing], list[Table]]:
    """The section of a search: its text, figures and tables."""
    findings = find_search(results)
    with theme():
        blocks = mistakes_section(findings, finalist_answers(findings)).blocks
    spans = [span for block in blocks if isinstance(block, Paragraph) for span in block.spans]
    text = " ".join(span if isinstance(span, str) else span.text for span in spans).replace("\u00a0", " ")
    drawings = [one for block in blocks if isinstance(block, Figures) for one in block.drawings]
    return text, drawings, [block for block in blocks if isinstance(block, Table)]


def test_runs_from_before_and_of_other_images_are_counted(searched, tmp_path):
    tested = [digest for digest, run in searched.runs.items() if run.test_predictions is not None]
    old = searched.runs[tested[0]].model_copy(update={"test_predictions": None})
    other = answered(searched.runs[tested[1]], (LABELS + 1) % 10, seed=9)
    mixed = replace(searched, runs={**searched.runs, tested[0]: old, tested[1]: other}, images=None)
    text, _, _ = blocks_of(mixed)
    assert "1 tested run is not counted here: it was made before the predicted classes" in text
    assert "1 run is not counted here: it was tested on other images." in text
    mixed.write(tmp_path / "data")
    again = StudyResults.read(tmp_path / "data")
    assert again.runs == mixed.runs
    again.write(tmp_path / "again")
    assert content(tmp_path / "again") == content(tmp_path / "data")


def test_a_net_without_predictions_is_not_called_the_best(searched):
    best = best_of(searched)
    without = {
        digest: run.model_copy(update={"test_predictions": None}) if run.key.architecture == best else run
        for digest, run in searched.runs.items()
    }
    text, _, _ = blocks_of(replace(searched, runs=without))
    assert text.startswith("The best finalist on validation of which predictions are kept, net ")
    assert best not in text
    assert "4 tested runs are not counted here: they were made before" in text


def test_an_earlier_report_s_pictures_do_not_stay(searched, results, tmp_path):
    searched.write(tmp_path)
    results.write(tmp_path)
    assert not (tmp_path / "images.json").exists()


def test_without_pictures_the_mistakes_are_a_table(searched):
    absent = replace(searched, images=KeptImages(absent="There are no pictures of these images."))
    text, drawings, tables = blocks_of(absent)
    assert "There are no pictures of these images." in text
    assert "is most often wrong about 0: it names" in text  # without names, numbers
    assert [one.name for one in drawings] == ["class_accuracy", "confusion"]
    assert [one.name for one in tables] == ["class_accuracy", "mistakes"]


@pytest.mark.parametrize(("classes", "matrix"), [(2, True), (20, True), (21, False), (100, False)])
def test_many_classes_have_a_table_of_pairs_in_place_of_a_matrix(classes, matrix):
    made = with_classes(synthetic_study.quickstart(12, curves=False, finalists=1, seeds=2), classes)
    found = with_predictions(made, np.arange(1000) % classes)
    _, drawings, tables = blocks_of(found)
    assert ("confusion" in {one.name for one in drawings}) is matrix
    assert ("confused" in {one.name for one in tables}) is not matrix
    if not matrix:
        table = next(one for one in tables if one.name == "confused").data
        shares = finalist_answers(find_search(found)).shares(best_of(found))
        np.fill_diagonal(shares, 0)
        assert table["share"].tolist() == np.sort(shares, axis=None)[::-1][:20].tolist()


def test_too_many_classes_are_not_listed():
    made = with_classes(synthetic_study.quickstart(12, curves=False, finalists=1, seeds=1), 1001)
    text, drawings, tables = blocks_of(with_predictions(made, np.arange(600)))
    assert text == "1 001 classes are too many to list: at most 1 000 are."
    assert drawings == tables == []


def test_names_of_classes_cannot_write_into_the_page(searched, tmp_path):
    names = ("<script>alert(1)</script>", "$x_1$", "a" * 200, "=1+1", "\u202eabc", "\n|", *NAMES[6:])
    hostile = replace(searched, images=searched.images.model_copy(update={"classes": names}))
    write_report(hostile, tmp_path / "x", command=COMMAND)
    page = Page(page_of(tmp_path / "x"))
    assert page.open == []
    assert page_of(tmp_path / "x").count("<script") == 1
    assert "\u202e" not in page_of(tmp_path / "x")
    assert "'=1+1" in (tmp_path / "x" / "tables" / "class_accuracy.csv").read_text()


class TestAblation:
    def test_differences_are_those_of_the_pairs(self, ablated, ablation_folder):
        found = find_ablation(ablated)
        answers = arm_answers(found)
        table = pd.read_csv(ablation_folder / "tables" / "class_effects.csv")
        for finding in found.effects:
            own = table[table["contrast"] == finding.contrast.name]
            theirs = class_effects(answers.frame, finding.contrast)
            assert own["mean"].tolist() == pytest.approx(theirs["mean"].tolist(), rel=1e-4)
            # Classes are of about the same size, so that their differences average to that of all images.
            assert own["mean"].mean() == pytest.approx(finding.mean, abs=2e-4)

    def test_the_page_says_what_is_exploratory(self, ablation_folder):
        text = page_of(ablation_folder)
        assert "What the arms get wrong" in text
        assert "It is exploratory: the plan says nothing of classes, and no verdict rests on them." in text
        for name in ("class_effects", "confusion"):
            assert f'id="figure-{name}"' in text
        assert "The data of this report hold no pictures of test images." in text

    def test_every_arm_is_in_the_csv_file(self, ablated, ablation_folder):
        table = pd.read_csv(ablation_folder / "tables" / "class_accuracy.csv")
        assert set(table["arm"]) == {arm.name for arm in ablated.plans[-1].plan.arms}

    def test_its_data_make_the_same_bytes_again(self, ablation_folder, tmp_path):
        write_report(StudyResults.read(ablation_folder / "data"), tmp_path / "again", command=COMMAND)
        assert content(tmp_path / "again") == content(ablation_folder)

    def test_the_report_stays_small(self, ablation_folder):
        assert sum(map(len, content(ablation_folder).values())) < 5_000_000


def effects_of(n: int, means: list[float], p_holm: list[float]) -> pd.DataFrame:
    shown = [n >= 6 and p <= 0.05 for p in p_holm]
    names = [f"c{i}" for i in range(len(means))]
    return pd.DataFrame({"name": names, "n": n, "mean": means, "p_holm": p_holm, "shown": shown})


@pytest.mark.parametrize(
    ("n", "p_holm", "says"),
    [
        (1, [0.0, 0.0], "1 pair can show no difference in any class; that takes at least 6."),
        (5, [0.0, 0.0], "5 pairs can show no difference in any class; that takes at least 6."),
        (
            6,
            [0.06] * 10,
            "6 pairs can show no difference in any class after Holm's correction over 10 classes; that takes "
            "9.",
        ),
        (9, [0.01] * 10, "c8 (−1.00 pp), c9 (−1.00 pp)."),
        (9, [0.01] * 12, "c9 (−1.00 pp) and 2 more."),
        (9, [0.06] * 10, "9 pairs show a difference in no class. That does not mean that there is none."),
        (
            9,
            [0.01] + [0.06] * 9,
            "9 pairs show a difference in 1 of them: c0 (−1.00 pp). In the other 9 none is shown",
        ),
    ],
)
def test_words_are_no_stronger_than_the_numbers(n, p_holm, says):
    words = in_words(effects_of(n, [-0.01] * len(p_holm), p_holm), 0.05).replace("\u00a0", " ")
    assert says in words
    assert ("c0" in words) == (n >= 9 and min(p_holm) <= 0.05)


@pytest.fixture(scope="module")
def real(fashion_mnist_dir):
    """A study that never was, tested on the real test images."""
    images = load_test_images("fashion-mnist", data_dir=fashion_mnist_dir)
    made = synthetic_study.quickstart(12, curves=False, finalists=1, seeds=2)
    return with_predictions(made, images.labels.numpy()), images.images.numpy()


class TestPictures:
    def test_they_are_the_images_that_were_got_wrong(self, real, fashion_mnist_dir):
        results, images = real
        kept = with_pictures(results, data_dir=fashion_mnist_dir).images
        assert kept.classes[0] == "T-shirt/top"
        assert len(kept.pictures) == 12
        for one in kept.pictures:
            assert (kept.pixels(one.image) == images[one.image]).all()
        assert KeptImages.model_validate_json(kept.model_dump_json()) == kept

    def test_other_test_images_than_those_of_the_runs_are_not_shown(self, fashion_mnist_dir):
        other = with_predictions(synthetic_study.quickstart(12, curves=False, finalists=1, seeds=2), LABELS)
        kept = with_pictures(other, data_dir=fashion_mnist_dir).images
        assert kept.pictures == ()
        assert "absent, or others than those of the runs" in kept.absent

    def test_where_there_are_no_data_there_are_names_at_most(self, real, tmp_path, monkeypatch):
        results, _ = real
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setattr("vggsearch.data.locations.SYSTEM_DIR", tmp_path)
        kept = with_pictures(results).images
        assert (kept.pictures, len(kept.classes)) == ((), 10)
        assert str(tmp_path) not in kept.absent


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": [1, 65, 1]}, "sides from 1 to 64"),
        ({"shape": [2, 28, 28]}, "1 or 3 channels"),
        ({"shape": [1, -28, -28]}, "sides from 1 to 64"),
        ({"pictures": [{"image": 0, "pixels": "AAAA"}]}, "another number of pixels"),
        ({"pictures": [{"image": 0, "pixels": "A" * 20_000}]}, "at most 16384 characters"),
        ({"pictures": [{"image": -1, "pixels": ""}]}, "greater than or equal to 0"),
        ({"classes": ["x"] * 1001}, "at most 1000 items"),
        ({"labels": None}, None),
        ({"labels": "AAAA"}, "labels: 3 bytes do not hold 600 classes"),
        ({"labels": "not base64!"}, "images.json"),
        ({"more": 1}, "Extra inputs are not permitted"),
    ],
)
def test_images_that_cannot_be_are_one_line(search_folder, tmp_path, changes, message):
    data = tmp_path / "data"
    data.mkdir()
    for name, text in content(search_folder / "data").items():
        (data / name).write_bytes(text)
    found = json.loads((data / "images.json").read_text())
    (data / "images.json").write_text(json.dumps(found | changes))
    if message is None:
        assert finalist_answers(find_search(StudyResults.read(data))) is None
        return
    with pytest.raises(StoreError, match=re.escape(message)) as caught:
        StudyResults.read(data)
    assert "\n" not in str(caught.value)
    (data / "images.json").unlink()
    with pytest.raises(StoreError, match=r"images\.json: .* absent"):
        StudyResults.read(data)
