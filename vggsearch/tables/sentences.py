"""What a table shows, in sentences for a report and for the terminal."""

from vggsearch.tables.describe import Description
from vggsearch.tables.table import Table


def table_sentences(table: Table, found: Description) -> tuple[str, ...]:
    """A few sentences, the most important first."""
    header, members = table.header, len(table.members)
    budgets = ", ".join(map(str, table.fidelities))
    lines = [
        f"{len(table.rows)} runs of {members} networks on {header.data.name}, at {len(table.fidelities)} "
        f"budgets: {budgets}."
    ]
    full = found.correlations[found.correlations["high"] == header.full.amount]
    if len(full):
        parts = [f"{row['spearman']:.2f} at {row['low']:g}" for row in full.to_dict("records")]
        lines.append(
            f"Rank correlation (Spearman) of short runs with {header.full}, another seed: {', '.join(parts)}."
        )
    noise = found.noise[found.noise["amount"] == header.full.amount]
    for row in noise.to_dict("records"):
        lines.append(
            f"At {header.full} accuracy has a standard deviation of {100 * row['sd_member']:.2f} pp over "
            f"networks and {100 * row['sd_seed']:.2f} pp over seeds: two seeds correlate by "
            f"{row['reliability']:.2f}."
        )
    single = found.shares[~found.shares["factor"].isin(("all factors", "their interactions", "seed"))]
    if len(single):
        first = single.sort_values("added", ascending=False).iloc[0]
        whole = found.shares[found.shares["factor"] == "all factors"].iloc[0]
        lines.append(
            f"A linear model of the factors explains {100 * whole['alone']:.0f} % of the variance, "
            f"{first['factor']} most of it: {100 * first['added']:.0f} % beside the others."
        )
    if len(found.predictors):
        rows = found.predictors.to_dict("records")
        parts = [f"{row['predictor']} {row['spearman']:+.2f}" for row in rows]
        lines.append(f"Without training, rank correlation with accuracy: {', '.join(parts)}.")
    return tuple(lines)
