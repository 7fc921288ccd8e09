"""What a benchmark found, as a table at the end of the run: the source of docs/performance.md."""

from pathlib import Path

import pytest


def pytest_terminal_summary(terminalreporter, config) -> None:
    session = getattr(config, "_benchmarksession", None)
    found = [
        (Path(bench.fullname).name.partition("::")[0], figure, value)
        for bench in (session.benchmarks if session else ())
        for figure, value in bench.extra_info.items()
        if isinstance(value, dict) and "median" in value
    ]
    if not found:
        return
    terminalreporter.section("figures: median (least to most), n, goal")
    for _, figure, value in found:
        spread = f"({value['least']:.4g} to {value['most']:.4g})"
        terminalreporter.write_line(
            f"| {figure} | {value['median']:.4g} {spread} | {value['n']} | {value['goal']} |"
        )


@pytest.fixture(scope="session")
def torchvision_root(fashion_mnist_dir, tmp_path_factory) -> Path:
    """A folder in which torchvision's `FashionMNIST` finds the files that were fetched."""
    import gzip

    root = tmp_path_factory.mktemp("torchvision")
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for path in fashion_mnist_dir.glob("*.gz"):
        (raw / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(path.read_bytes()))
    return root
