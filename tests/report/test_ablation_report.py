"""A whole report of an ablation: what is in it, that its numbers are the analysis's, that it repeats."""

import re

import pandas as pd
import pytest
import synthetic_ablation
from pages import Page, content

from vggsearch.analysis.paired import differences, effects
from vggsearch.report import summarize_results, write_report
from vggsearch.report.ablation.ablation_findings import find_ablation
from vggsearch.report.ablation.images import image_count, new_images
from vggsearch.report.ablation.sentences import pp, pp_interval, sentence
from vggsearch.study import StudyResults
from vggsearch.study.ablation.frames import pairs_frame

COMMAND = "vggsearch report --from reports/kernel-size"
FIGURES = {
    "effects_by_seed",
    "rates_by_arm",
    "effects_by_rate",
    "learning_by_epoch",
    "learning_by_train_s",
    "price_macs",
    "price_train_s",
    "budget",
}
TABLES = {
    "effects",
    "arms_beside_control",
    "held_equal",
    "learning_rates",
    "price",
    "arms",
    "runs",
    "claim",
    "outcomes",
    "threats",
    "images",
    "provenance",
    "checklist",
}
SECTIONS = (
    "Effects",
    "Proof of change",
    "Learning rates",
    "Learning curves",
    "Cost beside effect",
    "Arms and runs",
    "What was claimed",
    "Pre-registration",
    "What is left out, and where the time went",
    "Threats to validity",
    "Two questions kept apart",
    "Provenance",
    "NAS best-practice checklist",
)


@pytest.fixture(scope="module")
def results():
    """Six kernel contrasts over ten pairs."""
    return synthetic_ablation.kernels()


@pytest.fixture(scope="module")
def written(results, tmp_path_factory):
    """Its report: the folder, and the summary."""
    folder = tmp_path_factory.mktemp("reports") / "kernel-size"
    return folder, write_report(results, folder, command=COMMAND)


@pytest.fixture(scope="module")
def page(written):
    """The page's text, spaces that do not break made plain."""
    return (written[0] / "index.html").read_text().replace("\u00a0", " ")


@pytest.fixture(scope="module")
def expected(results):
    """What the analysis says, by contrast."""
    plan = results.plans[-1].plan
    contrasts = [planned.contrast() for planned in plan.contrasts]
    table = effects(pairs_frame(results), contrasts, alpha=plan.alpha, margin=plan.margin)
    return table.set_index("contrast")


def test_every_figure_table_and_section_is_there(written, page):
    files = set(content(written[0]))
    assert {f"figures/{name}.{suffix}" for name in FIGURES for suffix in ("svg", "png")} <= files
    assert {f"tables/figure_{name}.csv" for name in FIGURES} <= files
    assert {f"tables/{name}.csv" for name in TABLES} <= files
    assert {f"tables/{name}.tex" for name in ("effects", "arms_beside_control", "arms", "images")} <= files
    assert tuple(re.findall("<h2>(.*?)</h2>", page)) == SECTIONS


def test_the_page_opens_with_the_sentence_of_each_contrast_the_primary_first(page, results):
    found = find_ablation(results)
    header = page.split("</header>")[0]
    paragraphs = re.findall(r'<p class="(verdict|finding)">(.*?)</p>', header, flags=re.DOTALL)
    assert [tone for tone, _ in paragraphs] == ["verdict", *["finding"] * 5]
    plain = [re.sub(r"</?strong>", "", text).strip() for _, text in paragraphs]
    assert plain == [str(sentence(found, effect)) for effect in found.effects]


def test_all_that_is_bold_in_the_answer_has_an_interval_off_zero(page, expected):
    found = {row.Index: row for row in expected.itertuples()}
    header = page.split("<dl")[0]
    bold = re.findall(r"<strong>(.*?)</strong>(.*?)</p>", header, flags=re.DOTALL)
    off_zero = [row for row in found.values() if (row.low > 0 or row.high < 0) and row.verdict.decides]
    assert len(bold) == len(off_zero) > 2
    for _, rest in bold:
        low, high = re.search(r"interval (\S+) to (\S+) pp", rest).groups()
        assert low[0] == high[0]


def test_the_numbers_of_the_table_are_the_analysis_own(written, expected):
    table = pd.read_csv(written[0] / "tables" / "effects.csv").set_index("contrast")
    assert set(table.index) == set(expected.index)
    for name in (
        "n",
        "left_out",
        "mean",
        "sd",
        "low",
        "high",
        "p",
        "p_holm",
        "p_tost_holm",
        "sigma",
        "rho",
        "mde",
    ):
        assert table[name].to_numpy() == pytest.approx(
            expected.loc[table.index, name].to_numpy(dtype=float), rel=1e-5
        )
    assert list(table["verdict"]) == [str(expected.loc[name, "verdict"]) for name in table.index]


def test_the_page_prints_them(page, expected):
    rows = re.search(r'id="table-effects">.*?<tbody>(.*?)</tbody>', page, flags=re.DOTALL)[1]
    for row in re.findall(r"<tr>(.*?)</tr>", rows, flags=re.DOTALL):
        cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
        effect = expected.loc[cells[0]]
        assert cells[1:5] == [
            str(effect["verdict"]),
            str(effect["n"]),
            pp(effect["mean"]).replace("\u00a0", " "),
            pp_interval(effect["low"], effect["high"]).replace("\u00a0", " "),
        ]


def test_the_dots_of_the_figure_are_the_paired_differences(written, results):
    drawn = pd.read_csv(written[0] / "tables" / "figure_effects_by_seed.csv")
    for planned in results.plans[-1].plan.contrasts:
        own = drawn[drawn["contrast"] == planned.name]
        values = differences(pairs_frame(results), planned.weights)
        assert list(own["pair"]) == list(values.index)
        assert own["difference"].to_numpy() == pytest.approx(
            values.to_numpy(), rel=1e-5
        )  # CSV files have six digits


def test_the_data_beside_a_report_make_the_same_bytes_again(written, tmp_path):
    folder, summary = written
    again = StudyResults.read(folder / "data")
    assert str(write_report(again, tmp_path / "again", command=COMMAND)).splitlines()[:2] == list(
        summary.lines
    )
    first, second = content(folder), content(tmp_path / "again")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_a_summary_needs_no_report(results, written):
    assert summarize_results(results, written[0] / "index.html") == written[1]


def test_the_page_loads_nothing_and_every_link_leads_somewhere(written):
    folder = written[0]
    page = Page((folder / "index.html").read_text())
    assert page.open == []
    assert page.loads == []
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert link[1:] in page.ids if link.startswith("#") else (folder / link).exists(), link
    for link in re.findall(r"\]\(([^)]+)\)", (folder / "report.md").read_text()):
        assert (folder / link).exists(), link


def test_the_report_is_small(written):
    assert sum(map(len, content(written[0]).values())) < 5_000_000


def test_latex_has_the_rules_of_booktabs(written):
    text = (written[0] / "tables" / "effects.tex").read_text()
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert rule in text
    assert "supported" in text


def test_every_trial_is_in_the_table_of_runs_under_its_name(written, results):
    table = pd.read_csv(written[0] / "tables" / "runs.csv")
    assert len(table) == len(results.trials)
    assert set(table["run"]) == {digest[:12] for digest in results.runs}
    assert table.loc[table["stage"] != "pairs", "test_accuracy"].isna().all()


def test_the_commands_to_look_at_a_run_and_to_make_it_again_name_one(page, results):
    (name,) = re.findall(r"vggsearch runs repeat (\w{12})", page)
    assert f"vggsearch runs show {name} --from reports/kernel-size" in page
    assert any(digest.startswith(name) for digest in results.runs)


def test_the_hash_of_the_plan_is_printed_and_no_deviation(page, results):
    assert results.plans[-1].digest in page
    assert "Deviations from it: none." in page


def test_the_number_of_test_images_is_known_to_one(results):
    assert synthetic_ablation.TEST_IMAGES % 8
    assert image_count(find_ablation(results)) == synthetic_ablation.TEST_IMAGES


def test_the_interval_over_images_is_wider_than_that_over_seeds(results):
    found = find_ablation(results)
    over = new_images(found)
    assert set(over) == {effect.contrast.name for effect in found.effects}
    for effect in found.effects:
        low, high = over[effect.contrast.name]
        assert low < effect.mean < high
        assert high - low > effect.high - effect.low
    assert new_images(found) == over


def test_costs_are_those_of_the_sides(written, results):
    table = pd.read_csv(written[0] / "tables" / "price.csv").set_index("contrast")
    pairs = pairs_frame(results)
    macs = pairs.groupby("arm")["macs"].first()
    row = table.loc["drop-in"]
    assert row["macs_difference"] == pytest.approx(macs["control"] / macs["drop-in"] - 1, rel=1e-4)
    per = 100 * row["mean"] / ((macs["control"] - macs["drop-in"]) / 1e6)
    assert row["pp_per_mmac"] == pytest.approx(per, rel=1e-4)
    assert pd.isna(table.loc["iso-macs", "pp_per_mmac"])  # equal but for a mismatch that says nothing


def test_the_checklist_is_answered_from_the_records(written):
    table = pd.read_csv(written[0] / "tables" / "checklist.csv")
    answers = dict(zip(table["practice"], table["answer"], strict=True))
    assert len(answers) == 16
    assert answers["Ablation studies run"] == answers["Several runs, seeds reported"] == "met"
    assert answers["Compared with random search"] == "not applicable"
    assert answers["How hyperparameters were tuned, and at what cost"] == "partly met"
