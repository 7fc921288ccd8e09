"""A figure's SVG inside an HTML page: it takes the page's colours, and its ids are unique on the page."""

import re

from markupsafe import Markup, escape

from vggsearch.report.document.drawing import INK, MUTED, PAPER, RULE

_ROLES = {INK: "var(--ink)", MUTED: "var(--muted)", RULE: "var(--rule)", PAPER: "var(--paper)"}
_ID = re.compile(r' id="([^"]*)"')
_REFERENCE = re.compile(r'(?:url\(#|href="#)([^")]*)')
_ROOT = re.compile(r"<svg[^>]*>")
_VIEW = re.compile(r'viewBox="([-0-9. ]+)"')


def inline(svg: str, name: str, label: str) -> Markup:
    """The SVG element of the figure `name`; screen readers read `label`.

    `svg` is the output of matplotlib, which escapes all texts.
    """
    body = svg[svg.index("<svg") :]
    root = _ROOT.match(body)
    view = _VIEW.search(root[0]) if root else None
    if root is None or view is None:
        raise ValueError("not an SVG figure with a viewBox")
    body = re.sub(r"<metadata>.*?</metadata>", "", body[root.end() :], flags=re.DOTALL).replace(
        "xlink:href", "href"
    )
    used = set(_REFERENCE.findall(body))
    body = _ID.sub(lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", body)
    body = re.sub(r"(url\(#|href=\"#)", rf"\g<1>{name}-", body)
    for colour, role in _ROLES.items():
        body = body.replace(colour, role)
    body = re.sub(r"\n\s*", "\n", body)
    return Markup(f'<svg viewBox="{view[1]}" role="img" aria-label="{escape(label)}">{body}')
