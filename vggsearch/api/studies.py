"""A study that can be run: its definition, and the folder that keeps its runs."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from vggsearch.api.results import Results
from vggsearch.display import finish_with_display
from vggsearch.errors import VggSearchError
from vggsearch.store import Store
from vggsearch.study import Resources, Study as Definition, read_results


@dataclass(frozen=True, slots=True, repr=False)
class Study:
    """A search or an ablation, made by `search`, `ablation` or `load_study`."""

    definition: Definition
    """What a study file holds, validated."""
    store: Path
    """Folder that keeps every finished run."""

    @property
    def name(self) -> str:
        """Its name in the store and in reports."""
        return self.definition.name

    @property
    def kind(self) -> str:
        """`search` or `ablation`."""
        return str(self.definition.model_dump()["kind"])

    def run(
        self,
        *,
        workers: int | None = None,
        device: str = "auto",
        data_dir: str | Path | None = None,
    ) -> Results:
        """Make the runs that are left, with a progress display, and return the results.

        After an interruption (Ctrl-C, or a notebook's stop button) the next call continues. A first
        interruption lets active runs finish, a second one ends them at once.

        Args:
            workers: Runs at once; by default one per core or accelerator.
            device: `auto`, `cpu`, `cuda`, `xpu` or `mps`; `cuda:N` or `xpu:N` for one of several.
            data_dir: Folder in which data sets are looked for first.

        Raises:
            KeyboardInterrupt: The study was interrupted; finished runs are kept.
            VggSearchError: The data, the device or the store cannot be used, or the first runs all crashed.
        """
        resources = Resources(device, workers, None if data_dir is None else Path(data_dir))
        opened = Store.open(self.store, create=True)
        found, why = finish_with_display(self.definition, opened, resources)
        if why == "interrupted":
            raise KeyboardInterrupt(f"{self.name}: run it again to continue; finished runs are kept")
        return Results(found)

    def results(self) -> Results:
        """What the store holds of the study now, without training. Raises `StoreError` without a store."""
        return Results(read_results(Store.open(self.store), self.definition))

    def to_yaml(self) -> str:
        """The study as the text of a study file.

        >>> import vggsearch as vs
        >>> print(vs.search(architectures=["1x8+gap"], budget="1s").to_yaml())
        kind: search
        data: {name: fashion-mnist}
        recipe: dash
        budget: {seconds: 1}
        architectures: [1x8+gap]
        strategy: grid
        <BLANKLINE>
        """
        return self.definition.source

    def save(self, folder: str | Path = ".") -> Path:
        """Write the study as `folder/NAME.yaml`, for `vggsearch run`; returns the path.

        Raises `VggSearchError` where another file is there, or the file cannot be written.
        """
        path, text = Path(folder) / f"{self.name}.yaml", self.to_yaml()
        try:
            if path.exists() and path.read_text() != text:
                raise VggSearchError(
                    f"{path} is another file: remove it, or give the study a name of its own"
                )
            path.write_text(text)
        except OSError as error:
            raise VggSearchError(
                f"{path} cannot be written ({error.strerror}): name another folder"
            ) from error
        return path

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}, runs kept in {self.store}>"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p><pre>{escape(self.to_yaml())}</pre>"
