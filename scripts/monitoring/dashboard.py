"""Makes scripts/deploy/chart/monitoring/dashboard.json from panels.py and the metrics that a server lists.

    dashboard.py URL             writes the file
    dashboard.py URL --check     compares instead, and looks for the runbook of every alert

Neither a panel nor a rule may ask for a metric or a label that the server does not list, and every metric has a panel or a rule.
scripts/make_dashboard and scripts/check_metrics start the server.
"""

import json
import re
import sys

import exposition
import panels
import queries

FILE = queries.RULES.with_name("dashboard.json")
# In units of Grafana's grid, which is 24 wide.
HEIGHTS = {"stat": 4, "timeseries": 8}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def main():
    url, check = sys.argv[1], "--check" in sys.argv[2:]
    metrics = exposition.listed(url)
    recorded, of_rules = queries.rules()
    faults = [f"{queries.RULES.name}: {it}" for query in of_rules for it in queries.faults(query, metrics, recorded)]
    rows = {title: make() for title, make in panels.ROWS.items()}
    faults += [fault for row in rows.values() for panel in row for fault in faults_of(panel, metrics, recorded)]
    faults += not_shown(rows, of_rules, metrics)
    text = json.dumps(dashboard(rows, metrics), indent=1, ensure_ascii=False) + "\n"
    faults += queries.without_runbook() if check else []
    if not faults and check and (not FILE.exists() or FILE.read_text() != text):
        faults.append(f"{FILE.name} is not what panels.py and the metrics make: run scripts/make_dashboard.")
    if faults:
        sys.exit("\n".join(faults))
    if not check:
        FILE.write_text(text)
    print(f"{'checked' if check else 'written'}: {sum(map(len, rows.values()))} panels, {len(of_rules)} rules, "
          f"{len(metrics)} metrics")  # fmt: skip


def faults_of(panel, metrics, recorded):
    """What is wrong with a panel, as sentences."""
    for query, legend in panel.queries:
        for fault in queries.faults(query.replace("$job", ".+").replace("$instance", ".+"), metrics, recorded):
            yield f"{panel.title}: {fault}"
        asked = queries.Query(query)
        whole = not asked.labels and not re.match(r"(sum|max|min|count)\(", query)
        for label in re.findall(r"{{(\w+)}}", legend):
            if label not in asked.labels and not (whole and label in queries.OF_TARGETS):
                yield f"{panel.title}: the legend names {label}, which the result does not have: {query}"


def not_shown(rows, of_rules, metrics):
    asked = of_rules + [query for row in rows.values() for panel in row for query, _ in panel.queries]
    shown = {exposition.family(name, metrics) for query in asked for name, _ in queries.Query(query).selectors}
    return [f"neither a panel nor a rule shows {name}" for name in sorted(set(metrics) - shown - panels.NOT_SHOWN)]


def dashboard(rows, metrics):
    made, top = [], 0
    for title, row in rows.items():
        made.append({"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": place(0, top, 24, 1)})
        top, left, height = top + 1, 0, 0
        for panel in row:
            if left + panel.width > 24:
                top, left, height = top + height, 0, 0
            height = max(height, HEIGHTS[panel.kind])
            made.append(rendered(panel, metrics, place(left, top, panel.width, HEIGHTS[panel.kind])))
            left += panel.width
        top += height
    return {
        "title": "glimpse",
        "uid": "glimpse",
        "description": "A fleet of glimpse. Made by scripts/make_dashboard; the first row needs rules.yaml.",
        "tags": ["glimpse"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": variables()},
        "panels": [{"id": number, **panel} for number, panel in enumerate(made, 1)],
    }


def place(x, y, width, height):
    return {"x": x, "y": y, "w": width, "h": height}


def variables():
    def of_series(name, label, query):
        return {
            "type": "query", "name": name, "label": label, "datasource": SOURCE, "refresh": 2, "sort": 1,
            "query": {"query": query, "refId": name}, "definition": query, "includeAll": True, "multi": True,
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        }  # fmt: skip

    return [
        {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "refresh": 1},
        of_series("job", "Job", "label_values(glimpse_build_info, job)"),
        of_series("instance", "Instance", 'label_values(glimpse_build_info{job=~"$job"}, instance)'),
    ]


def rendered(panel, metrics, position):
    """The panel as Grafana reads it. Its description ends with the server's own words for its metrics."""
    names = {name: None for query, _ in panel.queries for name, _ in queries.Query(query).selectors}
    own = dict.fromkeys(exposition.family(name, metrics) for name in names)
    words = [f"{name}: {metrics[name].help}" for name in own if name in metrics and metrics[name].help]
    steps = [{"color": "green" if panel.limit else "blue", "value": None}]
    steps += [{"color": "red", "value": panel.limit}] if panel.limit else []
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": "\n\n".join([panel.text, *words]),
        "datasource": SOURCE,
        "gridPos": position,
        "targets": [target(number, *query) for number, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": defaults(panel, steps), "overrides": []},
        "options": options(panel),
    }


def target(number, query, legend):
    return {"refId": chr(65 + number), "datasource": SOURCE, "editorMode": "code", "range": True, "instant": False,
            "expr": query, "legendFormat": legend}  # fmt: skip


def defaults(panel, steps):
    found = {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.most is not None:
        found["max"] = panel.most
    if panel.kind == "stat":
        return found | {"color": {"mode": "thresholds"}}
    style = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 30 if panel.stacked else 10, "showPoints": "never",
             "spanNulls": False, "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
             "thresholdsStyle": {"mode": "dashed" if panel.limit else "off"}}  # fmt: skip
    return found | {"color": {"mode": "palette-classic"}, "custom": style}


def options(panel):
    if panel.kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "graphMode": "area",
                "colorMode": "value", "textMode": "value", "justifyMode": "auto", "orientation": "auto"}  # fmt: skip
    return {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"}}  # fmt: skip


if __name__ == "__main__":
    main()
