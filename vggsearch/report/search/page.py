"""The page of a search, section by section."""

from vggsearch.analysis import spending
from vggsearch.report.document import Report, plain
from vggsearch.report.search.checklist import search_checklist
from vggsearch.report.search.finalists import finalists_section
from vggsearch.report.search.headline import search_answer, search_tiles
from vggsearch.report.search.kernel_sizes import kernel_sizes_section
from vggsearch.report.search.learning_curves import learning_curves_section
from vggsearch.report.search.mistakes import finalist_answers, mistakes_section
from vggsearch.report.search.random_search import random_search_section
from vggsearch.report.search.search_findings import SearchFindings
from vggsearch.report.search.short_runs import short_run_sections
from vggsearch.report.search.tradeoff import tradeoff_section
from vggsearch.report.search.trials import time_section, trials_section
from vggsearch.report.shared import checklist_section, provenance_section


def search_report(findings: SearchFindings, command: str) -> Report:
    """The whole report, before it takes any format. Call it inside `theme`."""
    spent, answers = spending(findings.trials), finalist_answers(findings)
    sections = (
        tradeoff_section(findings),
        finalists_section(findings),
        *((mistakes_section(findings, answers),) if answers else ()),
        random_search_section(findings),
        kernel_sizes_section(findings),
        *short_run_sections(findings),
        learning_curves_section(findings),
        time_section(findings, spent),
        trials_section(findings),
        provenance_section(findings.results, spent, command),
        checklist_section(search_checklist(findings, spent)),
    )
    question = plain(findings.study.question, limit=2000)
    answer, tiles = search_answer(findings, spent), search_tiles(findings, spent)
    return Report(findings.study.name, question, answer, tiles, sections)
