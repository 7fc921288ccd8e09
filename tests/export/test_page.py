"""`try.html`: its forward pass and its conversion of pictures, run by Node, and what may stand in it."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import PIL
import pytest
from PIL import Image

from vggsearch.data.image_files import decode
from vggsearch.export import load_bundle, load_trained, write_bundle
from vggsearch.export.page import try_page
from vggsearch.export.samples import Sample
from vggsearch.export.templating import FOLDER

# The functions of net.js are called with what stands in the file that is named, and their answers printed.
DRIVER = """
const fs = require("fs");
const cases = JSON.parse(fs.readFileSync(process.argv[2]));
const answers = [];
(async () => {
  for (const { call, rgba, width, height, shape, net, weights } of cases) {
    const bytes = toBytes(Uint8ClampedArray.from(rgba), width, height, shape);
    if (call === "bytes") { answers.push(Array.from(bytes)); continue; }
    const file = fs.readFileSync(weights);
    const numbers = readWeights(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
    answers.push(Array.from(await logitsOf(bytes, net, numbers)));
  }
  console.log(JSON.stringify(answers));
})();
"""


PILLOW = int(PIL.__version__.partition(".")[0])


@pytest.fixture(scope="module")
def node():
    found = shutil.which("node")
    if found is None:
        pytest.skip("needs node")
    return found


@pytest.fixture
def javascript(node, tmp_path):
    """Calls net.js with cases, and returns its answers."""

    def call(cases: list[dict]) -> list[np.ndarray]:
        (tmp_path / "run.js").write_text((FOLDER / "net.js").read_text() + DRIVER)
        (tmp_path / "cases.json").write_text(json.dumps(cases))
        done = subprocess.run(
            [node, str(tmp_path / "run.js"), str(tmp_path / "cases.json")],
            capture_output=True,
            text=True,
            check=True,
        )
        return [np.array(answer) for answer in json.loads(done.stdout)]

    return call


def script(page: str, name: str) -> str:
    found = re.search(rf'<script[^>]*id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return found[1]


def rgba(image: Image.Image) -> dict[str, object]:
    return {
        "rgba": np.asarray(image.convert("RGBA")).reshape(-1).tolist(),
        "width": image.width,
        "height": image.height,
    }


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_become_the_bytes_of_training(javascript, tmp_path, channels):
    rng = np.random.default_rng(channels)
    cases, expected = [], []
    for number, (mode, size) in enumerate(
        [
            ("L", (8, 8)),
            ("RGB", (31, 17)),
            ("RGB", (5, 40)),
            ("RGBA", (12, 9)),
            ("L", (8, 3)),
            ("RGB", (7, 8)),
        ]
    ):
        bands = len(mode)
        pixels = rng.integers(0, 256, (size[1], size[0], bands), dtype=np.uint8)
        image = Image.fromarray(pixels[..., 0] if bands == 1 else pixels, mode)
        path = tmp_path / f"{number}.png"
        image.save(path)
        shape = (channels, 8, 8)
        cases.append({"call": "bytes", "shape": shape, **rgba(image)})
        expected.append(decode(path, shape)[0])
    for found, pixels in zip(javascript(cases), expected, strict=True):
        # Pillow 13 rounds the same; versions that resize in another order differ by 1 in some bytes.
        assert np.abs(found - pixels.reshape(-1)).max() <= (0 if PILLOW == 13 else 1)


@pytest.mark.parametrize(
    ("architecture", "side"),
    [
        ("1x8-2x8k5,1+bn+gap", 8),
        ("1x8-1x8+bn+gelu+gap", 13),
        ("1x8+silu+fc12,10", 5),
        ("1x8+bn+leaky_relu+gap", 8),
    ],
)
def test_the_page_computes_the_logits_of_training(javascript, trainer, tmp_path, architecture, side):
    write_bundle(tmp_path / "net", load_trained(*trainer(architecture, side, steps=3)), onnx=None)
    net = json.loads(script((tmp_path / "net" / "try.html").read_text(), "net"))
    kept = json.loads((tmp_path / "net" / "sample" / "logits.json").read_text())
    cases = []
    for one in kept:
        with Image.open(tmp_path / "net" / "sample" / one["file"]) as image:
            weights = str(tmp_path / "net" / "model.safetensors")
            cases.append(
                {"call": "logits", "shape": net["image_shape"], "net": net, "weights": weights, **rgba(image)}
            )
    for logits, one in zip(javascript(cases), kept, strict=True):
        assert logits == pytest.approx(one["logits"], abs=1e-4)


def test_the_page_is_whole_and_its_script_is_the_one_that_it_allows(written):
    page = (written.folder / "try.html").read_text()
    text = page[page.rindex("<script>") + len("<script>") : page.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert base64.b64decode(script(page, "weights")) == (written.folder / "model.safetensors").read_bytes()
    assert "http" not in text.replace("http.server", "").replace(
        "http://localhost:8000", ""
    )  # no other place
    assert len(json.loads(script(page, "net"))["samples"]) == 2


class Tags(HTMLParser):
    """Every tag of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, _):
        self.found.append(tag)


def test_texts_of_a_stranger_stay_texts(written):
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>&amp;"
    bundle = load_bundle(written.folder)
    preprocess = bundle.preprocess.model_copy(update={"labels": (evil, "b")})
    sample = Sample("0.png", evil, b"", (0.0, 0.0))

    def tags(preprocess, sample, text):
        return Tags(try_page(preprocess, b"", (sample,), title=text, summary=text)).found

    harmless = tags(bundle.preprocess, Sample("0.png", "a", b"", (0.0, 0.0)), "a")
    assert tags(preprocess, sample, evil) == harmless
    page = try_page(preprocess, b"", (sample,), title=evil, summary=evil)
    assert json.loads(script(page, "net"))["labels"] == [evil, "b"]


def test_large_weights_are_loaded_from_beside_the_page(written, monkeypatch):
    monkeypatch.setattr("vggsearch.export.page.EMBED_BYTES", 10)
    preprocess = load_bundle(written.folder).preprocess
    page = try_page(preprocess, b"12345678901", (), title="a", summary="b")
    assert script(page, "weights") == ""
