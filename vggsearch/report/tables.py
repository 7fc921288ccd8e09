"""The report's tables: what is printed, and the frame behind it."""

import pandas as pd

from vggsearch.report.anytime import spent
from vggsearch.report.content import Column, Table
from vggsearch.report.findings import STAGES, Findings
from vggsearch.report.formats import (
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
from vggsearch.runs.frames import ARCHITECTURE_COLUMNS

MOST_TRIALS = 1000
"""Rows of the trial table that are printed; its CSV file has all."""

MOST_REASONS = 12

SAMPLERS = {"grid": "grid", "random": "random search", "tpe": "TPE", "nsga2": "NSGA-II", "gp": "Gaussian process"}

_TEXT = Column("", "left")


def stage_name(findings: Findings, stage: str) -> str:
    """What a stage is called: the sampler's name, `random` or `finalists`."""
    names = {"search": SAMPLERS[findings.study.sampler], "baseline": "random"}
    return names.get(stage, stage)


def outcome_name(outcome: str) -> str:
    """`out_of_memory` is `out of memory`."""
    return outcome.replace("_", " ")


def front_table(findings: Findings) -> Table:
    """The front, and finalists that are not on it, from the fewest MACs on."""
    off = findings.finalists[~findings.finalists["architecture"].isin(findings.front["architecture"])]
    off = off.assign(stage="", val_accuracy=off["search_val"])
    wanted = ["mark", "architecture", "stage", "val_accuracy", *list(ARCHITECTURE_COLUMNS)[1:]]
    members = findings.front.assign(on_front=True)
    rows = pd.concat([members, off.assign(on_front=False)])[[*wanted, "on_front"]].sort_values("macs", kind="stable")
    tested = findings.finalists[["architecture", "n", "test_mean", "test_sd", "test_low", "test_high"]]
    rows = rows.merge(tested, on="architecture", how="left")
    rows = rows.assign(latency_ms=rows["architecture"].map(findings.latency_ms()))
    columns = [_TEXT, Column("architecture", "left", code=True), Column("validation accuracy")]
    if findings.has_test:
        columns.append(Column("test accuracy, fresh seeds"))
    columns += [Column("MACs"), Column("parameters"), Column("of these conv"), Column("latency"), Column("field (px)")]
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
    caption = f"Completed runs that no other completed run beats in {objectives} together, from the fewest MACs on."
    if len(findings.study.objectives) == 1:
        caption += " The study had accuracy as its only objective; MACs are added here so that there is a front to show."
    if len(printed) < len(rows):
        caption += f" Of {len(rows)} members the {len(printed)} that keep most of the front's hypervolume, and the finalists."
    return Table("front", "The front", tuple(columns), printed, rows, caption)


def _objective(name: str) -> str:
    return {"val_accuracy": "validation accuracy", "macs": "MACs", "params": "parameters", "latency_ms": "latency"}[name]


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
        Column("95 % interval of the mean"),
        Column("n"),
        Column("MACs"),
        Column("parameters"),
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
        "Trained again with n fresh seeds each; mean ± standard deviation over seeds, and the 95 % t interval of the mean. Optimism: "
        "the value that selected it minus the mean of fresh seeds, both on validation. In the order of the latter, as the test set "
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
    for row in rows:
        cells = [stage_name(findings, str(row["stage"])), count(row["trials"]), count(row["runs"]), count(row["completed"])]
        cells += [duration(row["train_s"]), percent(row["best_val_accuracy"]), percent(row["median_val_accuracy"])]
        printed.append([*cells, f"{row['hypervolume']:.4g}"] if hypervolumes else cells)
    return Table("search_and_random", "Search and random search", tuple(columns), printed, data)


def outcome_table(findings: Findings) -> Table:
    """Every trial by how it ended, and why."""
    trials = findings.trials.assign(reason=findings.trials["reason"].fillna("").map(plain))
    stages = [stage for stage in STAGES if len(findings.stage(stage))]
    rows, printed = [], []
    for (outcome, reason), group in sorted(
        trials.groupby(["outcome", "reason"]), key=lambda item: (item[0][0] != "completed", item[0][0], -len(item[1]), item[0][1])
    ):
        numbers = {stage: int((group["stage"] == stage).sum()) for stage in stages}
        own = group.drop_duplicates("digest")
        train_s = float(own.loc[~own["cached"].astype(bool), "train_s"].sum())
        rows.append({"outcome": outcome, "reason": reason, "trials": len(group), **numbers, "train_s": train_s})
    for outcome in dict.fromkeys(str(row["outcome"]) for row in rows):
        same = [row for row in rows if row["outcome"] == outcome]
        reasons = [f"{row['reason']} ({row['trials']})" for row in same if row["reason"]]
        if len(reasons) > MOST_REASONS:
            reasons = [*reasons[:MOST_REASONS], f"and {len(reasons) - MOST_REASONS} other reasons, in the CSV file"]
        totals = [sum(int(str(row[stage])) for row in same) for stage in stages]
        train_s = sum(float(str(row["train_s"])) for row in same)
        printed.append(
            [outcome_name(outcome), *map(count, totals), count(sum(totals)), duration(train_s), "; ".join(reasons)]
        )
    columns = (
        Column("outcome", "left"),
        *(Column(stage_name(findings, stage)) for stage in stages),
        Column("trials"),
        Column("training time"),
        Column("reasons (how often)", "left"),
    )
    cached = int(trials["cached"].astype(bool).sum())
    caption = "All trials."
    if cached:
        caption += f" {count(cached)} of them named a run that was made before: answered from the ledger, at no cost."
    return Table("outcomes", "Outcomes", columns, printed, pd.DataFrame(rows), caption)


def trial_table(findings: Findings) -> Table:
    """Every trial; in print the best first, then those that did not complete, up to `MOST_TRIALS`."""
    trials = findings.trials
    trials = trials.assign(mark=trials["architecture"].map(findings.marks).fillna("").astype(str))
    completed = trials["outcome"] == "completed"
    order = trials.assign(open=~completed, rank=trials["val_accuracy"].where(completed))
    order = order.sort_values(["open", "rank", "stage", "number"], ascending=[True, False, True, True], kind="stable")
    on_front = order["mark"] != ""
    shown = order if len(order) <= MOST_TRIALS else pd.concat([order[on_front], order[~on_front]]).head(MOST_TRIALS)
    shown = shown.sort_values(["open", "rank", "stage", "number"], ascending=[True, False, True, True], kind="stable")
    pruned = bool((trials["outcome"] == "pruned").any())
    tested = bool(trials["test_accuracy"].notna().any())
    specs = _trial_columns(pruned, tested)
    printed, keys = [], []
    for row in shown.to_dict("records"):
        done = row["outcome"] == "completed"
        row["val_done"] = row["val_accuracy"] if done else None
        row["val_pruned"] = row["val_accuracy"] if row["outcome"] == "pruned" else None
        row["stage_name"] = stage_name(findings, row["stage"])
        row["outcome_name"] = outcome_name(row["outcome"]) + (", cached" if row["cached"] else "")
        printed.append([_cell(kind, row[name]) for name, _, kind in specs])
        keys.append([_key(kind, row[name]) for name, _, kind in specs])
    columns = tuple(
        Column(heading, "left" if kind in ("text", "code") else "right", code=kind == "code") for _, heading, kind in specs
    )
    caption = "Pruned and failed runs have no place in the ranking; what a pruned run had reached stands apart." if pruned else ""
    if len(shown) < len(trials):
        caption = f"{count(len(shown))} of {count(len(trials))} trials: the front and the finalists, then the best. {caption}".strip()
    data = trials.drop(columns=["study", "dataset", "budget", "device", "digest"])
    return Table("trials", "Trials", columns, printed, data, caption, keys, interactive=True, latex=False)


def _trial_columns(pruned: bool, tested: bool) -> list[tuple[str, str, str]]:
    """Column, heading and kind."""
    specs = [
        ("mark", "", "text"),
        ("architecture", "architecture", "code"),
        ("stage_name", "stage", "text"),
        ("number", "no.", "count"),
        ("outcome_name", "outcome", "text"),
        ("val_done", "validation", "percent"),
    ]
    if pruned:
        specs.append(("val_pruned", "when pruned", "percent"))
    if tested:
        specs.append(("test_accuracy", "test", "percent"))
    return [
        *specs,
        ("macs", "MACs", "si"),
        ("params", "params", "si"),
        ("conv_params", "conv params", "si"),
        ("kernel_size", "kernel", "text"),
        ("latency_ms", "latency", "ms"),
        ("train_s", "training", "s"),
        ("seed", "seed", "count"),
        ("run", "run", "code"),
    ]


_CELLS = {"count": count, "percent": percent, "si": si, "ms": milliseconds, "s": duration}


def _cell(kind: str, value: object) -> str:
    if value is None or value != value:  # NaN
        return ""
    return _CELLS[kind](float(str(value))) if kind in _CELLS else plain(value)


def _key(kind: str, value: object) -> float | None:
    if kind not in _CELLS or value is None or value != value:  # NaN
        return None
    return float(f"{float(str(value)):.9g}")
