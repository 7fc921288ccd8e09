"""The names and pictures that a report keeps of the test images, read once, when it is made from a store."""

from pathlib import Path

from vggsearch.data import class_names, read_test_pictures
from vggsearch.errors import DataError
from vggsearch.report.document import plain
from vggsearch.report.shared.answers import MOST_CLASSES, Answers
from vggsearch.study import KeptImages


def kept_images(answers: Answers, data_dir: Path | None) -> KeptImages:
    """Names of the classes, and pictures of the first arm's surest mistakes, as far as the data are at hand.

    Only images of runs that were tested already are read.
    """
    name = next(iter(answers.records.values())).key.data.name
    try:
        classes = tuple(plain(one, 100) for one in class_names(name))
    except (DataError, OSError):
        classes = ()
    if len(classes) != answers.num_classes or len(classes) > MOST_CLASSES:
        classes = ()
    wanted = [int(image) for image in answers.mistakes(answers.arms[0])["image"]]
    if not wanted:
        return KeptImages(classes=classes)
    try:
        pixels = read_test_pictures(
            name, wanted, answers.labels, most_side=KeptImages.most_side, data_dir=data_dir
        )
    except (DataError, OSError):
        absent = (
            f"There are no pictures of these images: the test images of {plain(name, 200)} were absent, or "
            "others than those of the runs, when this report was made from the store."
        )
        return KeptImages(classes=classes, absent=absent)
    return KeptImages.of(classes, wanted, pixels)
