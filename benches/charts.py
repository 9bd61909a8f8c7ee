"""Draws the figures of a run as SVG for docs/performance.md: one file for throughput and one for growth, each with a panel for
every operation. As wide as a page of mdBook, so that text of 12 px stays as large; white behind, so that dark themes can show it."""

import math
import textwrap
from html import escape

WIDTH, COLUMNS, HEIGHT = 750, 3, 196
# Of a panel: the place of the figures of the vertical axis, of the title and of the labels below.
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 60, 34
COLOURS = {"sqlite": "#005eb8", "postgres": "#a34a00"}
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
DASHES = {"sqlite": "none", "postgres": "5 3"}
SHAPES = ["M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "M-4 -4h8v8h-8z", "M0 -5L5 4H-5z", "M0 -5L5 0L0 5L-5 0z"]
TARGET = 1.3


def short(roles):
    """A number of roles, as the axis has it."""
    for size, unit in ((1_000_000, " M"), (1_000, " k")):
        if roles >= size:
            return f"{roles / size:g}{unit}"
    return str(roles)


def text(x, y, words, **attributes):
    extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{escape(words)}</text>'


def line(points, database):
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="{path}" fill="none" stroke="{COLOURS[database]}" stroke-width="1.5" stroke-dasharray="{DASHES[database]}"/>'


def marker(x, y, database, shape):
    """The shape tells the size of the register; colour and dashes tell the database."""
    fill = COLOURS[database] if database == "sqlite" else "#ffffff"
    return (f'<path d="{SHAPES[shape % len(SHAPES)]}" transform="translate({x:.1f} {y:.1f})" fill="{fill}" '
            f'stroke="{COLOURS[database]}" stroke-width="1.5"/>')


def ticks(top):
    """Round values from 0 to the first that is not below `top`, at most five."""
    power = 10 ** math.floor(math.log10(max(top, 1e-9)))
    step = next(step for step in (power * factor for factor in (0.25, 0.5, 1, 2.5)) if step * 4 >= top)
    return [step * at for at in range(math.ceil(top / step - 1e-9) + 1)]


def panel(place, title, values, labels, series, target=None):
    """One chart. `values` are the ticks of the vertical axis; `labels` and the points of `series` have the part of the width at
    which they stand. A series: database, the shape of each point, points."""
    left, top = place % COLUMNS * WIDTH // COLUMNS, place // COLUMNS * HEIGHT
    lines = textwrap.wrap(title, 34)
    start, end, ceiling, ground = left + LEFT, left + WIDTH / COLUMNS - RIGHT, top + TOP, top + HEIGHT - BOTTOM
    across = lambda part: start + 8 + part * (end - start - 16)
    up = lambda value: ground - value / values[-1] * (ground - ceiling)
    drawn = [text(left + 8, top + 14 + 15 * at, words, font_weight="bold") for at, words in enumerate(lines)]
    for value in values:
        drawn.append(f'<path d="M{start:.1f} {up(value):.1f}H{end:.1f}" stroke="#d8dde0"/>')
        drawn.append(text(start - 6, up(value) + 4, f"{value:,g}", text_anchor="end"))
    if target:
        drawn.append(f'<path d="M{start:.1f} {up(target):.1f}H{end:.1f}" stroke="#212b32" stroke-dasharray="2 3"/>')
        for at, (database, _shapes, points) in enumerate(series):
            words = f"{NAMES[database]} {points[-1][1]:.2f} ×"
            drawn.append(text(left + 8 + 120 * at, top + 14 + 15 * len(lines), words, fill=COLOURS[database]))
    for part, words in labels:
        drawn.append(text(across(part), ground + 17, words, text_anchor="middle"))
    for database, shapes, points in series:
        points = [(across(part), up(value)) for part, value in points]
        drawn.append(line(points, database))
        drawn += [marker(x, y, database, shape) for (x, y), shape in zip(points, shapes)]
    return drawn


def key(entries):
    """What colours, dashes and shapes stand for: rows of (database, shape, words), each as wide as the page."""
    rows, x = [[]], 8
    for database, shape, words in entries:
        wide = 46 + 6.5 * len(words)
        if x + wide > WIDTH:
            rows.append([])
            x = 8
        rows[-1] += [line([(x, 0), (x + 30, 0)], database), marker(x + 15, 0, database, shape), text(x + 36, 4, words)]
        x += wide
    return rows


def document(title, subtitles, entries, panels):
    """A file: title, key, and a panel for each operation, as (its name, its elements)."""
    rows, top = key(entries), 34 + 16 * len(subtitles)
    head = top + 20 * len(rows)
    height = head + -(-len(panels) // COLUMNS) * HEIGHT
    described = f"{' '.join(subtitles)} A panel for each operation: {'; '.join(name for name, _drawn in panels)}."
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
             'aria-labelledby="t d" font-family="Arial, Helvetica, sans-serif" font-size="12" fill="#212b32">',
             f'<title id="t">{escape(title)}</title>', f'<desc id="d">{escape(described)}</desc>',
             f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', text(8, 22, title, font_weight="bold", font_size="15")]
    parts += [text(8, 41 + 16 * at, words) for at, words in enumerate(subtitles)]
    for at, drawn in enumerate(rows):
        parts += [f'<g transform="translate(0 {top + 8 + 20 * at})">', *drawn, "</g>"]
    parts += [f'<g transform="translate(0 {head})">', *(element for _name, drawn in panels for element in drawn), "</g>", "</svg>"]
    return "\n".join(parts) + "\n"


def throughput(results):
    """Requests a second of each operation, by connections: a series for each database and size of the register."""
    sizes = sorted({result["roles"] for result in results})
    entries = [(result["database"], sizes.index(result["roles"]), f"{NAMES[result['database']]}, {short(result['roles'])} roles")
               for result in results]
    operations = list(dict.fromkeys(name for result in results for name in result["operations"]))
    places, panels = [(0, "1"), (0.5, "16"), (1, "64")], []
    for place, name in enumerate(operations):
        series = [(database, [shape] * 3, [(part, result["operations"][name][count]["rate"]) for part, count in places])
                  for result, (database, shape, _words) in zip(results, entries) if name in result["operations"]]
        values = ticks(max(rate for _database, _shapes, points in series for _part, rate in points))
        panels.append((name, panel(place, name, values, places, series)))
    return document("Throughput", ["Requests a second (vertical axis; each panel has its own scale) at 1, 16 and 64 connections."], entries, panels)


def growth(groups):
    """The p50 of each operation in registers of several sizes, as a multiple of that in the smallest: a series for each group of
    results, which are of one database and commit."""
    sizes = sorted({result["roles"] for group in groups for result in group})
    least, most = math.log(sizes[0]), math.log(sizes[-1])
    across = {roles: (math.log(roles) - least) / (most - least) for roles in sizes}
    series = {}
    for group in groups:
        for name, figures in group[0]["operations"].items():
            found = [result for result in group if name in result["operations"]]
            points = [(across[result["roles"]], result["operations"][name]["16"]["p50"] / figures["16"]["p50"]) for result in found]
            series.setdefault(name, []).append((group[0]["database"], [sizes.index(result["roles"]) for result in found], points))
    values = ticks(max(ratio for drawn in series.values() for _database, _shapes, points in drawn for _part, ratio in points))
    labels = [(part, short(roles)) for roles, part in across.items()]
    panels = [(name, panel(place, name, values, labels, drawn, TARGET)) for place, (name, drawn) in enumerate(series.items())]
    entries = [(group[0]["database"], 0, NAMES[group[0]["database"]]) for group in groups]
    subtitles = ["p50 at 16 connections as a multiple of that in the smallest register (vertical axis), by the number of roles.",
                 f"Dotted line: the target, {TARGET} ×. The numbers are those of the largest register."]
    return document("Growth with the size of the register", subtitles, entries, panels)
