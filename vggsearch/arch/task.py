"""`Task`: what a network is for, which together with its architecture decides its shapes."""

from dataclasses import dataclass

from vggsearch.errors import ArchitectureError

MAX_SIDE = 4096
MAX_CLASSES = 1_000_000


@dataclass(frozen=True, slots=True)
class Task:
    """To sort images of one shape into classes; by default Fashion-MNIST's.

    Raises `ArchitectureError` where the shape or the number of classes is out of bounds.
    """

    input_shape: tuple[int, int, int] = (1, 28, 28)
    """Channels, height and width of the images that the network is fed, after resizing."""
    num_classes: int = 10

    def __post_init__(self) -> None:
        channels, height, width = self.input_shape
        if not (1 <= channels <= MAX_SIDE and 1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
            raise ArchitectureError(
                f"an input is channels x height x width, each from 1 to {MAX_SIDE}, "
                f"not {channels}x{height}x{width}: use 1x28x28, for example"
            )
        if not 2 <= self.num_classes <= MAX_CLASSES:
            raise ArchitectureError(
                f"a classifier has 2 to {MAX_CLASSES} classes, not {self.num_classes}: use 10, for example"
            )

    def __str__(self) -> str:
        return f"{'×'.join(map(str, self.input_shape))} images, {self.num_classes} classes"

    @property
    def max_blocks(self) -> int:
        """How often the shorter side of an image can be halved: the most blocks that fit."""
        return min(self.input_shape[1:]).bit_length() - 1


FASHION_MNIST = Task()
