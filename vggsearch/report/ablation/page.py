"""The page of an ablation, section by section."""

from vggsearch.analysis import spending
from vggsearch.report.ablation import (
    arms,
    claim,
    curves,
    effects,
    images,
    learning_rates as rates,
    practices,
    price,
    proof,
    registration,
    threats,
)
from vggsearch.report.ablation.answer import answer, tiles
from vggsearch.report.ablation.findings import Ablation
from vggsearch.report.ablation.repeat import repeat
from vggsearch.report.document import Report, Section, plain


def compose(found: Ablation, command: str) -> Report:
    """The report of what was found, before it takes any format. Call it inside `theme`."""
    spent = spending(found.trials)
    over = images.new_images(found)
    sections: tuple[Section | None, ...] = (
        effects.section(found, over),
        proof.section(found),
        rates.section(found),
        curves.section(found),
        price.section(found),
        arms.section(found),
        claim.section(found),
        registration.section(found),
        arms.left_out(found, spent),
        threats.section(found),
        images.section(found, over),
        repeat(found, spent, command),
        practices.section(found, spent),
    )
    return Report(
        found.study.name,
        plain(found.study.question, limit=2000),
        answer(found, spent),
        tiles(found, spent),
        tuple(section for section in sections if section is not None),
        "ablation",
    )
