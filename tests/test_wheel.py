"""The wheel, made from the source distribution, does all by itself: in an empty folder, without the checkout.

It is installed into a folder of its own, in front of the libraries of these tests.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from workplace import make_images

ROOT = Path(__file__).parents[1]
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
SDIST = "from setuptools import build_meta; build_meta.build_sdist('dist')"
SHORTER = (
    ("seconds: 10", "steps: 3"),
    ("baseline: true", "baseline: false"),
    ("count: 2, seeds: 5", "count: 1, seeds: 1"),
)
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def done(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """What a command that ends well prints."""
    made = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("checkout")
    for name in ("vggsearch", "studies"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, place)
    done(sys.executable, "-c", SDIST, cwd=place)
    (source,) = (place / "dist").glob("*.tar.gz")
    wheels = tmp_path_factory.mktemp("wheels")
    done(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, source, cwd=wheels)
    (made,) = wheels.iterdir()
    return made


@pytest.fixture(scope="module")
def vggsearch(wheel, tmp_path_factory):
    """Runs the installed command in a folder, which is empty at first but for pictures."""
    site, empty = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("empty")
    done(*PIP, "install", "--no-deps", "--target", site, wheel, cwd=empty)
    make_images(empty / "pictures")
    unset = ("VGGSEARCH_STORE", "VGGSEARCH_DATA")
    env = {name: value for name, value in os.environ.items() if name not in unset} | {"PYTHONPATH": str(site)}
    found = done(sys.executable, "-c", "import vggsearch; print(vggsearch.__file__)", cwd=empty, env=env)
    assert Path(found.strip()).is_relative_to(site)

    def run(*arguments: str) -> str:
        return done(site / "bin" / "vggsearch", *arguments, cwd=empty, env=env)

    run.folder = empty
    return run


def test_it_holds_what_the_checkout_holds(wheel):
    packed = set(zipfile.ZipFile(wheel).namelist())
    of_package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "vggsearch").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    studies = {f"vggsearch/studies/{path.name}" for path in (ROOT / "studies").glob("*.yaml")}
    assert {name for name in packed if ".dist-info/" not in name} == of_package | studies


def test_from_nothing_to_a_report_of_own_pictures(vggsearch):
    assert "\nquickstart " in vggsearch("studies")
    assert vggsearch("space", "quickstart").startswith("168 networks for 1×28×28 images\n")
    said = vggsearch("init", "--data", "folder:pictures").splitlines()
    assert said[-1] == "next: vggsearch run quickstart-pictures.yaml"
    file = vggsearch.folder / "quickstart-pictures.yaml"
    text = file.read_text()
    for whole, short in SHORTER:
        assert whole in text
        text = text.replace(whole, short)
    file.write_text(text)
    said = vggsearch("run", "quickstart-pictures", "--trials", "1", "--device", "cpu").splitlines()
    assert said[-1] == "report: vggsearch report quickstart-pictures.yaml"
    said = vggsearch("report", "quickstart-pictures").splitlines()
    assert said[-1] == "report: vggsearch-reports/quickstart-pictures/index.html"
    assert (vggsearch.folder / "vggsearch-reports/quickstart-pictures/index.html").is_file()


@pytest.mark.usefixtures("fashion_mnist_dir")
def test_a_shipped_study_runs_by_name(vggsearch, long):
    if not long:
        pytest.skip("a long form: with --long")
    last = vggsearch("run", "null", "--time-limit", "0.001", "--device", "cpu").splitlines()[-1]
    assert last == "time limit; to continue: vggsearch run null"
