"""The kinds of studies, in one table."""

from collections.abc import Mapping

from vggsearch.study.ablation import AblationKind
from vggsearch.study.file import AblationStudy, SearchStudy, Study
from vggsearch.study.kind import StudyKind
from vggsearch.study.search import SearchKind

KINDS: Mapping[type[Study], StudyKind[Study]] = {SearchStudy: SearchKind(), AblationStudy: AblationKind()}


def kind_of(study: Study) -> StudyKind[Study]:
    """The kind of `study`."""
    return KINDS[type(study)]
