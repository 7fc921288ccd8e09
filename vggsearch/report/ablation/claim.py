"""What the paper claimed of kernel sizes, and how this study differs from what it did."""

from collections.abc import Iterator

import pandas as pd

from vggsearch.report.ablation.ablation_findings import AblationFindings
from vggsearch.report.document import Block, Table, count, paragraph, plain, section, text_column
from vggsearch.report.shared import data_names

REFERENCE = (
    "K. Simonyan and A. Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, "
    "arXiv 1409.1556v6"
)

_PAPER = (
    "Two stacked 3×3 convolutions see what one 5×5 sees, and three see what one 7×7 sees, with fewer weights "
    "(27C² against 49C² for the latter) and more non-linearities between them. This is the argument of §2.3 "
    "of the paper that introduced VGG. §4.1 adds one experiment: net B beside a shallow net in which a "
    "single 5×5 replaces each pair of 3×3 convolutions. The shallow net's top-1 error was 7 % higher. Each "
    "net was trained once, and the two were matched in receptive field and channels alone. At 224×224 B's "
    "convolutions hold 9.402 M weights, those of the shallow net 10.859 M (+15 %). B takes 11.185 G MACs, "
    "the shallow net 9.232 G (−17 %). B has ten convolutions, the shallow net five. Teaching texts "
    "shortened this to “3×3 is better than 5×5”."
)

_LATER = (
    "Later work asks at equal cost: He and Sun (arXiv 1412.1710) find depth worth more than width at equal "
    "time; Inception-v3 (arXiv 1512.00567) splits 5×5 into two 3×3 to save 28 % of the work; ConvNeXt, "
    "RepLKNet and SLaK (arXiv 2201.03545, 2203.06717, 2207.03620) find large depthwise kernels better."
)


@section("claim", "What was claimed")
def claim_section(found: AblationFindings) -> Iterator[Block]:
    """The paper's claim, later work, and this study beside the paper's. Only for contrasts of kernels."""
    yield paragraph(_PAPER)
    yield paragraph(_LATER)
    columns = [
        text_column("", "item", str),
        text_column("the paper, §4.1", "paper", str),
        text_column("this study", "study", str),
    ]
    data = pd.DataFrame(_rows(found), columns=["item", "paper", "study"])
    yield Table("claim", "The paper's experiment and this one", columns, data, REFERENCE + ".")


def _rows(found: AblationFindings) -> list[tuple[str, str, str]]:
    study, plan = found.study, found.plan
    shape = "×".join(map(str, plan.input_shape)) if plan else "not known yet"
    images = f"about {count(plan.train_images)} training images" if plan else "size not known yet"
    classes = f"{plan.num_classes} classes" if plan else "classes not known yet"
    data = f"{data_names(found.results)}, {images}, {classes}"
    own = "receptive-field" in (study.contrasts or ())
    pair = "contrast receptive-field" if own else "not among the contrasts"
    equal = ", ".join(dict.fromkeys(held for effect in found.effects for held in effect.contrast.held))
    rates = ", ".join(f"{lr:g}" for lr in study.rates.grid)
    return [
        ("data", "ILSVRC-2012, 1.3 M images, 1000 classes", data),
        ("input", "3×224×224", shape),
        ("nets", "B (ten convolutions, 64 to 512 channels, fc heads)", f"{study.control} as the control"),
        ("training", "74 epochs", f"{study.budget}, recipe in the study file"),
        ("learning rate", "one schedule for all", f"of {rates}, each arm the one that suits it"),
        (
            "runs",
            "one of each net",
            f"{'at most ' if study.looks else ''}{study.pairs} paired seeds of each arm planned",
        ),
        ("held equal", "receptive field, width", plain(equal) or "nothing yet"),
        ("the paper's pair", "each pair of 3×3 against one 5×5", pair),
        ("measured on", "validation images of the challenge", found.wording.measured_on),
    ]
