"""`model.onnx` in JavaScript, with onnxruntime-web in Node and in a browser, and `try.html` in a browser.

These need node, npm, Chromium and, once, the network; they are among the long tests (`--long`).
"""

import functools
import http.server
import json
import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from torch import Tensor

from vggsearch.export import load_bundle, load_trained, write_bundle
from vggsearch.export.classifier import logits_of
from vggsearch.export.trained import TrainedNet

DOCS = Path(__file__).parents[2] / "docs" / "export.md"
ORT = "onnxruntime-web@1.22.0"
CACHE = Path(tempfile.gettempdir()) / "vggsearch-tests-onnxruntime-web"

# Reads images.json (a list of bytes, for several images) and prints the logits.
PROGRAM = """
const {{ bytes, shape }} = JSON.parse({images});
const session = await ort.InferenceSession.create({model});
const {{ logits }} = await session.run({{ images: new ort.Tensor("uint8", Uint8Array.from(bytes), shape) }});
"""

NODE = (
    'import fs from "node:fs";\nimport * as ort from "onnxruntime-web";\n'
    + PROGRAM.format(images='fs.readFileSync("images.json")', model='fs.readFileSync("model.onnx")')
    + "console.log(JSON.stringify(Array.from(logits.data)));\n"
)

BROWSER = (
    '<!doctype html><p id="logits"></p><script type="module">\n'
    'import * as ort from "./ort/ort.wasm.min.mjs";\nort.env.wasm.numThreads = 1;\n'
    + PROGRAM.format(images='await (await fetch("images.json")).text()', model='"model.onnx"')
    + 'document.getElementById("logits").textContent = JSON.stringify(Array.from(logits.data));\n</script>\n'
)


@pytest.fixture(scope="module", autouse=True)
def _wanted(long):
    if not long:
        pytest.skip("long: installs onnxruntime-web and starts a browser")


def tool(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"needs {names[0]}")
    return found


@pytest.fixture(scope="module")
def onnxruntime_web() -> Path:
    """The folder node_modules that holds it, installed once."""
    npm = tool("npm")
    if not (CACHE / "node_modules" / "onnxruntime-web" / "package.json").exists():
        CACHE.mkdir(exist_ok=True)
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", ORT],
            cwd=CACHE,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"npm cannot install {ORT}: {done.stderr.strip()[-200:]}")
    return CACHE / "node_modules"


@pytest.fixture
def case(run, written, tmp_path):
    """A bundle with all test images in a file, and the logits of training for them."""
    return with_images(shutil.copytree(written.folder, tmp_path / "bundle"), load_trained(*run))


def with_images(folder: Path, trained: TrainedNet) -> tuple[Path, Tensor]:
    images = trained.images.images
    (folder / "images.json").write_text(
        json.dumps({"bytes": images.reshape(-1).tolist(), "shape": list(images.shape)})
    )
    return folder, logits_of(load_bundle(folder).module, images)


def check(text: str, expected) -> None:
    logits = expected.new_tensor(json.loads(text)).view_as(expected)
    assert float((logits - expected).abs().max()) < 1e-4
    assert logits.argmax(1).tolist() == expected.argmax(1).tolist()


def in_node(folder: Path, program: str, modules: Path) -> str:
    (folder / "node_modules").symlink_to(modules)
    (folder / "program.mjs").write_text(program)
    done = subprocess.run(
        [tool("node"), "program.mjs"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_browser(url: str) -> str:
    """The page at a URL after its scripts have run."""
    browser = tool("chromium", "chromium-browser", "google-chrome")
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--virtual-time-budget=20000",
            "--dump-dom",
            url,
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


@pytest.fixture
def served():
    """Serves a folder on this machine, and returns its URL."""
    servers = []

    def serve(folder: Path) -> str:
        handler = functools.partial(Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves modules with the type that browsers ask for, and logs nothing."""

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

    def log_message(self, *_):
        pass


def test_node_computes_the_same(case, onnxruntime_web):
    folder, expected = case
    check(in_node(folder, NODE, onnxruntime_web), expected)


@pytest.mark.parametrize("side", [5, 11])
def test_node_resizes_the_same(trainer, tmp_path, onnxruntime_web, side):
    trained = load_trained(*trainer("1x8+bn+gelu+gap", side, steps=3))
    write_bundle(tmp_path / "net", trained, onnx="bytes")
    folder, expected = with_images(tmp_path / "net", trained)
    check(in_node(folder, NODE, onnxruntime_web), expected)


def test_the_snippet_of_the_docs_runs_in_node(case, onnxruntime_web):
    (snippet,) = re.findall(r"^```javascript\n(.*?)^```", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert in_node(case[0], snippet, onnxruntime_web).strip() in ("above", "below")


def test_a_browser_computes_the_same(case, onnxruntime_web, served):
    folder, expected = case
    (folder / "ort").symlink_to(onnxruntime_web / "onnxruntime-web" / "dist")
    (folder / "page.html").write_text(BROWSER)
    page = in_browser(f"{served(folder)}/page.html")
    found = re.search(r'<p id="logits">(.+?)</p>', page)
    assert found is not None, page[:2000]
    check(found[1], expected)


@pytest.mark.parametrize("place", ["a server", "the file itself", "a server, with the weights beside it"])
def test_the_page_shows_the_classes_of_the_samples(case, served, place):
    folder, _ = case
    if place == "a server, with the weights beside it":
        page = (folder / "try.html").read_text()
        inside = re.sub(r'(<script type="text/plain" id="weights">).*?(</script>)', r"\1\2", page)
        assert len(inside) < len(page)
        (folder / "try.html").write_text(inside)
    url = folder.as_uri() if place == "the file itself" else served(folder)
    for number, one in enumerate(json.loads((folder / "sample" / "logits.json").read_text())):
        page = in_browser(f"{url}/try.html#{number}")
        logits = [float(text) for text in re.findall(r'title="logit ([-\d.]+)"', page)]
        assert logits == pytest.approx(one["logits"], abs=1e-4)
        assert f'aria-live="polite">{one["label"]}, ' in page
