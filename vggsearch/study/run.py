"""Run a study, or resume it."""

from vggsearch.study.control import Session
from vggsearch.study.file import Study
from vggsearch.study.kinds import kind_of
from vggsearch.study.results import StudyResults, read_results


def run_study(study: Study, session: Session) -> StudyResults:
    """Make the runs that `study` still wants, and return its results, even where it was stopped early.

    Takes the store's lock. The first SIGINT or SIGTERM, and the study's time limit, let active runs finish;
    the second signal ends them at once (and closes the session's executor, which otherwise stays open).
    A later call continues from there; `StudyEnded`, the last event, states how many runs are left.

    Raises:
        StudyFileError: The file changed since the study began here, or its runs were made under other
            conditions.
        StoreError: The store is held by another controller, or cannot be written.
        VggSearchError: The first runs all crashed: the set-up is broken.
    """
    with session.until_stopped(study.time_limit_s) as running, running.store.lock():
        kind_of(study).run(study, running)
    return read_results(session.store, study)
