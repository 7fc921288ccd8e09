"""Studies defined in Python: the same keys as in a study file, validated by the same code."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vggsearch.api.datasets import data_keys
from vggsearch.api.studies import Study
from vggsearch.recipe import Budget, Recipe
from vggsearch.study import define_study, load_study as load

STORE = Path(".vggsearch")
"""Default folder of a study's runs, as on the command line."""


def search(
    space: Mapping[str, object] | None = None,
    *,
    data: object = "fashion-mnist",
    recipe: str | Mapping[str, object] | Recipe = "dash",
    budget: str | Mapping[str, object] | Budget = "10s",
    name: str | None = None,
    store: str | Path = STORE,
    **keys: object,
) -> Study:
    """Define a search: which architectures of `space` are best for their cost?

    >>> import vggsearch as vs
    >>> study = vs.search(
    ...     {"num_blocks": [2, 3], "convs_per_block": [1, 2], "ratio": [16, 32], "kernel_size": [3, 5]},
    ...     budget="2s",
    ...     trials=8,
    ... )
    >>> study.kind
    'search'

    Nothing is trained before `Study.run`. The same definition is the same study: running it again, in this
    session or in another, continues it.

    Args:
        space: The choices, as the key `space` of a study file: `num_blocks`, `convs_per_block`, `ratio`,
            `kernel_size`, and optionally `channels`, `activation`, `batch_norm`, `head`, `constraints`.
        data: Name of a data set, `folder:PATH` for a folder of images, a pair (images, labels) or a `Dataset`
            as in `dataset`, what `dataset` returns, or the key `data` of a study file.
        recipe: How nets are trained: a recipe's name, the key `recipe` of a study file, or a `Recipe`.
        budget: How long each net is trained: `10s`, `2epochs`, `500steps`, `1e12macs`, or a `Budget`.
        name: The study's name in the store; by default made from its definition.
        store: Folder that keeps every finished run.
        **keys: Any other key of a study file of kind `search`, such as `strategy` (default `tpe`; `grid` for
            a list of `architectures`), `trials` (default 20), `architectures`, `objectives`, `finalists`.

    Raises:
        StudyFileError: A key or a value is not allowed; the message says which one would be.
    """
    keys = {"space": space, "data": data, "recipe": recipe, "budget": budget} | keys
    listed = keys.get("architectures") is not None and "trials" not in keys
    chosen = keys.get("strategy", keys.get("sampler"))
    if chosen is None:
        chosen = keys["strategy"] = "grid" if listed else "tpe"
    if chosen != "grid":
        keys.setdefault("trials", 20)
    return _define("search", keys, name, store)


def ablation(
    control: str,
    *,
    contrasts: Sequence[str] | None = None,
    factors: Mapping[str, Sequence[object]] | None = None,
    primary: str | None = None,
    data: object = "fashion-mnist",
    recipe: str | Mapping[str, object] | Recipe = "fast",
    budget: str | Mapping[str, object] | Budget = "1epochs",
    name: str | None = None,
    store: str | Path = STORE,
    **keys: object,
) -> Study:
    """Define an ablation: does one change of `control` matter, and by how much?

    >>> import vggsearch as vs
    >>> study = vs.ablation("2x8-2x16-2x32+bn+gap", contrasts=["iso-macs"], budget="1epochs", seeds=6)
    >>> study.kind
    'ablation'

    Args:
        control: The architecture that is changed.
        contrasts: Names of kernel contrasts, such as `drop-in`, `receptive-field`, `iso-macs`.
        factors: Levels of each factor, in place of `contrasts`: `{"batch_norm": [True, False]}`.
        primary: The contrast that the study is about; by default the first of `contrasts`.
        data: As in `search`.
        recipe: As in `search`.
        budget: As in `search`.
        name: As in `search`.
        store: As in `search`.
        **keys: Any other key of a study file of kind `ablation`, such as `seeds`, `learning_rates`,
            `margin_pp`.

    Raises:
        StudyFileError: A key or a value is not allowed; the message says which one would be.
    """
    given: dict[str, object] = {"control": control, "contrasts": contrasts, "factors": factors}
    given |= {"primary": primary or (contrasts[0] if contrasts else None)}
    given |= {"data": data, "recipe": recipe, "budget": budget}
    return _define("ablation", given | keys, name, store)


def load_study(path: str | Path, *, store: str | Path = STORE) -> Study:
    """Read a study file.

    Args:
        path: The file.
        store: Folder that keeps every finished run.

    Raises:
        StudyFileError: The file is absent, or a key or a value in it is not allowed.
    """
    return Study(load(Path(path)), Path(store))


def _define(kind: str, keys: Mapping[str, object], name: str | None, store: str | Path) -> Study:
    data, budget = keys["data"], keys["budget"]
    given = {"kind": kind} | {key: value for key, value in keys.items() if value is not None}
    given["data"] = data_keys(data)
    if isinstance(budget, str):
        given["budget"] = Budget.parse(budget)
    return Study(define_study(given, name), Path(store))
