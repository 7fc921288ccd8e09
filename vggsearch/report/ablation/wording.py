"""What a report says of the images on which pairs are judged, in one place."""

from collections.abc import Mapping
from dataclasses import dataclass

from vggsearch.designs import EvaluateOn
from vggsearch.runs import Stage


@dataclass(frozen=True, slots=True)
class Wording:
    """Sentences and parts of sentences, each for one place on the page."""

    caution: tuple[str, ...]
    """Remarks under the answer that limit it."""
    judged: str
    """The verb for what was done with a net on these images."""
    measured_on: str
    """The images, in the table of the paper's claim."""
    rates: str
    """The part that these images had in the choice of learning rates."""
    rates_threat: str
    """The same, as a threat to validity."""
    registered: str
    """These images, in the list of what was fixed before the first run."""
    runs: str
    """Which runs never saw the test set."""
    threat: str
    """Name of the threat that these images are."""
    shared: str
    """That threat in this study; `{}` stands for the runs that share the images."""
    protocol: str
    """Why the protocol of evaluation is the same for all arms."""
    strays: str
    """What follows the number of runs that saw the test set and should not have."""
    untested: tuple[Stage, ...]
    """Stages whose runs must not see the test set."""


WORDINGS: Mapping[EvaluateOn, Wording] = {
    "test": Wording(
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
    "validation": Wording(
        caution=(
            "This study served to choose: its pairs are judged on validation images, and the test set was "
            "not opened. A study of its own must measure what is chosen here, on images that had no part in "
            "the choice.",
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
