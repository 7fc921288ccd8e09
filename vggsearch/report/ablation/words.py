"""What a report says of the images on which pairs are judged, all in one place."""

from collections.abc import Mapping
from dataclasses import dataclass

from vggsearch.designs import EvaluateOn
from vggsearch.runs import Stage


@dataclass(frozen=True, slots=True)
class Words:
    """Sentences and parts of sentences, each for one place of the page."""

    caution: tuple[str, ...]
    """Under the answer: what it is good for, where that is not all that an answer could be."""
    judged: str
    """What was done with a net on these images."""
    measured_on: str
    rates: str
    """What learning rates have to do with these images."""
    rates_threat: str
    registered: str
    """What was fixed of it before the first run."""
    runs: str
    """Which runs never saw the test set."""
    threat: str
    shared: str
    """How the threat stands, `{}` being the runs that share the images."""
    protocol: str
    strays: str
    """What runs did that should not have been tested; after their number."""
    untested: tuple[Stage, ...]
    """Stages whose runs must not see the test set."""


WORDS: Mapping[EvaluateOn, Words] = {
    "test": Words(
        caution=(),
        judged="tested",
        measured_on="the test set, read once a run",
        rates="The test set had no part in it.",
        rates_threat="",
        registered="",
        runs="Runs for learning rates and of the calibration never saw the test set.",
        threat="one test set",
        shared="{} it",
        protocol="every run of the pairs is tested once, at its end; no other run saw the test set",
        strays="runs that were to choose learning rates saw the test set",
        untested=("rates", "calibration"),
    ),
    "validation": Words(
        caution=(
            "This study served to choose: its pairs are judged on validation images, and the test set was "
            "not opened. What is chosen by it is measured by a study of its own, on images that had no part "
            "in the choice.",
        ),
        judged="judged",
        measured_on="validation images; the test set was not opened",
        rates="The pairs are judged on the same images, with other seeds. The test set was not opened.",
        rates_threat="; chosen on the images that judge the pairs, with other seeds",
        registered="validation images to judge the pairs on, ",
        runs="No run was tested: the test set was not opened.",
        threat="validation images alone",
        shared="the test set was not opened, so that a choice made here can still be tested; images flatter "
        "what was chosen on them, and {} these",
        protocol="every run of the pairs is judged at its end on the same validation images; the test set "
        "was not opened",
        strays="runs were tested, and the study says that the test set was not opened",
        untested=("pairs", "rates", "calibration"),
    ),
}
