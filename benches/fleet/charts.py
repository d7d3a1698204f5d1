"""Line charts and large figures as SVG, for dashboard_picture.py: enough to judge a dashboard by, and no more."""

import html
import math
import time

COLORS = ["#4e9a51", "#d6a319", "#4a86c5", "#d9722e", "#c8434d", "#3a9db0", "#8d68b8", "#8a8f3c", "#b0578d", "#5f7d8c"]
RED, BLUE, GREEN = "#c4162a", "#1f60c4", "#37872d"
MARGIN_LEFT, MARGIN_RIGHT, AXIS_HEIGHT = 68, 12, 22
# Of an average digit, at 11 px.
LETTER = 6.2


def chart(series, panel, begin, end, width, height):
    """A chart of (legend, [(time, value)]). `panel` has Grafana's keys."""
    style = panel["fieldConfig"]["defaults"]
    is_stacked = style["custom"]["stacking"]["mode"] == "normal"
    if is_stacked:
        series = stacked(series)
    marks, legend_height = legend(series, width, height)
    inner_width, inner_height = width - MARGIN_LEFT - MARGIN_RIGHT, height - AXIS_HEIGHT - legend_height
    limits = [step["value"] for step in style["thresholds"]["steps"] if step["value"] is not None]
    highest = max([value for _, points in series for _, value in points], default=0)
    # A limit that is far away would flatten the lines.
    shown = [limit for limit in limits if limit <= 4 * highest]
    top, step = scale(max([highest, *shown, style.get("max", 0)]), style["unit"])

    def x(at):
        return MARGIN_LEFT + (at - begin) / (end - begin) * inner_width

    def y(value):
        return 6 + (1 - min(value / top, 1)) * (inner_height - 6)

    parts = [line(MARGIN_LEFT, y(number * step), width - MARGIN_RIGHT, y(number * step), "#e3e3e6")
             + text(MARGIN_LEFT - 6, y(number * step) + 4, written(number * step, style["unit"]), "end")
             for number in range(round(top / step) + 1)]  # fmt: skip
    for number in range(5):
        at = begin + (end - begin) * number / 4
        anchor = "end" if number == 4 else "start" if number == 0 else "middle"
        parts.append(text(x(at), inner_height + 14, time.strftime("%H:%M:%S", time.gmtime(at)), anchor))
    # From the top of a stack down: each area covers the lower part of the one above it.
    for number, (_, points) in reversed(list(enumerate(series))):
        for piece in pieces(points, (end - begin) / 40):
            path = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in piece)
            if is_stacked:
                area = f"{path} {x(piece[-1][0]):.1f},{y(0):.1f} {x(piece[0][0]):.1f},{y(0):.1f}"
                parts.append(f'<polygon points="{area}" fill="white"/>')
                parts.append(f'<polygon points="{area}" fill="{color(number)}" fill-opacity="0.35"/>')
            parts.append(f'<polyline points="{path}" fill="none" stroke="{color(number)}" stroke-width="1.6"/>')
    parts += [line(MARGIN_LEFT, y(it), width - MARGIN_RIGHT, y(it), RED, 'stroke-dasharray="5 4"') for it in shown]
    if not any(points for _, points in series):
        parts.append(text(width / 2, height / 2, "No data", "middle"))
    return svg(parts + marks, width, height)


def figure(series, panel, width, height):
    """The last value of the first series, in the color of its threshold."""
    style = panel["fieldConfig"]["defaults"]
    values = [points[-1][1] for _, points in series[:1] if points]
    limits = [step["value"] for step in style["thresholds"]["steps"] if step["value"] is not None]
    shade = RED if values and any(values[0] >= it for it in limits) else GREEN if limits else BLUE
    shown = written(values[0], style["unit"]) if values else "No data"
    return svg([f'<text x="{width / 2}" y="{height / 2 + 14}" text-anchor="middle" font-size="34" fill="{shade}">{shown}</text>'],
               width, height)  # fmt: skip


def stacked(series):
    """Each series on top of those before it."""
    sums, raised = {}, []
    for name, points in series:
        for at, value in points:
            sums[at] = sums.get(at, 0) + value
        raised.append((name, [(at, sums[at]) for at, _ in points]))
    return raised


def pieces(points, gap):
    """The points in pieces without gaps: a series that has ended does not go on."""
    piece = []
    for at, value in points:
        if piece and at - piece[-1][0] > gap:
            yield piece
            piece = []
        piece.append((at, value))
    if piece:
        yield piece


def scale(highest, unit):
    """The axis' end and the distance of its ticks, 1, 2 or 5 times a power of the unit's base."""
    if highest <= 0:
        return (1, 0.5) if unit == "percentunit" else (1, 1)
    base = 2.0 ** (10 * math.floor(math.log2(highest) / 10)) if unit == "bytes" else 60 if unit == "s" and highest > 60 else 1
    rough = highest / base / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(it * power for it in (1, 2, 5, 10) if it * power >= rough) * base
    return math.ceil(highest / step - 1e-9) * step, step


def written(value, unit):
    """A value as Grafana writes it."""
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "s":
        if value >= 60:
            return f"{value / 60:.3g} min"
        return f"{value:.3g} s" if value >= 1 or value == 0 else f"{value * 1000:.3g} ms"
    if unit == "bytes":
        power = int(math.log2(value) // 10) if value >= 1024 else 0
        return f"{value / 1024**power:.4g} {['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}"
    shown = f"{value / 1000:.3g} K" if value >= 10000 else f"{value:.4g}"
    return shown + (" req/s" if unit == "reqps" else "")


def legend(series, width, height):
    """The legend's marks from the bottom up, and the height that they take."""
    rows, used = [[]], 0
    for number, (name, _) in enumerate(series):
        wide = 26 + LETTER * len(name)
        if rows[-1] and used + wide > width - 12:
            rows.append([])
            used = 0
        rows[-1].append((used, number, name))
        used += wide
    rows, parts = rows[:5], []
    for row, entries in enumerate(rows):
        y = height - 15 * (len(rows) - row) + 11
        for at, number, name in entries:
            parts.append(line(8 + at, y - 4, 20 + at, y - 4, color(number), 'stroke-width="3"'))
            parts.append(text(24 + at, y, name, "start"))
    return parts, 15 * len(rows) + 2


def color(number):
    return COLORS[number % len(COLORS)]


def line(left, top, right, bottom, stroke, more=""):
    return f'<line x1="{left:.1f}" y1="{top:.1f}" x2="{right:.1f}" y2="{bottom:.1f}" stroke="{stroke}" {more}/>'


def text(x, y, content, anchor):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11" fill="#444">{html.escape(content)}</text>'


def svg(parts, width, height):
    return f'<svg width="{width}" height="{height}" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
