"""The page of an ablation, section by section."""

from vggsearch.analysis import Spending, spending
from vggsearch.report.ablation.ablation_findings import AblationFindings
from vggsearch.report.ablation.checklist import ablation_checklist
from vggsearch.report.ablation.claim import claim_section
from vggsearch.report.ablation.curves import curves_section
from vggsearch.report.ablation.effects import effects_section
from vggsearch.report.ablation.headline import ablation_answer, ablation_tiles
from vggsearch.report.ablation.images import images_section, new_images
from vggsearch.report.ablation.learning_rates import learning_rates_section
from vggsearch.report.ablation.mistakes import arm_answers, mistakes_section
from vggsearch.report.ablation.price import price_section
from vggsearch.report.ablation.proof import proof_section
from vggsearch.report.ablation.registration import registration_section
from vggsearch.report.ablation.runs import outcomes_section, runs_section
from vggsearch.report.ablation.threats import threats_section
from vggsearch.report.document import Report, Section, plain
from vggsearch.report.shared import checklist_section, provenance_section


def ablation_report(found: AblationFindings, command: str) -> Report:
    """The whole report, before it takes any format. Call it inside `theme`."""
    spent = spending(found.trials)
    over, answers = new_images(found), arm_answers(found)
    of_kernels = found.study.contrasts is not None
    sections = (
        effects_section(found, over),
        proof_section(found),
        learning_rates_section(found),
        *((mistakes_section(found, answers),) if answers else ()),
        curves_section(found),
        price_section(found),
        runs_section(found),
        *((claim_section(found),) if of_kernels else ()),
        registration_section(found),
        outcomes_section(found, spent),
        threats_section(found),
        images_section(found, over),
        _provenance(found, spent, command),
        checklist_section(ablation_checklist(found, spent)),
    )
    question = plain(found.study.question, limit=2000)
    answer, tiles = ablation_answer(found, spent), ablation_tiles(found, spent)
    return Report(found.study.name, question, answer, tiles, sections, "ablation")


def _provenance(found: AblationFindings, spent: Spending, command: str) -> Section:
    """The section with the commands for one run: a completed one, where there is any."""
    completed = [*found.complete["run"], *found.trials["run"].dropna()]
    if not completed:
        return provenance_section(found.results, spent, command)
    source = "".join(command.partition(" --from ")[1:])
    show = f"vggsearch runs show {completed[0]}{source}"
    return provenance_section(found.results, spent, command, (show, f"vggsearch runs repeat {completed[0]}"))
