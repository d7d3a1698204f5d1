"""Draws scripts/deploy/chart/monitoring/dashboard.json out of a running Prometheus, without Grafana.

    dashboard_picture.py PROMETHEUS OUTPUT.png [--minutes 15] [--until UNIX_SECONDS]

Asks Prometheus every query of every panel, for all jobs and instances, and has Chromium draw the answers. Prints the
panels without data and ends with 1 if Prometheus refuses a query. Those panels are not faults: a fleet that has lost
nothing has no losses to show.
"""

import argparse
import html
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import charts

DASHBOARD = pathlib.Path(__file__).resolve().parents[2] / "scripts/deploy/chart/monitoring/dashboard.json"
# Pixels of Grafana's grid.
COLUMN, ROW, GAP, TITLE = 60, 36, 8, 26
POINTS = 240
STYLE = """
body { margin: 0; background: #f4f5f5; font-family: "DejaVu Sans", sans-serif; }
div { position: absolute; background: white; border: 1px solid #dcdcdf; overflow: hidden; }
div.row { background: none; border: none; font-size: 17px; font-weight: bold; }
p { margin: 6px 8px 0; font-size: 13px; height: 18px; }
"""


def main():
    arguments = parse_arguments()
    end = arguments.until or time.time()
    begin = end - 60 * arguments.minutes
    panels = json.loads(DASHBOARD.read_text())["panels"]
    parts, empty, refused = [], [], []
    for panel in panels:
        if panel["type"] == "row":
            parts.append(box(panel, html.escape(panel["title"]), "row"))
            continue
        try:
            series = [it for target in panel["targets"] for it in ask(arguments, target, begin, end)]
        except urllib.error.HTTPError as error:
            refused.append(f"{panel['title']}: {error.read().decode()}")
            continue
        if not any(points for _, points in series):
            empty.append(panel["title"])
        parts.append(box(panel, f"<p>{html.escape(panel['title'])}</p>{drawn(panel, series, begin, end)}"))
    if refused:
        sys.exit("\n".join(refused))
    height = max(bottom(panel) for panel in panels) * ROW + GAP
    photograph(f"<!doctype html><style>{STYLE}</style>{''.join(parts)}", 24 * COLUMN + GAP, height, arguments.output)
    print(f"{arguments.output}: {len(panels)} panels and rows; without data: {', '.join(empty) or 'none'}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prometheus", help="such as http://127.0.0.1:9090")
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--until", type=float, help="default: now")
    parser.add_argument("--interval", type=float, default=5, help="Prometheus' scrape_interval in seconds")
    return parser.parse_args()


def ask(arguments, target, begin, end):
    """The series of a query, as (legend, [(time, value)])."""
    # Grafana's $__rate_interval is four scrapes, or more for a long time on a small screen.
    window = max(4 * arguments.interval, (end - begin) / POINTS + arguments.interval)
    query = target["expr"].replace("$__rate_interval", f"{window:.0f}s").replace("$job", ".+").replace("$instance", ".+")
    parameters = {"query": query, "start": begin, "end": end, "step": (end - begin) / POINTS}
    url = f"{arguments.prometheus.rstrip('/')}/api/v1/query_range?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        results = json.load(answer)["data"]["result"]
    for result in results:
        points = [(float(at), float(value)) for at, value in result["values"]]
        yield named(target["legendFormat"], result["metric"]), [point for point in points if math.isfinite(point[1])]


def named(legend, labels):
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), legend).strip()


def drawn(panel, series, begin, end):
    width = panel["gridPos"]["w"] * COLUMN - GAP
    height = panel["gridPos"]["h"] * ROW - GAP - TITLE
    if panel["type"] == "stat":
        return charts.figure(series, panel, width, height)
    return charts.chart(series, panel, begin, end, width, height)


def box(panel, content, kind="panel"):
    at = panel["gridPos"]
    place = f"left:{at['x'] * COLUMN + GAP}px;top:{at['y'] * ROW + GAP}px"
    size = f"width:{at['w'] * COLUMN - GAP - 2}px;height:{at['h'] * ROW - GAP - 2}px"
    return f'<div class="{kind}" style="{place};{size}">{content}</div>'


def bottom(panel):
    return panel["gridPos"]["y"] + panel["gridPos"]["h"]


def photograph(page, width, height, output):
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        sys.exit("Chromium is missing: install it (Debian and Ubuntu: apt-get install chromium).")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "page.html"
        file.write_text(page)
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/profile",
             f"--window-size={width},{height}", f"--screenshot={output.resolve()}", file.as_uri()],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip


if __name__ == "__main__":
    main()
