"""What a written report consists of, for its tests."""

from html.parser import HTMLParser


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Page(HTMLParser):
    """Tags that are open at the end, and what the page would load."""

    VOID = frozenset({"meta", "input", "br", "link", "img"})

    def __init__(self, text):
        super().__init__()
        self.open, self.loads, self.links, self.ids = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag in ("link", "img", "iframe", "object", "embed", "audio", "video", "source"):
            self.loads.append(tag)
        self.loads += [f"{tag} {name}" for name in ("src", "srcset", "data", "action") if name in attributes]
        self.ids += [attributes["id"]] if "id" in attributes else []
        if "href" in attributes:
            self.links.append(attributes["href"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
