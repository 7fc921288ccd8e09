"""Run a study, or resume it: everything put together."""

from vggsearch.study.control import Session
from vggsearch.study.file import Study
from vggsearch.study.kinds import kind_of
from vggsearch.study.results import StudyResults, read_results


def run_study(study: Study, session: Session) -> StudyResults:
    """Do what `study` still wants, and return what is known then, also where it was stopped before its end.

    Takes the store's lock. The first SIGINT or SIGTERM, and the study's time limit, let active runs finish;
    the second signal ends them at once (and closes the session's executor, which otherwise stays open).
    Calling it again continues from there; `StudyEnded`, the last event, says whether anything is left.

    Raises:
        StudyFileError: The file changed since the study began here, or its runs were made under other
            conditions.
        StoreError: The store is held by another controller, or cannot be written.
        VggSearchError: The first runs all crashed: the set-up is broken.
    """
    with session.until_stopped(study.time_limit_s) as running, running.store.lock():
        kind_of(study).run(study, running)
    return read_results(session.store, study)
