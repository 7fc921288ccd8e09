"""The kinds of studies, in one table."""

from collections.abc import Mapping
from typing import Any

from vggsearch.study.ablation import AblationKind
from vggsearch.study.file import AblationStudy, SearchStudy, Study, TableStudy
from vggsearch.study.kind import S, StudyKind
from vggsearch.study.search import SearchKind
from vggsearch.study.table import TableKind

KINDS: Mapping[type[Study], StudyKind[Any]] = {
    SearchStudy: SearchKind(),
    AblationStudy: AblationKind(),
    TableStudy: TableKind(),
}


def kind_of(study: S) -> StudyKind[S]:
    """The kind of `study`."""
    return KINDS[type(study)]
