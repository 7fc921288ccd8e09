"""How far the accuracies of a search can be trusted: the standard error, ties, and what one image is."""

from collections.abc import Iterator

import pandas as pd

from vggsearch.analysis import COARSE, others_within, standard_error
from vggsearch.report.document import NBSP, count, percent
from vggsearch.report.search.search_findings import SearchFindings
from vggsearch.runs import Outcome


def certainty(findings: SearchFindings) -> Iterator[str]:
    """Sentences on the best accuracy, as one paragraph; none where the number of images is not known."""
    top, images = findings.best, validation_images(findings)
    if top is None or images is None:
        return
    value = float(top[findings.by])
    parts = [_error(value, images)]
    if findings.balanced:
        parts.append("That of a balanced accuracy is larger as a rule, as rare classes have few images.")
    yield " ".join([*parts, *_ties(findings, value, images), *_one_image(images)])


def doubts(findings: SearchFindings) -> str:
    """The same for the terminal, only where nets tie or an image is half a percentage point; else empty."""
    top, images = findings.best, validation_images(findings)
    if top is None or images is None:
        return ""
    value = float(top[findings.by])
    found = [*_ties(findings, value, images), *_one_image(images)]
    return " ".join([_error(value, images), *found]) if found else ""


def finalist_certainty(findings: SearchFindings, known: pd.DataFrame) -> Iterator[str]:
    """The same for the accuracies of finalists."""
    images = validation_images(findings)
    if images is None:
        return
    errors = sorted({_points(standard_error(float(mean), images)) for mean in known["val_mean"].dropna()})
    if errors:
        span = errors[0] if len(errors) == 1 else f"{errors[0].removesuffix(f'{NBSP}pp')} to {errors[-1]}"
        one = "An accuracy of this size" if findings.balanced else "One run's validation accuracy"
        error = f"{one}, on {count(images)} images, has a standard error of {span}."
        yield " ".join([error, *_one_image(images)])


def validation_images(findings: SearchFindings) -> int | None:
    """How many images a completed run is validated on; None where no run says."""
    runs = findings.results.runs.values()
    ends = [run.curve[-1] for run in runs if run.outcome is Outcome.COMPLETED and run.curve]
    return max((point.val_images for point in ends), default=0) or None


def _error(value: float, images: int) -> str:
    error = _points(standard_error(value, images))
    of = f"an accuracy of {percent(value)} has a standard error of {error}"
    return f"On {count(images)} validation images {of}."


def _ties(findings: SearchFindings, value: float, images: int) -> list[str]:
    number = others_within(findings.ranked[findings.by], standard_error(value, images))
    if not number:
        return []
    nets = f"{count(number)} other nets are" if number > 1 else "1 other net is"
    return [f"{nets} within one standard error of the best."]


def _one_image(images: int) -> list[str]:
    return [f"One image is {_points(1 / images)}."] if 1 / images >= COARSE else []


def _points(fraction: float) -> str:
    return f"{100 * fraction:.2f}{NBSP}pp"
