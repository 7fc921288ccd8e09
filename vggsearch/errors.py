"""What goes wrong in a way that a person can correct.

Every message is one line that holds the rule, the value that broke it, and the remedy. The command line
prints it and exits with status 2; a library user catches `VggSearchError`, or one of its few kinds.
"""


class VggSearchError(Exception):
    """A mistake that a person can correct; its text is one line: rule, value, remedy."""


class ArchitectureError(VggSearchError):
    """An architecture that cannot be read or built: bad text, even kernels, more halvings than pixels."""


class SpaceError(VggSearchError):
    """A search space that is empty or badly described."""


class DesignError(VggSearchError):
    """An ablation that cannot be: a contrast that changes nothing, or not only what it promises."""


class StudyFileError(VggSearchError):
    """A study file that cannot be read, or that no longer fits the store it began in."""


class DataError(VggSearchError):
    """A data set that is unknown, absent, damaged or too small."""


class WeightsError(VggSearchError):
    """Weights that cannot be read, or that do not fit the net they are for."""


class StoreError(VggSearchError):
    """A store that cannot be written, is held by another controller, or holds a damaged record."""


class DeviceError(VggSearchError):
    """A device that is not there."""


class BundleError(VggSearchError):
    """An exported net that cannot be written, or one that is damaged, newer, or no such thing."""
