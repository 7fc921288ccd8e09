"""What the paper claimed of kernel sizes, and how this study differs from what it did."""

import pandas as pd

from vggsearch.report.ablation.findings import Ablation
from vggsearch.report.document import Column, Section, Table, count, plain, text
from vggsearch.report.shared import data_names

REFERENCE = (
    "K. Simonyan and A. Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, "
    "arXiv 1409.1556v6"
)

_PAPER = (
    "Two stacked 3×3 convolutions see what one 5×5 sees, and three see what one 7×7 sees, with fewer weights "
    "(27C² against 49C² for the latter) and more non-linearities between them: so argues §2.3 of the paper "
    "that introduced VGG. §4.1 adds one experiment: net B beside a shallow net in which each of its pairs "
    "of 3×3 convolutions is a single 5×5; the shallow net's top-1 error was 7 % higher. Each net was trained "
    "once, and the two were matched in receptive field and channels alone: at 224×224 B's convolutions "
    "hold 9.402 M weights, those of the shallow net 10.859 M (+15 %); B takes 11.185 G MACs, the shallow "
    "net 9.232 G (−17 %); B has ten convolutions, the shallow net five. “3×3 is better than 5×5” is what "
    "teaching texts made of it."
)

_LATER = (
    "Later work asks at equal cost: He and Sun (arXiv 1412.1710) find depth worth more than width at equal "
    "time; Inception-v3 (arXiv 1512.00567) splits 5×5 into two 3×3 to save 28 % of the work; ConvNeXt, "
    "RepLKNet and SLaK (arXiv 2201.03545, 2203.06717, 2207.03620) find large depthwise kernels better."
)


def section(found: Ablation) -> Section | None:
    """None where the study's contrasts are not of kernels."""
    if found.study.contrasts is None:
        return None
    rows = _rows(found)
    columns = (Column("", "left"), Column("the paper, §4.1", "left"), Column("this study", "left"))
    data = pd.DataFrame(rows, columns=["item", "paper", "study"])
    table = Table("claim", "The paper's experiment and this one", columns, rows, data, REFERENCE + ".")
    return Section("claim", "What was claimed", (text(_PAPER), text(_LATER), table))


def _rows(found: Ablation) -> list[tuple[str, str, str]]:
    study, plan = found.study, found.plan
    shape = "×".join(map(str, plan.input_shape)) if plan else "not known yet"
    images = f"about {count(plan.train_images)} training images" if plan else "size not known yet"
    classes = f"{plan.num_classes} classes" if plan else "classes not known yet"
    own = "receptive-field" in (study.contrasts or ())
    equal = ", ".join(dict.fromkeys(held for effect in found.effects for held in effect.contrast.held))
    rates = ", ".join(f"{lr:g}" for lr in study.rates.grid)
    return [
        (
            "data",
            "ILSVRC-2012, 1.3 M images, 1000 classes",
            f"{data_names(found.results)}, {images}, {classes}",
        ),
        ("input", "3×224×224", shape),
        ("nets", "B (ten convolutions, 64 to 512 channels, fc heads)", f"{study.control} as the control"),
        ("training", "74 epochs", f"{study.budget}, recipe in the study file"),
        ("learning rate", "one schedule for all", f"of {rates}, each arm the one that suits it"),
        ("runs", "one of each net", f"{study.seeds} paired seeds of each arm planned"),
        ("held equal", "receptive field, width", plain(equal) or "nothing yet"),
        (
            "the paper's pair",
            "each pair of 3×3 against one 5×5",
            "contrast receptive-field" if own else "not among the contrasts",
        ),
        ("measured on", "validation images of the challenge", found.words.measured_on),
    ]
