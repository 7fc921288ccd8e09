"""The report's tables: what is printed, and the frame behind it."""

import pandas as pd

from vggsearch.analysis import spent
from vggsearch.report.document import (
    Column,
    Table,
    count,
    duration,
    interval,
    milliseconds,
    percent,
    plain,
    points,
    si,
    spread,
)
from vggsearch.report.search.findings import Findings
from vggsearch.runs import ARCHITECTURE_COLUMNS

SAMPLERS = {
    "grid": "grid",
    "random": "random search",
    "tpe": "TPE",
    "nsga2": "NSGA-II",
    "gp": "Gaussian process",
}

_TEXT = Column("", "left")


def stage_name(findings: Findings, stage: str) -> str:
    """What a stage is called: the sampler's name, `random` or `finalists`."""
    names = {"search": SAMPLERS[findings.study.sampler], "baseline": "random"}
    return names.get(stage, stage)


def front_table(findings: Findings) -> Table:
    """The front, and finalists that are not on it, from the fewest MACs on."""
    off = findings.finalists[~findings.finalists["architecture"].isin(findings.front["architecture"])]
    off = off.assign(stage="", val_accuracy=off["search_val"])
    wanted = ["mark", "architecture", "stage", "val_accuracy", *list(ARCHITECTURE_COLUMNS)[1:]]
    members = findings.front.assign(on_front=True)
    rows = pd.concat([members, off.assign(on_front=False)])[[*wanted, "on_front"]].sort_values(
        "macs", kind="stable"
    )
    tested = findings.finalists[["architecture", "n", "test_mean", "test_sd", "test_low", "test_high"]]
    rows = rows.merge(tested, on="architecture", how="left")
    rows = rows.assign(latency_ms=rows["architecture"].map(findings.latency_ms()))
    columns = [_TEXT, Column("architecture", "left", code=True), Column("validation accuracy")]
    if findings.has_test:
        columns.append(Column("test accuracy, fresh seeds"))
    columns += [
        Column("MACs"),
        Column("parameters"),
        Column("of these conv"),
        Column("latency"),
        Column("field (px)"),
    ]
    columns.append(Column("found by", "left"))
    printed = []
    for row in rows[rows["mark"] != ""].to_dict("records"):
        found = stage_name(findings, row["stage"]) if row["on_front"] else "off the front"
        cells = [row["mark"], plain(row["architecture"]), percent(row["val_accuracy"])]
        if findings.has_test:
            cells.append(spread(row["test_mean"], row["test_sd"]))
        cells += [si(row["macs"]), si(row["params"]), si(row["conv_params"]), milliseconds(row["latency_ms"])]
        printed.append([*cells, count(row["receptive_field"]), found])
    objectives = ", ".join(_objective(name) for name in findings.objectives)
    caption = (
        f"Completed runs that no other completed run beats in {objectives} together, from the fewest MACs on."
    )
    if len(findings.study.objectives) == 1:
        caption += (
            " Accuracy was the study's only objective; MACs are added so that there is a front to show."
        )
    if len(printed) < len(rows):
        caption += f" The finalists, and those of {len(findings.front)} that keep most of the hypervolume."
    return Table("front", "The front", tuple(columns), printed, rows, caption)


def _objective(name: str) -> str:
    return {
        "val_accuracy": "validation accuracy",
        "macs": "MACs",
        "params": "parameters",
        "latency_ms": "latency",
    }[name]


def finalist_block(findings: Findings) -> Table:
    """What each finalist promised and kept."""
    rows = findings.finalists.assign(latency_ms=findings.finalists["architecture"].map(findings.latency_ms()))
    columns = (
        _TEXT,
        Column("architecture", "left", code=True),
        Column("search, validation"),
        Column("fresh seeds, validation"),
        Column("optimism"),
        Column("fresh seeds, test"),
        Column("95 % interval"),
        Column("n"),
        Column("MACs"),
        Column("params"),
        Column("latency"),
    )
    printed = [
        [
            row["mark"],
            plain(row["architecture"]),
            percent(row["search_val"]),
            spread(row["val_mean"], row["val_sd"]),
            points(row["optimism"]),
            spread(row["test_mean"], row["test_sd"]),
            interval(row["test_low"], row["test_high"]),
            count(row["n"]),
            si(row["macs"]),
            si(row["params"]),
            milliseconds(row["latency_ms"]),
        ]
        for row in rows.to_dict("records")
    ]
    caption = (
        "Trained again with n fresh seeds each; mean ± standard deviation over seeds, and the 95 % t "
        "interval of the mean. Optimism: "
        "the value that selected it minus the mean of fresh seeds, both on validation. In the order of the "
        "latter, as the test set "
        "selects nothing."
    )
    return Table("finalists", "Finalists", columns, printed, rows, caption)


def comparison_table(findings: Findings, hypervolumes: dict[str, float]) -> Table:
    """The search beside random search: what each cost, and found."""
    rows = []
    for stage in ("search", "baseline"):
        trials = findings.stage(stage)
        if trials.empty:
            continue
        completed = trials[trials["outcome"] == "completed"]
        rows.append(
            {
                "stage": stage,
                "trials": len(trials),
                "runs": int(trials["digest"].dropna().nunique()),
                "completed": int(completed["digest"].nunique()),
                "train_s": float(spent(trials)["spent_s"].iloc[-1]),
                "best_val_accuracy": float(completed["val_accuracy"].max()),
                "median_val_accuracy": float(completed["val_accuracy"].median()),
                "hypervolume": hypervolumes.get(stage, float("nan")),
            }
        )
    data = pd.DataFrame(rows)
    columns = [_TEXT, Column("trials"), Column("distinct runs"), Column("completed"), Column("training time")]
    columns += [Column("best validation"), Column("median validation")]
    if hypervolumes:
        columns.append(Column("hypervolume"))
    printed = []
    for row in data.to_dict("records"):
        cells = [stage_name(findings, row["stage"]), count(row["trials"]), count(row["runs"])]
        cells += [count(row["completed"]), duration(row["train_s"])]
        cells += [percent(row["best_val_accuracy"]), percent(row["median_val_accuracy"])]
        printed.append([*cells, f"{row['hypervolume']:.4g}"] if hypervolumes else cells)
    return Table("search_and_random", "Search and random search", tuple(columns), printed, data)
