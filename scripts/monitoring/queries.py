"""Which metrics and labels a query of PromQL asks for, and whether there are such."""

import pathlib
import re

import exposition

DEPLOY = pathlib.Path(__file__).resolve().parents[1] / "deploy"
RULES = DEPLOY / "chart/monitoring/rules.yaml"
RUNBOOK = DEPLOY / "README.md"
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[a-zA-Z_:][\w:]*|=~|!~|!=|>=|<=|==|\d[\w.]*|\S')
NAME = re.compile(r"[a-zA-Z_:][\w:]*")
LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}
# Labels that Prometheus gives to every target, and the one that rules.yaml adds.
OF_TARGETS = {"job", "instance", "namespace"}
OF_RULES = {"class"}
# Series that Prometheus itself makes, and their labels.
OF_PROMETHEUS = {"up": set(), "ALERTS": {"alertname", "alertstate"}}
# Labels of which exposition.listed has seen every value that a query may name.
SEEN = {"route", "method", "stage"}


class Query:
    """`selectors` are pairs of a series' name and its matchers, (label, operator, value). `labels` are those in lists."""

    def __init__(self, text):
        self.text, self.selectors, self.labels = text, [], set()
        tokens = TOKEN.findall(text)
        while tokens:
            self.take(tokens)

    def take(self, tokens):
        token, ahead = tokens.pop(0), tokens[0] if tokens else ""
        if token in LISTS and ahead == "(":
            inner = tokens[1 : tokens.index(")")]
            del tokens[: len(inner) + 2]
            self.labels.update(label for label in inner if label != ",")
        elif token == "{":
            raise SystemExit(f"A selector without a name can't be checked: {self.text}")
        elif NAME.fullmatch(token) and ahead != "(" and ahead not in LISTS and token not in WORDS:
            self.selectors.append((token, matchers(tokens) if ahead == "{" else []))


def matchers(tokens):
    inner = tokens[1 : tokens.index("}")]
    del tokens[: len(inner) + 2]
    inner = [token for token in inner if token != ","]
    return [(inner[at], inner[at + 1], inner[at + 2][1:-1]) for at in range(0, len(inner), 3)]


def faults(text, metrics, recorded):
    """What a query asks for that is not there, as sentences."""
    query, known = Query(text), set(OF_TARGETS)
    for name, conditions in query.selectors:
        labels = labels_of(name, metrics, recorded)
        if labels is None:
            yield f"there is no metric {name}: {text}"
            continue
        known |= set(labels)
        for label, operator, value in conditions:
            if label not in labels and label not in OF_TARGETS:
                yield f"{name} has no label {label}: {text}"
            elif label in SEEN and operator in ("=", "=~") and not matches(operator, value, labels[label]):
                yield f"no {label} of {name} is {value}: {text}"
    for label in sorted(query.labels - known):
        yield f"there is no label {label} to group by: {text}"


def labels_of(name, metrics, recorded):
    """The labels of a series and their values; `None` where there is no such series."""
    if name in recorded:
        return dict.fromkeys(OF_RULES | {"le"}, set())
    if name in OF_PROMETHEUS:
        return dict.fromkeys(OF_PROMETHEUS[name], set())
    metric = metrics.get(exposition.family(name, metrics))
    if metric is None or (metric.type == "histogram") == (metric.name == name):
        return None
    return metric.labels


def matches(operator, value, values):
    return any(re.fullmatch(value, it) if operator == "=~" else value == it for it in values)


def rules():
    """The names that rules.yaml records, and the queries of all its rules. Its style is fixed; promtool reads it as YAML."""
    text = RULES.read_text()
    recorded = set(re.findall(r"^ +- record: (\S+)$", text, re.M))
    alerts = re.findall(r"^ +- alert: (\S+)$", text, re.M)
    found = re.findall(r"^( +)expr: (?:>-\n((?:\1 +.*\n)+)|(.+)\n)", text, re.M)
    queries = [" ".join((folded or inline).split()) for _, folded, inline in found]
    if len(queries) != len(re.findall(r"^ +- (?:record|alert): ", text, re.M)) or not alerts:
        raise SystemExit(f"{RULES.name} has a rule whose expr can't be read: write it as the others are.")
    return recorded, queries


def without_runbook():
    """The alerts whose runbook_url leads to no heading of the guide, as sentences."""
    headings = re.findall(r"^#+ (\w+)$", RUNBOOK.read_text(), re.M)
    for alert in re.split(r"^ +- alert: ", RULES.read_text(), flags=re.M)[1:]:
        name = alert.split("\n", 1)[0]
        if name not in headings or f"runbook_url: scripts/deploy/README.md#{name.lower()}\n" not in alert:
            yield f"{name}: {RUNBOOK.name} has no heading {name}, or runbook_url does not lead to it."
