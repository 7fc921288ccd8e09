"""Studies of every shape make a sensible report: each part that cannot be shown says why."""

import re

import synthetic_study
from synthetic_study import Maker, source

from vggsearch.report.document.files import table_files
from vggsearch.report.document.inline_svg import Markup
from vggsearch.report.document.render import html, markdown_page
from vggsearch.report.figures.style import theme
from vggsearch.report.search.headline import summarize_search
from vggsearch.report.search.page import search_report
from vggsearch.report.search.search_findings import find_search
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
