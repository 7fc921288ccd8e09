"""`model.py`: the net as a file of plain torch, made from the expansion that cost and model share."""

from vggsearch.arch import DROPOUT, Architecture, Layer, expand
from vggsearch.export.preprocess import Preprocess
from vggsearch.export.templating import render
from vggsearch.model import ACTIVATION_MODULES


def standalone_source(preprocess: Preprocess) -> str:
    """The text of `model.py`. It imports torch alone, and Pillow where it reads a picture.

    It needs `model.safetensors` and `preprocess.json` beside it. It is formatted as `ruff format` does.
    """
    net, task = Architecture.parse(preprocess.architecture), preprocess.task
    stages: dict[str, list[tuple[str, str]]] = {}
    for layer in expand(net, task):
        stage, name = layer.name.split(".")
        stages.setdefault(stage, []).extend(_lines(name, layer, net.activation))
    return render(
        "model.py.j2",
        architecture=preprocess.architecture,
        num_classes=task.num_classes,
        mean=_floats(preprocess.mean),
        std=_floats(preprocess.std),
        image_shape=preprocess.image_shape,
        takes_pictures=preprocess.takes_pictures,
        mode="L" if preprocess.image_shape[0] == 1 else "RGB",
        stages=stages,
        side=preprocess.side,
        shrinks=preprocess.shrinks,
    )


def _lines(name: str, layer: Layer, activation: str) -> list[tuple[str, str]]:
    """Names and constructors of the modules that do what `layer` does."""
    inputs, outputs, size = layer.in_shape[0], layer.out_shape[0], layer.kernel_size
    match layer.op:
        case "conv":
            padding = f", padding={size // 2}" if size > 1 else ""
            return [(name, f"nn.Conv2d({inputs}, {outputs}, {size}{padding})")]
        case "norm":
            return [(name, f"nn.BatchNorm2d({inputs})")]
        case "activation":
            return [(name, f"nn.{type(ACTIVATION_MODULES[activation]()).__name__}()")]
        case "pool":
            return [(name, f"nn.MaxPool2d({size})")]
        case "gap":
            return [(name, "nn.AdaptiveAvgPool2d(1)"), ("flatten", "nn.Flatten()")]
        case "flatten":
            return [(name, "nn.Flatten()")]
        case "linear":
            return [(name, f"nn.Linear({inputs}, {outputs})")]
        case "dropout":
            return [(name, f"nn.Dropout({DROPOUT})")]


def _floats(numbers: tuple[float, ...]) -> str:
    """Nine digits are enough for every float32."""
    return f"[{', '.join(f'{number:.9g}' for number in numbers)}]"
