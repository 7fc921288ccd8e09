from .content import (
    Block as Block,
    Code as Code,
    Figures as Figures,
    Listing as Listing,
    Paragraph as Paragraph,
    Report as Report,
    Section as Section,
    Span as Span,
    Strong as Strong,
    Tile as Tile,
    paragraph as paragraph,
    remark as remark,
    section as section,
)
from .drawing import (
    BLUE as BLUE,
    GREEN as GREEN,
    INK as INK,
    MUTED as MUTED,
    ORANGE as ORANGE,
    PAPER as PAPER,
    PURPLE as PURPLE,
    RULE as RULE,
    SKY as SKY,
    VERMILION as VERMILION,
    Drawing as Drawing,
)
from .files import (
    OWNED as OWNED,
    csv_links as csv_links,
    table_files as table_files,
    write_files as write_files,
)
from .formats import (
    MISSING as MISSING,
    NBSP as NBSP,
    count as count,
    duration as duration,
    fixed as fixed,
    interval as interval,
    level as level,
    milliseconds as milliseconds,
    missing as missing,
    optional_number as optional_number,
    percent as percent,
    plain as plain,
    points as points,
    printable as printable,
    si as si,
    signed_percent as signed_percent,
    spread as spread,
    tick as tick,
)
from .inline_svg import inline as inline
from .render import html as html, markdown_page as markdown_page
from .table import (
    Column as Column,
    Record as Record,
    Table as Table,
    number_column as number_column,
    text_column as text_column,
)
