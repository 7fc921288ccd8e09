"""Studies of every shape make a sensible report: each part that cannot be shown says why."""

import re
from dataclasses import replace

import pytest
import synthetic_study
from synthetic_study import Maker, source

from vggsearch.report.document.files import table_files
from vggsearch.report.document.inline_svg import Markup
from vggsearch.report.document.render import html, markdown_page
from vggsearch.report.figures.style import theme
from vggsearch.report.search.headline import summarize_search
from vggsearch.report.search.page import search_report
from vggsearch.report.search.search_findings import find_search
from vggsearch.runs import UNEVEN_COLUMNS
from vggsearch.runs.record import Outcome


def report_of(maker, path):
    findings = find_search(maker.results())
    with theme():
        report = search_report(findings, "vggsearch report studies/x.yaml")
    drawn = {drawing.name: Markup("<svg></svg>") for drawing in report.drawings()}
    links = {table.name: f"tables/{table.name}.csv" for table in report.tables()}
    links |= {f"figure_{name}": f"tables/figure_{name}.csv" for name in drawn}
    text = html(report, drawn, links).replace("\u00a0", " ")
    return report, text, markdown_page(report, links), summarize_search(findings, path)


def trials(maker, number, stage="search", **options):
    for _ in range(number):
        maker.trial(stage, **options)
    return maker


def single(**options):
    return source(objectives="[val_accuracy]", reference="", **options)


def test_nothing_yet(tmp_path):
    report, text, _, summary = report_of(Maker(source()), tmp_path)
    assert "No answer yet</strong>: as the study has no trials yet." in text
    assert report.drawings() == []
    assert str(summary).splitlines()[0] == "best: none, as the study has no trials yet"


def test_nothing_completed(tmp_path):
    maker = Maker(source())
    for i, outcome in enumerate(("diverged", "crashed", "infeasible", "pruned", "out_of_memory"), start=1):
        maker.trial("search", f"1x{i}+gap", outcome=Outcome(outcome))
    report, text, _, summary = report_of(maker, tmp_path)
    assert "No answer yet</strong>: as none of 5 trials completed." in text
    assert "cheapest within 1 pp of the best: none" in str(summary)
    assert [drawing.name for drawing in report.drawings()] == ["budget"]
    (table,) = (table for table in report.tables() if table.name == "outcomes")
    assert [row[0] for row in table.rows] == ["crashed", "diverged", "infeasible", "out of memory", "pruned"]


def test_nothing_but_infeasible_candidates(tmp_path):
    report, text, _, _ = report_of(trials(Maker(source()), 3, outcome=Outcome.INFEASIBLE), tmp_path)
    assert report.drawings() == []
    assert "macs is 31200000, above 2e+07 (3)" in text


def test_one_trial(tmp_path):
    report, text, _, _ = report_of(trials(Maker(single()), 1, architecture="1x16-1x32+bn+gap"), tmp_path)
    assert "No cheaper net comes within one percentage point of it." in text
    assert "It was trained once, and its test accuracy is not known." in text
    assert "accuracy_macs" in [drawing.name for drawing in report.drawings()]


def test_no_finalists(tmp_path):
    _, text, _, _ = report_of(trials(Maker(source(finalists="null")), 12), tmp_path)
    assert "There are no finalists: the study file has no finalists." in text
    assert "The test set was not read." in text
    _, text, _, _ = report_of(trials(Maker(source()), 12), tmp_path)
    assert "There are no finalists: none has been trained yet." in text


def test_finalists_that_all_failed(tmp_path):
    maker = trials(Maker(source()), 8)
    best = max(maker.runs.values(), key=lambda run: run.val_accuracy or 0).key.architecture
    for seed in (1, 2):
        maker.trial("finalists", best, seed=seed, outcome=Outcome.CRASHED)
    report, text, _, _ = report_of(maker, tmp_path)
    assert "1 of 1 finalists have no completed run with a fresh seed." in text
    assert "finalists" not in [drawing.name for drawing in report.drawings()]


def test_one_fresh_seed_has_no_interval(tmp_path):
    maker = trials(Maker(source()), 8)
    best = max(maker.runs.values(), key=lambda run: run.val_accuracy or 0).key.architecture
    maker.trial("finalists", best, seed=1)
    _, text, _, _ = report_of(maker, tmp_path)
    assert "Trained again with 1 fresh seed," in text
    assert "95 % interval of the mean" not in text.split("</header>")[0]


def test_one_objective_has_no_hypervolume_but_a_front(tmp_path):
    report, text, _, _ = report_of(trials(Maker(single()), 20), tmp_path)
    names = [drawing.name for drawing in report.drawings()]
    assert "anytime_hypervolume" not in names
    assert "anytime_best" in names
    assert "Accuracy was the study&#39;s only objective" in text


def test_a_grid_is_compared_with_nothing(tmp_path):
    report, text, _, _ = report_of(trials(Maker(single(sampler="grid")), 20), tmp_path)
    assert "A grid visits the space without choosing" in text
    (figure,) = (drawing for drawing in report.drawings() if drawing.name == "anytime_best")
    assert set(figure.data["stage"]) == {"search"}


def test_random_search_is_shown_with_its_own_luck(tmp_path):
    report, text, _, _ = report_of(trials(Maker(single(sampler="random")), 20), tmp_path)
    assert "This search is random search" in text
    (figure,) = (drawing for drawing in report.drawings() if drawing.name == "anytime_best")
    assert set(figure.data["stage"]) == {"search", "orders of random search"}


def test_one_kernel_size_is_not_compared(tmp_path):
    maker = Maker(source())
    for channels in (4, 8, 16):
        maker.trial("search", f"1x{channels}-1x{2 * channels}+bn+gap")
    _, text, _, _ = report_of(maker, tmp_path)
    assert "All nets that completed have kernels of one size" in text


def test_few_pairs_are_counted_and_not_drawn(tmp_path):
    maker = Maker(source())
    for text in ("1x8-1x16+bn+gap", "1x8k5-1x16k5+bn+gap", "2x8-2x16+bn+gap"):
        maker.trial("search", text)
    report, text, _, _ = report_of(maker, tmp_path)
    assert "1 matched pair of nets that differ in kernel size alone: too few to draw." in text
    assert "kernel_pairs" not in [drawing.name for drawing in report.drawings()]


def test_runs_without_curves_say_so(tmp_path):
    _, text, _, _ = report_of(trials(Maker(source(), curves=False), 8), tmp_path)
    assert "The runs of the front hold no learning curves." in text


def test_latency_may_be_an_objective(tmp_path):
    text = source(
        objectives="[val_accuracy, latency_ms]", reference="reference: {val_accuracy: 0.8, latency_ms: 20}"
    )
    report, text, _, _ = report_of(trials(Maker(text), 12), tmp_path)
    assert "80.0 % validation accuracy, 20 ms" in text
    assert "anytime_hypervolume" in [drawing.name for drawing in report.drawings()]


def test_a_long_study_prints_the_best_and_the_front_and_keeps_all_in_its_file(tmp_path):
    maker = trials(Maker(source(), curves=False, wide=True), 1100)
    report, text, page, _ = report_of(maker, tmp_path)
    (table,) = (table for table in report.tables() if table.name == "trials")
    assert (len(table.rows), len(table.data)) == (1000, 1100)
    assert "1 000 of 1 100 trials" in text
    printed = {row[1] for row in table.rows}
    assert set(find_search(maker.results()).front["architecture"]) <= printed
    at = [column.heading for column in table.columns].index("validation")
    accuracies = [float(key[at]) for key in table.keys if key[at] is not None]
    assert accuracies == sorted(accuracies, reverse=True)
    assert page.count("\n| ") < 300


HOSTILE = [
    "<script>alert(1)</script>",
    "</title></style></svg><img src=x onerror=alert(1)>",
    '=HYPERLINK("http://evil")',
    "[x](javascript:alert(1)) ![y](http://evil/z.png) `code` | cell | **b**",
    "\\input{/etc/passwd} $\\frac{ % & # ^^41",
    "{{ 7*7 }} {% raw %}",
    "\u202egnp.exe\u202c \x1b[31m",
    "```\n# heading\n```",
    "x" * 1900,
]


def test_texts_of_strangers_stay_texts(tmp_path):
    everything = " ".join(HOSTILE).replace("\x1b", "")
    maker = Maker(source(question=everything, data="folder:/pictures"), data_name=everything[:3000])
    trials(maker, 4)
    for text in HOSTILE:
        maker.trial("search", outcome=Outcome.DIVERGED, reason=text)
    report, page, md, _ = report_of(maker, tmp_path)
    (table,) = (table for table in report.tables() if table.name == "outcomes")
    assert all(part in table.rows[1][-1] for part in ("<script>", "=HYPERLINK", "{{ 7*7 }}", "\\input{/etc"))
    for bad in ("<script>alert", "<img", "\u202e", "\x1b"):
        assert bad not in page
    prose = re.sub(r"^(`{3,})text$.*?^\1$", "", md, flags=re.DOTALL | re.MULTILINE)  # listings are fenced
    assert not re.search(r"[\u202e\x1b]|(?<!\\)<(script|img|/)|(?<!\\)\]\((javascript|http)", prose)
    assert (page.count("</title>"), page.count("</style>"), page.count("<script>")) == (1, 1, 1)


def test_hostile_texts_reach_files_harmless():
    maker = Maker(source(question="q", data="folder:/x"), data_name="=1+1")
    trials(maker, 4)
    maker.trial("search", outcome=Outcome.DIVERGED, reason="=cmd|'/c calc'!A1")
    maker.trial("search", outcome=Outcome.DIVERGED, reason=r"\write18{rm -rf /} & $x_1$")
    with theme():
        report = search_report(find_search(maker.results()), "c")
        files = table_files(report)
    for name, content in files.items():
        if name.endswith(".csv"):
            assert b"\n=" not in content
            assert b",=" not in content
            assert b'"=' not in content
    tex = files["tables/outcomes.tex"].decode()
    assert r"\textbackslash{}write18\{rm -rf /\} \& \$x\_1\$" in tex


def test_the_generator_itself_makes_a_whole_study():
    frame = synthetic_study.quickstart(16).frame()
    assert set(frame["stage"]) == {"search", "baseline", "finalists"}
    assert frame.loc[frame["stage"] != "finalists", "test_accuracy"].isna().all()


def uneven(maker, images=41, **shares):
    """The maker's study as if its validation images, so many, had one large class."""
    results = maker.results()
    runs = {
        digest: run.model_copy(
            update={
                "val_majority": 0.9,
                "val_balanced_accuracy": None if run.val_accuracy is None else 1 - run.val_accuracy,
                "curve": tuple(point.model_copy(update={"val_images": images}) for point in run.curve),
                **shares,
            }
        )
        for digest, run in results.runs.items()
    }
    return replace(results, runs=runs)


def told(results, path):
    findings = find_search(results)
    with theme():
        report = search_report(findings, "vggsearch report studies/x.yaml")
    links = {table.name: "a.csv" for table in report.tables()}
    links |= {f"figure_{drawing.name}": "a.csv" for drawing in report.drawings()}
    page = markdown_page(report, links).replace("\u00a0", " ")
    return findings, report, page, summarize_search(findings, path)


def test_uneven_classes_are_said_beside_every_accuracy(tmp_path):
    maker = trials(trials(Maker(single()), 6), 2, "finalists", seed=1)
    findings, report, page, summary = told(uneven(maker), tmp_path)
    top = findings.best
    beside = (
        f"(largest class 90.00 %, balanced validation accuracy {100 * top['val_balanced_accuracy']:.2f} %)"
    )
    assert f"{100 * top['val_accuracy']:.2f} % validation accuracy** {beside} with one seed" in page
    assert summary.lines[0].count(beside) == 1
    sentence = "Always naming the largest class reaches 90.00 % on validation images."
    for name in ("front", "finalists", "trials", "search_and_random"):
        (table,) = (table for table in report.tables() if table.name == name)
        assert table.caption.replace("\u00a0", " ").endswith(sentence), name
    (table,) = (table for table in report.tables() if table.name == "trials")
    assert {"val_majority", "val_balanced_accuracy"} <= set(table.data)


def test_even_classes_leave_no_trace_in_a_report(tmp_path):
    _, report, page, _ = told(trials(Maker(single()), 6).results(), tmp_path)
    assert "largest class" not in page
    assert "balanced" not in page
    columns = {name for table in report.tables() for name in table.data}
    assert columns & set(UNEVEN_COLUMNS) == set()


def test_by_balanced_accuracy_the_report_ranks_by_it_and_names_it(tmp_path):
    text = single().replace("objectives: [val_accuracy]", "metric: balanced_accuracy")
    maker = trials(trials(Maker(text), 6), 2, "finalists", seed=1)
    findings, report, page, summary = told(uneven(maker), tmp_path)
    ranked = findings.ranked
    assert findings.best["val_balanced_accuracy"] == ranked["val_balanced_accuracy"].max()
    assert findings.best["val_accuracy"] == ranked["val_accuracy"].min()
    value = f"{100 * findings.best['val_balanced_accuracy']:.2f} %"
    assert f"**{value} balanced validation accuracy** (largest class 90.00 %, validation accuracy" in page
    assert f"{value} balanced validation (largest class 90.00 %" in summary.lines[0]
    (table,) = (table for table in report.tables() if table.name == "search_and_random")
    assert "best_val_balanced_accuracy" in table.data
    assert "best_val_accuracy" not in table.data


@pytest.mark.parametrize(
    ("images", "coarse"), [(41, "One image is 2.44 pp."), (200, "One image is 0.50 pp."), (201, None)]
)
def test_few_validation_images_are_said_beside_the_result(tmp_path, images, coarse):
    maker = trials(trials(Maker(single()), 6), 2, "finalists", seed=1)
    _, _, page, summary = told(uneven(maker, images), tmp_path)
    assert f"On {images} validation images an accuracy of" in page
    said = page.count("One image is"), str(summary).count("One image is")
    assert said == ((2, 1) if coarse else (0, 0))
    assert coarse is None or coarse in page


def test_nets_that_one_standard_error_cannot_tell_apart_are_counted(tmp_path):
    maker = trials(Maker(single()), 6)
    findings, _, page, summary = told(uneven(maker, 1), tmp_path)  # one image: nothing can be told apart
    others = len(findings.ranked) - 1
    assert f"{others} other nets are within one standard error of the best." in page
    assert f"{others} other nets are within one standard error of the best." in str(summary)
    findings, _, page, summary = told(uneven(maker, 10**8), tmp_path)
    assert "within one standard error" not in page + str(summary)


def test_of_tied_nets_the_report_names_the_one_that_all_name():
    results = trials(Maker(single()), 6).results()
    runs = {digest: run.model_copy(update={"val_accuracy": 0.9}) for digest, run in results.runs.items()}
    tied = replace(results, runs=runs)
    found = find_search(tied)
    assert found.best["architecture"] == tied.best().key.architecture
    assert found.best["macs"] == found.ranked["macs"].min()
