"""What became of every request: read from the clients' output, counted, and shown as rows of a table."""

import collections
import statistics

Request = collections.namedtuple("Request", "second door outcome milliseconds why")
Mark = collections.namedtuple("Mark", "begin end")

HEAD = """\
| balancer | event | sent | right | refused | wrong | lost | p50/p99 before | during | after | CPU |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""
PARTS = ("before", "during", "after")


class Record:
    """The requests of one event behind one balancer, of every time that it was run."""

    def __init__(self, balancer, event, most_lost):
        self.balancer, self.event, self.most_lost = balancer, event, most_lost
        self.sent, self.cpu_seconds = 0, 0.0
        self.counts = collections.Counter()
        self.milliseconds = {part: [] for part in PARTS}
        self.lost = []
        self.runs = 0

    def add(self, text, mark, cpu_seconds):
        """Adds one run: the clients' output, and the times between which the event was, in seconds since 1970."""
        *lines, last = text.splitlines()
        if not last.startswith("sent "):
            raise SystemExit(f"The clients' output has no end: {last}")
        self.runs += 1
        self.sent += int(last.split()[1])
        self.cpu_seconds += cpu_seconds
        for request in map(parsed, lines):
            self.counts[request.outcome] += 1
            if request.outcome == "Right":
                part = "before" if request.second < mark.begin else "during" if request.second < mark.end else "after"
                self.milliseconds[part].append(request.milliseconds)
            elif request.outcome == "Lost":
                self.lost.append(request)

    def failures(self):
        """What must not be, as sentences."""
        what = f"{self.balancer}, {self.event}"
        if self.counts["Wrong"]:
            yield f"{what}: {self.counts['Wrong']} wrong answers"
        if self.counts.total() != self.sent:
            yield f"{what}: {self.sent} were sent, and {self.counts.total()} have an outcome"
        if not self.counts["Right"]:
            yield f"{what}: no right answer"
        if self.counts["Refused"] > self.sent / 3:
            yield f"{what}: {self.counts['Refused']} of {self.sent} requests were refused; a third may be"
        if self.counts["Lost"] > self.most_lost * self.runs:
            yield f"{what}: {self.counts['Lost']} requests were lost; {self.most_lost * self.runs} may be"

    def row(self):
        """One row of the table."""
        outcomes = [f"{self.counts[outcome]:,}" for outcome in ("Right", "Refused", "Wrong", "Lost")]
        times = [percentiles(self.milliseconds[part]) for part in PARTS]
        cpu = f"{self.cpu_seconds * 1000 / max(self.sent, 1):.2f}"
        return f"| {' | '.join([self.balancer, self.event, f'{self.sent:,}', *outcomes, *times, cpu])} |"

    def reasons(self):
        """Why requests were lost, by how often."""
        reasons = collections.Counter(f"{request.door}: {request.why[:160]}" for request in self.lost)
        return [f"  {number} lost by {reason}" for reason, number in reasons.most_common(3)]


def parsed(text):
    second, door, outcome, milliseconds, *why = text.split(" ", 4)
    return Request(float(second), door, outcome, float(milliseconds), why[0] if why else "")


def percentiles(values):
    if len(values) < 2:
        return "-"
    return f"{statistics.median(values):.0f}/{statistics.quantiles(values, n=100)[98]:.0f}"
