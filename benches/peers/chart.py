"""The results as an SVG: a panel per measurement, a bar per contestant. It follows the reader's light or dark scheme."""

from xml.sax.saxutils import escape

PANELS = [
    ("Small photographs, requests/s", "8 connections", lambda medians, key: medians.of("rate", key, "small", 8), True),
    ("12 megapixels, requests/s", "4 connections", lambda medians, key: medians.of("rate", key, "large", 4), True),
    ("Small photographs, p50 in ms", "1 connection", lambda medians, key: medians.of("p50_ms", key, "small", 1), False),
    ("CPU ms a request", "small, 8 connections", lambda medians, key: medians.of("cpu_ms", key, "small", 8), False),
    ("Peak memory in MB", "small, 32 connections", lambda medians, key: medians.of("peak_mb", key, "small", 32), False),
    ("Ready after ms", "from the start of the process", lambda medians, key: medians.ready_ms(key), False),
]
COLUMNS = 2
PANEL_WIDTH, BAR_HEIGHT, BAR_STEP, BAR_MOST = 420, 16, 24, 300
MARGIN, HEAD, GAP = 24, 46, 26
LEGEND_STEP = 22
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .ground { fill: #ffffff; stroke: #d1d9e0 }
  .title { font-weight: 600 }
  .quiet { fill: #59636e; font-size: 12px }
  .glimpse { fill: #0969da } .int8 { fill: #54aeff } .before { fill: #b6d7f5 }
  .onnx { fill: #818b98 } .mosec { fill: #99a3af } .litserve { fill: #b1bac4 } .keras { fill: #d1d7de }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .ground { fill: #0d1117; stroke: #3d444d }
    .quiet { fill: #9198a1 }
    .glimpse { fill: #4493f8 } .int8 { fill: #1f6feb } .before { fill: #1c4f94 }
    .onnx { fill: #9198a1 } .mosec { fill: #808893 } .litserve { fill: #707883 } .keras { fill: #656c76 }
  }
"""


def draw(names, medians, about):
    panel_height = HEAD + BAR_STEP * len(names) + GAP
    rows = -(-len(PANELS) // COLUMNS)
    width = 2 * MARGIN + COLUMNS * PANEL_WIDTH
    legend_top = MARGIN + rows * panel_height
    lines = legend(names, width - 2 * MARGIN)
    height = legend_top + LEGEND_STEP * len(lines) + 28
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(described(names, medians))}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
    ]
    for number, panel in enumerate(PANELS):
        left, top = MARGIN + number % COLUMNS * PANEL_WIDTH, MARGIN + number // COLUMNS * panel_height
        parts += drawn_panel(panel, names, medians, left, top)
    for row, line in enumerate(lines):
        left, top = MARGIN, legend_top + row * LEGEND_STEP
        for key, name in line:
            parts.append(f'<rect class="{key}" x="{left}" y="{top}" width="12" height="12" rx="2"/>')
            parts.append(f'<text x="{left + 18}" y="{top + 11}">{escape(name)}</text>')
            left += entry_length(name)
    said = escape(", ".join(about.split(", ")[:3]))
    parts.append(f'<text class="quiet" x="{MARGIN}" y="{height - 16}">{said}; medians.</text>')
    return "\n".join([*parts, "</svg>", ""])


def legend(names, width):
    """The contestants in lines that fit."""
    lines, left = [[]], 0
    for key, name in names.items():
        if left and left + entry_length(name) > width:
            lines, left = [*lines, []], 0
        lines[-1].append((key, name))
        left += entry_length(name)
    return lines


def entry_length(name):
    """About the length of an entry of the legend."""
    return 50 + 7 * len(name)


def drawn_panel(panel, names, medians, left, top):
    title, under, value_of, more_is_better = panel
    values = {key: value_of(medians, key) for key in names}
    most = max(values.values())
    better = "more is better" if more_is_better else "less is better"
    yield f'<text class="title" x="{left}" y="{top + 13}">{escape(title)}</text>'
    yield f'<text class="quiet" x="{left}" y="{top + 30}">{escape(under)}; {better}</text>'
    for row, (key, value) in enumerate(values.items()):
        y, length = top + HEAD - 6 + row * BAR_STEP, max(2, BAR_MOST * value / most)
        yield f'<rect class="{key}" x="{left}" y="{y}" width="{length:.1f}" height="{BAR_HEIGHT}" rx="2"/>'
        yield f'<text x="{left + length + 8:.1f}" y="{y + 13}">{shown(value)}</text>'


def shown(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def described(names, medians):
    """The text alternative of the chart."""
    panels = []
    for title, under, value_of, _ in PANELS:
        values = ", ".join(f"{name} {shown(value_of(medians, key))}" for key, name in names.items())
        panels.append(f"{title} ({under}): {values}")
    return "; ".join(panels)
