r"""The results as a LaTeX table; needs ``\usepackage{booktabs}`` and nothing else, with any LaTeX engine.

A number with ± is always a spread over replicas; sampling intervals stand in brackets, where a column shows them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby

from crystalbench import Column, Direction, ReporterSpec, RowKind, Table, hookimpl
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._layout import (
    FAILED,
    HEADINGS,
    NO_VALUE,
    Entry,
    Line,
    Sheet,
    blocks,
    layout,
    ledger,
    settings_text,
)

ARROWS = {Direction.HIGHER: r"\uparrow", Direction.LOWER: r"\downarrow", Direction.TARGET: r"\rightarrow"}
WIDTH = 106  # characters of \small text in one line of a two-column paper, about
MARKS = {"†": r"\dagger", "‡": r"\ddagger"}
GREEK = frozenset("αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ")  # those that are no Latin letter in shape
MATH = {
    "±": r"\pm", "×": r"\times", "·": r"\cdot", "≤": r"\leq", "≥": r"\geq", "≈": r"\approx", "∞": r"\infty",
    "→": r"\rightarrow", "↑": r"\uparrow", "↓": r"\downarrow", "†": r"\dagger", "‡": r"\ddagger", "µ": r"\mu",
    "−": "-", "°": r"^{\circ}",
}  # fmt: skip
TEXT = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': "{''}", "`": r"\textasciigrave{}", "ß": r"\ss{}",
    "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}", "ł": r"\l{}",
    "Ł": r"\L{}", "ı": r"\i{}", "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''",
    "…": r"\dots{}", "\u00a0": "~",
}  # fmt: skip
ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
}  # fmt: skip
LABEL_COMMANDS = frozenset({
    "mathrm", "mathbf", "mathit", "mathcal", "textrm", "textbf", "textit", "textsc", "emph", "AA", "alpha", "beta",
    "gamma", "delta", "epsilon", "mu", "sigma", "rho", "Delta", "Sigma", "Omega", "pm", "cdot", "times", "min",
    "max", "log", "sqrt", "frac", "bar", "hat", "tilde", "quad", "ell", "langle", "rangle", "geq", "leq",
})  # fmt: skip


def render(table: Table) -> str:
    """Write one ``table*`` environment (over both columns of a two-column paper).

    Columns that do not fit beside one another (`WIDTH`) are continued in a second tabular below the first.
    """
    sheet = layout(table)
    widths = [2 + max(_shown_width(_heading(column, sheet.heads[i])), len(column.unit) + 2,
                      *(len(line.entries[i].text) + len(line.entries[i].marks) for line in sheet.lines), 0)
              for i, column in enumerate(table.columns)]  # fmt: skip
    names = max((_shown_width(escape(line.title)) + len(line.marks) for line in sheet.lines), default=0)
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table*}[tp]",
        r"\centering",
        rf"\caption{{{escape(' '.join((_sentence(plain(table.title)), *sheet.legend)))}}}\par\smallskip",
        r"\label{tab:crystalbench}",
        r"\small",
        r"\setlength{\tabcolsep}{4pt}",
    ]
    for block in blocks(widths, names, WIDTH):
        lines += [*_tabular(sheet, block), r"\par\smallskip"]
    lines += [
        r"\begin{minipage}{\linewidth}\footnotesize\raggedright",
        *_notes(sheet),
        r"\end{minipage}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _tabular(sheet: Sheet, block: range) -> Iterator[str]:
    yield rf"\begin{{tabular}}{{l{'r' * len(block)}}}"
    yield r"\toprule"
    yield from _header(sheet.table.columns[block.start : block.stop], sheet.heads[block.start : block.stop])
    for kind, rows in sheet.groups_in(block):
        yield r"\midrule"
        if len(sheet.groups) > 1:
            yield rf"\multicolumn{{{len(block) + 1}}}{{l}}{{\emph{{{HEADINGS[kind]}}}}} \\"
        yield from (_row(line, block) for line in rows)
    yield r"\bottomrule"
    yield r"\end{tabular}"


def _header(columns: Sequence[Column], heads: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if any(column.group for column in columns):
        cells, rules, start = [""], [], 2
        for group, members in groupby(columns, key=lambda column: column.group):
            span = len(tuple(members))
            if group:
                cells.append(rf"\multicolumn{{{span}}}{{c}}{{{escape(plain(group))}}}")
                rules.append(rf"\cmidrule(lr){{{start}-{start + span - 1}}}")
            else:
                cells += [""] * span
            start += span
        yield rf"{' & '.join(cells)} \\ {' '.join(rules)}"
    yield rf"{' & '.join(['Generator', *map(_heading, columns, heads)])} \\"
    if any(column.unit for column in columns):
        units = (f"({escape(plain(column.unit))})" if column.unit else "" for column in columns)
        yield rf"{' & '.join(['', *units])} \\"


def _shown_width(latex: str) -> int:
    """Return about how many characters wide the text is set: a command counts as one."""
    return len(re.sub(r"[${}\\~]", "", re.sub(r"\\[A-Za-z]+", "x", latex)))


def _heading(column: Column, marks: tuple[str, ...]) -> str:
    label = column.latex if column.latex and is_label(column.latex) else escape(plain(column.title))
    label += _superscript(*marks)
    return label + (f"~${ARROWS[column.direction]}$" if column.direction in ARROWS else "")


def is_label(latex: str) -> bool:
    """Return whether a plugin's LaTeX label can be printed as it is; else the escaped title is printed.

    A table may come from a stranger's file. Allowed are commands for symbols and fonts, balanced braces and
    dollars, and no character that ends a cell, a line or the table.
    """
    commands = re.findall(r"\\([A-Za-z]+|.)", latex, flags=re.DOTALL)
    rest = re.sub(r"\\([A-Za-z]+|.)", "", latex, flags=re.DOTALL)
    depths = list(accumulate({"{": 1, "}": -1}.get(char, 0) for char in rest))
    text, math = rest.split("$")[::2], rest.split("$")[1::2]
    return (
        rest.isascii()
        and rest.isprintable()
        and all(name in LABEL_COMMANDS or name in ",;:! %&_#$" for name in commands)
        and min(depths, default=0) >= 0
        and sum(depths[-1:]) == 0
        and len(text) == len(math) + 1
        and not re.search(r"[&%#~\\]|\^\^", rest)
        and not any(re.search("[_^]", part) for part in text)
    )


def _row(line: Line, block: range) -> str:
    title = escape(line.title) + _superscript(*line.marks)
    return rf"{' & '.join([title, *(_cell(line.entries[i]) for i in block)])} \\"


def _cell(entry: Entry) -> str:
    if entry.value in (NO_VALUE, FAILED):
        text = r"\textbf{failed}" if entry.failed else "--"
        return text + _superscript(*entry.marks)
    numbers = rf"{_number(entry.value)} \pm {_number(entry.spread)}" if entry.spread else _number(entry.value)
    interval = f"~$[{', '.join(map(_number, entry.interval))}]$" if entry.interval else ""
    return (rf"$\mathbf{{{numbers}}}$" if entry.best else f"${numbers}$") + interval + _superscript(*entry.marks)


def _superscript(*marks: str) -> str:
    symbols = ",".join(MARKS.get(mark, rf"\mathrm{{{mark}}}") for mark in marks)
    return f"$^{{{symbols}}}$" if marks else ""


def _number(text: str) -> str:
    """``1.23e-06`` as LaTeX mathematics; anything else is already."""
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else text


def _notes(sheet: Sheet) -> Iterator[str]:
    """Write the footnotes as one paragraph, then counts, settings and the table's own notes."""
    paragraphs = ["\n".join(f"{_superscript(mark)}~{escape(_sentence(note))}" for mark, note in sheet.footnotes)]
    if sheet.counted:
        counts = (_counts(line) for line in sheet.counted)
        paragraphs.append(f"Samples asked / drawn / valid: {'; '.join(counts)}.")
    if sheet.table.settings:
        paragraphs.append(f"Settings: {escape(_sentence(settings_text(sheet.table)))}")
    paragraphs += [escape(_sentence(plain(note))) for note in sheet.table.notes]
    yield from (rf"{paragraph}\par" for paragraph in paragraphs if paragraph)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _counts(line: Line) -> str:
    row = line.row
    reasons = ", ".join(f"{escape(reason)} {count}" for reason, count in ledger(row))
    mark = _superscript("†") if row.kind is RowKind.EXAMPLE else ""
    counts = f"{escape(line.title)}{mark} {row.asked} / {row.drawn} / {row.valid}"
    return f"{counts} ({reasons})" if reasons else counts


def escape(text: str) -> str:
    """Return text that any LaTeX engine prints as it is, with no package.

    Letters with accents are composed, Greek letters and some symbols are set as mathematics. A character that
    plain pdfLaTeX has no glyph for becomes its code point, ``[U+4E2D]``: neither an error nor nothing.
    """
    composed = "".join(_char(char) for char in unicodedata.normalize("NFC", _split_ligatures(text)))
    return composed.replace("\0", "{}")


def _split_ligatures(text: str) -> str:
    """Put a mark between characters that TeX's fonts would join, as in ``--``; `plain` text has no such mark."""
    return re.sub(r"(?<=-)(?=-)|(?<=')(?=')", "\0", text)


def _char(char: str) -> str:
    if char in TEXT:
        return TEXT[char]
    if char in MATH:
        return f"${MATH[char]}$"
    if char in GREEK:
        name = unicodedata.name(char).split()[-1].replace("LAMDA", "LAMBDA")
        return rf"$\{name.lower() if char.islower() else name.capitalize()}$"
    if char.isascii():
        return char
    base, *accents = list(unicodedata.normalize("NFD", char))
    if len(accents) == 1 and base.isascii() and base.isalpha() and accents[0] in ACCENTS:
        dotless = {"i": r"\i", "j": r"\j"}.get(base, base) if accents[0] != "\u0327" else base
        return rf"\{ACCENTS[accents[0]]}{{{dotless}}}"
    return f"[U+{ord(char):04X}]"


@hookimpl
def crystalbench_reporters() -> Iterable[ReporterSpec]:
    return (ReporterSpec(name="latex", version="1", title="LaTeX (booktabs)", suffix=".tex", render=render),)
