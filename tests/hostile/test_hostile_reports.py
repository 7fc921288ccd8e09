"""Report folders from strangers, made again by `report --from`: in every format their texts stay texts."""

import csv
import gzip
import io
import json
import os
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from place import Place, unsafe

from vggsearch.designs.plan import Plan
from vggsearch.runs.record import RunRecord

REPORTS = Path(__file__).parents[2] / "reports"
KINDS = {"search": "quickstart", "ablation": "null"}

PAYLOADS = (
    "<script>alert('STRANGER')</script>",
    "</title></style></script></svg></pre><img src=http://evil/x onerror=alert(1)>",
    "\"' onmouseover=alert(1) x='",
    "javascript:alert(1)",
    '=HYPERLINK("http://evil")',
    "+cmd|'/c calc'!A1",
    "-2+3+cmd|'/c calc'!A1",
    "@SUM(1+1)*cmd|'/c calc'!A1",
    "\t=1+1",
    "\r=1+1",
    "\uff1d1+1",
    "[x](javascript:alert(1)) ![y](http://evil/z.png) <http://evil> www.evil.example",
    "\\input{/etc/passwd} \\write18{touch STRANGER} $\\frac ^^5cinput{x}",
    "{{ 7*7 }} {% include '/etc/passwd' %} ${7*7}",
    "\x1b]0;owned\x07\x1b[31m\x9b31m",
    "\u202elmth.exe\u202c\u2066",
    "a | b\n# c\n```\n<b>",
    "[red]x[/red][link=http://evil]y[/link]",
    "'; touch STRANGER; '",
)
EVERYTHING = " ".join(PAYLOADS)


def forged(folder: Path, kind: str, text: str) -> None:
    """The report of a real study in `folder`, with `text` in every place that takes any."""
    shutil.copytree(REPORTS / KINDS[kind] / "data", folder / "data")
    data = folder / "data"
    digests: dict[str, str] = {}
    runs = []
    for line in (data / "runs.jsonl").read_text().splitlines():
        run = json.loads(line)
        before = RunRecord.model_validate(run).key.digest
        run["key"]["data"]["name"] = run["key"]["device_model"] = text
        run["reason"] = text[:2000]
        run["provenance"] |= dict.fromkeys(("vggsearch", "commit", "python", "torch", "platform"), text)
        run["provenance"] |= {"processor": text, "gpu": text}
        digests[before] = RunRecord.model_validate(run).key.digest
        runs.append(run)
    runs[-1] |= {"outcome": "diverged"}
    trials = []
    for line in (data / "trials.jsonl").read_text().splitlines():
        trial = json.loads(line)
        trial |= {"run": digests[trial["run"]], "reason": text[:2000]} if trial["run"] else {}
        trial["params"] |= {text[:500]: text}
        trials.append(trial)
    contents = json.loads((data / "study.json").read_text()) | {"notes": [text, text[::-1]]}
    contents["path"] = f"{text[:500]}/../x/{Path(contents['path']).name}"
    for registration in contents["plans"]:
        plan = registration["plan"]
        plan["device_model"] = plan["data"]["name"] = text
        for contrast in plan["contrasts"]:
            contrast |= {"better": text[:500], "worse": text[:500], "at": text[:500]}
        registration["digest"] = Plan.model_validate(plan).digest
    (data / "study.json").write_text(json.dumps(contents))
    for name, records in (("runs", runs), ("trials", trials)):
        (data / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    source = re.sub(r"(?m)^question:.*\n(?:  .*\n)*", "", (data / "study.yaml").read_text())
    question = "".join(c for c in text if c.isprintable())
    (data / "study.yaml").write_text(source + f"question: {json.dumps(question)}\n# {question}\n")


class Page(HTMLParser):
    """What a browser makes of a page: its tags, attributes and links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.fixture(scope="module", params=KINDS)
def made(request, watched, tmp_path_factory):
    """A report that was made again from the data of a stranger, and its kind."""
    place = Place(tmp_path_factory.mktemp("report"), watched)
    forged(place.given / "report", request.param, EVERYTHING)
    told = place.run("report", "--from", "report", "--out", str(place.out))
    assert told.status == 0, told.err
    return request.param, place.out


def test_a_page_has_no_tag_attribute_or_address_of_a_stranger(made):
    kind, folder = made
    text = (folder / "index.html").read_text()
    assert "HYPERLINK" in text
    honest, page = Page((REPORTS / KINDS[kind] / "index.html").read_text()), Page(text)
    assert set(page.tags) <= set(honest.tags)
    assert {name for name, _ in page.attributes} <= {name for name, _ in honest.attributes}
    assert [page.tags.count("script"), page.tags.count("title")] == [1, 1]
    assert page.tags.count("style") == 1 + page.tags.count("svg")  # every figure has one
    for name, value in page.attributes:
        if name in ("href", "src", "xlink:href", "action"):
            assert value.startswith(("#", "tables/", "figures/", "data/")), value
        if name == "style":
            assert "url(" not in value
            assert "STRANGER" not in value
    assert unsafe(text) == set()


def test_markdown_has_no_html_and_no_link_of_a_stranger(made):
    _, folder = made
    text = (folder / "report.md").read_text()
    assert "HYPERLINK" in text
    assert unsafe(text) == set()
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    everything = [inner for token in tokens for inner in (token, *(token.children or ()))]
    assert {"inline", "text", "fence"} <= {token.type for token in everything}
    assert not [token for token in everything if token.type in ("html_inline", "html_block")]
    addresses = [token.attrs.get("href") or token.attrs.get("src") for token in everything]
    for address in filter(None, addresses):
        assert re.match(r"(figures|tables|data)/[a-z_.0-9]*$|index\.html$", str(address)), address


def test_no_cell_of_a_csv_file_is_a_formula(made):
    _, folder = made
    cells = [cell for path in (folder / "tables").iterdir() for row in rows_of(path) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    for cell in cells:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d")) or is_number(cell), cell
        assert unsafe(cell) == set()
    assert any(cell.startswith("-") for cell in cells)


def rows_of(path: Path) -> list[list[str]]:
    if ".csv" not in path.name:
        return []
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


def is_number(cell: str) -> bool:
    return re.fullmatch(r"-?[0-9.]+(e[-+]?[0-9]+)?", cell) is not None


def test_a_latex_table_has_no_command_of_a_stranger(made):
    _, folder = made
    text = "\n".join(path.read_text() for path in (folder / "tables").glob("*.tex"))
    commands = set(re.findall(r"\\([A-Za-z]+|.)", text))
    layout = {"begin", "end", "caption", "label", "toprule", "midrule", "bottomrule", "\\", "centering"}
    signs = {"textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textquotedbl"}
    assert commands <= layout | signs | {"pm", "times", "leq", "geq", *"&%$#_{}"}
    assert unsafe(text) == set()


def test_a_figure_draws_and_does_nothing(made):
    _, folder = made
    figures = sorted((folder / "figures").glob("*.svg"))
    assert figures
    for path in figures:
        for element in ElementTree.parse(path).iter():
            assert element.tag.rpartition("}")[2] not in ("script", "foreignObject", "a", "image", "animate")
            for name, value in element.attrib.items():
                local = name.rpartition("}")[2]
                assert not local.startswith("on")
                assert local != "href" or value.startswith("#")


def test_the_commands_to_repeat_a_report_are_one_word_a_name(made):
    """They are there to be copied into a shell."""
    _, folder = made
    lines = [line for line in (folder / "report.md").read_text().splitlines() if "touch STRANGER" in line]
    commands = [shlex.split(line) for line in lines if line.startswith("vggsearch ")]
    assert {words[1] for words in commands} >= {"run", "report"}
    assert {len(words) for words in commands} == {3}


def test_a_link_in_a_report_is_replaced_and_not_written_through(place):
    folder = place.given / "report"
    shutil.copytree(REPORTS / "null", folder)
    links = {"index.html": "diary.txt", "report.md": "new.md", "tables/arms.csv": "table.csv"}
    for name, target in links.items():
        (folder / name).unlink()
        (folder / name).symlink_to(place.own / target)
    assert place.run("report", "--from", "report", writable=(folder,)).status == 0
    assert not [name for name in links if (folder / name).is_symlink()]


@pytest.mark.parametrize("part", ["figures", "tables", "data"])
def test_a_report_whose_folders_are_links_is_not_made_again(place, part):
    folder = place.given / "report"
    shutil.copytree(REPORTS / "null", folder)
    shutil.move(folder / part, place.own / part)
    (folder / part).symlink_to(place.own / part)
    line = place.refused("report", "--from", "report", writable=(folder,))
    assert f"{part} must be a folder, and is a link" in line


@pytest.mark.parametrize("name", ["study.json", "study.yaml", "runs.jsonl", "trials.jsonl"])
@pytest.mark.parametrize("kind", ["link", "pipe", "device", "folder", "sparse"])
def test_data_that_are_no_files_are_not_read(place, name, kind):
    folder = place.given / "report" / "data"
    shutil.copytree(REPORTS / "null" / "data", folder)
    path = folder / name
    path.unlink()
    if kind == "link":
        path.symlink_to(place.own / "diary.txt")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(1 << 33)
    line = place.refused("report", "--from", "report", "--out", str(place.out))
    assert "a report's data must be whole and unchanged" in line
    if kind == "link":
        assert "mine" not in line


def swollen(megabytes: int) -> bytes:
    """Lines without end: gzip members, each of four megabytes, are one archive together."""
    return gzip.compress(b"\n" * (4 << 20), 9) * (megabytes // 4)


def strange_key() -> bytes:
    contents = json.loads((REPORTS / "null" / "data" / "study.json").read_text())
    return json.dumps(contents | {"\x1b]0;owned\x07\u202e": 1}).encode()


BROKEN = {
    "an archive that swells": ("runs.jsonl.gz", lambda: swollen(260), "bytes when decompressed"),
    "a value that nests": ("runs.jsonl", lambda: b'{"key":' * 100_000 + b"\n", "line 1"),
    "a number of digits": ("runs.jsonl", lambda: b'{"steps":' + b"9" * 1_000_000 + b"}\n", "line 1"),
    "an escape as a key": ("trials.jsonl", lambda: b'{"\\u001b[2J\\u202e": 1}\n', "line 1"),
    "the same in the contents": ("study.json", lambda: b'{"\\u001b]0;owned\\u0007": 1}', "study.json"),
    "an escape beside what is right": ("study.json", strange_key, "study.json"),
    "not a number": ("runs.jsonl", lambda: b'{"steps": NaN}\n', "line 1"),
    "a list": ("study.json", lambda: b"[" * 100_000, "study.json"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_data_are_one_line(place, name):
    file, content, words = BROKEN[name]
    folder = place.given / "report" / "data"
    shutil.copytree(REPORTS / "null" / "data", folder)
    (folder / file).write_bytes(content())
    if file.endswith(".gz"):
        contents = folder / "study.json"
        contents.write_text(json.dumps(json.loads(contents.read_text()) | {"compressed": True}))
        (folder / "trials.jsonl.gz").write_bytes(gzip.compress((folder / "trials.jsonl").read_bytes()))
    for command in (("report", "--out", str(place.out)), ("runs", "show", "c5916f8cb021")):
        assert words in place.refused(*command, "--from", "report")


def test_an_archive_of_empty_lines_fills_no_memory(place):
    folder = place.given / "report" / "data"
    shutil.copytree(REPORTS / "quickstart" / "data", folder)
    contents = json.loads((folder / "study.json").read_text()) | {"compressed": True}
    (folder / "study.json").write_text(json.dumps(contents))
    (folder / "trials.jsonl.gz").write_bytes(swollen(64))
    assert "line 1" in place.refused("report", "--from", "report", "--out", str(place.out))
