"""The rows and panels of the dashboard. dashboard.py makes Grafana's JSON of them.

The first row asks for what rules.yaml records, so that its figures are those of the alerts. All other rows ask for the
server's own metrics, and show the chosen instances alone.
"""

import dataclasses

OF = 'job=~"$job", instance=~"$instance"'
JOB = 'job=~"$job"'
# Grafana's choice: at least four scrapes.
RATE = "[$__rate_interval]"


@dataclasses.dataclass
class Panel:
    """`queries` are pairs of PromQL and a legend. `limit` is where an alert begins, `most` the axis' end."""

    title: str
    text: str
    unit: str
    queries: list
    kind: str = "timeseries"
    width: int = 8
    stacked: bool = False
    limit: float | None = None
    most: float | None = None


def rate(metric, *labels, where=""):
    """Events a second, summed over all but the labels."""
    return f"sum by ({', '.join(labels)}) (rate({metric}{{{', '.join(filter(None, [OF, where]))}}}{RATE}))"


def quantile(share, metric, *labels, where=""):
    return f"histogram_quantile({share}, {rate(metric + '_bucket', 'le', *labels, where=where)})"


def recorded(name, where=""):
    return f"{name}{{{', '.join(filter(None, [JOB, where]))}}}"


def overview():
    analysis, legend = 'class="analysis"', "{{job}}"
    p50, p99 = (f"job_class:glimpse_request_duration_seconds:{p}_rate5m" for p in ("p50", "p99"))
    errors = recorded("job_class:glimpse_errors:ratio_rate5m", analysis)
    ready, known = recorded("job:glimpse_ready:sum"), recorded("job:glimpse_instances:count")
    refusals, pictures = recorded("job:glimpse_refusals:ratio_rate5m"), recorded("job:glimpse_pictures:rate5m")
    busy = recorded("job:glimpse_workers:utilisation_rate5m")
    # An alert about a fleet that Prometheus does not know has no job.
    alerts = 'max by (alertname, instance) (ALERTS{alertname=~"Glimpse.+", alertstate="firing", job=~"$job|"})'
    return [
        Panel("Instances that are not ready", "Instances that Prometheus knows, less those that are ready.", "short",
              [(f"sum({known}) - sum({ready})", "not ready")], "stat", 4, limit=1),
        Panel("Instances that are ready", "Instances that want requests.", "short",
              [(f"sum({ready})", "ready")], "stat", 4),
        Panel("Pictures a second", "Analyzed pictures of all doors; each of a batch counts.", "short",
              [(f"sum({pictures})", "pictures/s")], "stat", 4),
        Panel("Errors", "Share of the analyses that end with 500, 504 or a like code of gRPC. Refusals (503, UNAVAILABLE) "
              "are shown apart.", "percentunit", [(f"max({errors})", "errors")], "stat", 4, limit=0.05),
        Panel("Refusals", "Share of the pictures that full servers refuse (503, UNAVAILABLE).", "percentunit",
              [(f"max({refusals})", "refusals")], "stat", 4, limit=0.05),
        Panel("Slowest of 100 analyses", "The 99th percentile of the time from a request's head to its answer's.", "s",
              [(f'max({recorded(p99, analysis)})', "p99")], "stat", 4, limit=2.5),
        Panel("Pictures a second, by job", "Analyzed pictures of all doors; each of a batch counts.", "short",
              [(pictures, legend)]),
        Panel("Errors and refusals", "Shares, from 0 to 100 %: errors of the analyses, refusals of the pictures.",
              "percentunit", [(errors, "errors, {{job}}"), (refusals, "refusals, {{job}}")], limit=0.05),
        Panel("Time of an analysis", "From a request's head to its answer's, over HTTP and gRPC without its streams. The "
              "time in which a client sends its body counts, and refusals, which are quick, count as well.", "s",
              [(recorded(p50, analysis), "half of them, {{job}}"), (recorded(p99, analysis), "99 %, {{job}}")], limit=2.5),
        Panel("Busy workers", "Share of their time in which the workers decode, resize and infer. At 100 % requests wait.",
              "percentunit", [(busy, legend)], most=1),
        Panel("Instances", "Instances that Prometheus knows, and those of them that are ready.", "short",
              [(known, "known, {{job}}"), (ready, "ready, {{job}}")]),
        Panel("Firing alerts", "The alerts of rules.yaml. The runbook says what to do.", "short",
              [(alerts, "{{alertname}} {{instance}}")]),
    ]


def versions():
    return [
        Panel("Versions", "Instances of each version. Two versions stand here while a new one is rolled out.", "short",
              [(f"count by (version) (glimpse_build_info{{{OF}}})", "{{version}}")]),
        Panel("Models", "Instances that answer with each model.", "short",
              [(f"sum by (name, version) (glimpse_model_info{{{OF}}})", "{{name}} {{version}}")]),
        Panel("Models that were loaded anew", "In an hour, at SIGHUP or with WATCH. A file that can't be used is refused.",
              "short", [(f"sum by (result) (increase(glimpse_model_reloads_total{{{OF}}}[1h]))", "{{result}}")]),
        Panel("Ready", "1 where /readyz answers 200, 0 while an instance drains or lacks a worker.", "short",
              [(f"glimpse_ready{{{OF}}}", "{{instance}}")], most=1),
    ]


def requests():
    http, grpc = "glimpse_http_requests_total", "glimpse_grpc_requests_total"
    unary = 'method!~".*(Stream|StreamInfer|Watch|ServerReflectionInfo)"'
    return [
        Panel("HTTP requests by route", "Requests a second. Routes are patterns; the site's files share one.", "reqps",
              [(rate(http, "route"), "{{route}}")], stacked=True),
        Panel("HTTP requests by status", "Requests a second. 499: the client left before its answer. 503: refused.",
              "reqps", [(rate(http, "status"), "{{status}}")], stacked=True),
        Panel("Time of HTTP requests", "The 99th percentile of the time from the head to the answer's, by route.", "s",
              [(quantile(0.99, "glimpse_http_request_duration_seconds", "route"), "{{route}}")]),
        Panel("gRPC requests by method", "Requests a second. A stream is one request.", "reqps",
              [(rate(grpc, "method"), "{{method}}")], stacked=True),
        Panel("gRPC requests by code", "Requests a second. 0: OK, 1: the client left, 3: a wrong picture, 4: too late, "
              "8: too large or too often, 13: a fault of the server, 14: refused, 16: no key.", "reqps",
              [(rate(grpc, "code"), "{{code}}")], stacked=True),
        Panel("Time of gRPC requests", "The 99th percentile of the time from the head to the status, by method, without "
              "streams.", "s",
              [(quantile(0.99, "glimpse_grpc_request_duration_seconds", "method", where=unary), "{{method}}")]),
        Panel("Refused requests by reason", "A second. busy and no_memory: the server is full. deadline: it took too long. "
              "All others are the client's.", "reqps", [(rate("glimpse_rejected_total", "reason"), "{{reason}}")],
              width=12, stacked=True),
        Panel("Refused before they were requests", "A second: what the HTTP library could not read.", "reqps",
              [(rate("glimpse_http_refused_total", "reason"), "{{reason}}")], width=12, stacked=True),
    ]


def stages():
    seconds, wait = "glimpse_stage_duration_seconds", "glimpse_queue_wait_seconds"
    mean = f"{rate(seconds + '_sum', 'stage')} / {rate(seconds + '_count', 'stage')}"
    waited = f"sum(rate({wait}_sum{{{OF}}}{RATE})) / sum(rate({wait}_count{{{OF}}}{RATE}))"
    busy = f"{rate(seconds + '_sum', 'instance')} / sum by (instance) (glimpse_workers{{{OF}}})"
    return [
        Panel("Where the time of a picture goes", "The mean time of each stage, and of waiting for a worker.", "s",
              [(waited, "queue"), (mean, "{{stage}}")], stacked=True),
        Panel("Slow stages", "The 99th percentile of each stage, and of waiting for a worker.", "s",
              [(quantile(0.99, wait), "queue"), (quantile(0.99, seconds, "stage"), "{{stage}}")]),
        Panel("Waiting requests", "Requests that wait for a worker at each instance (QUEUE_DEPTH is the most).", "short",
              [(f"glimpse_queue_depth{{{OF}}}", "{{instance}}")]),
        Panel("Pictures a second, by instance", "Uneven lines show a balancer that prefers some instances.", "short",
              [(rate(wait + "_count", "instance"), "{{instance}}")], width=12),
        Panel("Busy workers, by instance", "Share of their time in which the workers decode, resize and infer.",
              "percentunit", [(busy, "{{instance}}")], width=12, most=1),
    ]


def resources():
    def share(metric, limit):
        return f"{metric}{{{OF}}} / ({limit}{{{OF}}} > 0)"

    return [
        Panel("Memory", "Resident memory of the server's process.", "bytes",
              [(f"process_resident_memory_bytes{{{OF}}}", "{{instance}}")]),
        Panel("Memory, of the most that is planned for", "Of 128 MiB, MAX_INFLIGHT_BYTES, and for each worker "
              "MAX_PICTURE_BYTES and 32 MiB.", "percentunit", [(recorded("instance:glimpse_memory:ratio",
              'instance=~"$instance"'), "{{instance}}")], limit=0.9, most=1),
        Panel("CPU", "Cores that the process keeps busy. The counter has whole seconds: short intervals show steps.", "short",
              [(f"rate(process_cpu_seconds_total{{{OF}}}{RATE})", "{{instance}}")]),
        Panel("Request bodies in memory, of their limit", "Bytes of bodies, of MAX_INFLIGHT_BYTES. At 75 % large bodies are "
              "refused.", "percentunit",
              [(share("glimpse_inflight_bytes", "glimpse_inflight_bytes_limit"), "{{instance}}")]),
        Panel("Open files, of their limit", "Files and connections, of those that the system allows.", "percentunit",
              [(share("process_open_fds", "process_max_fds"), "{{instance}}")]),
        Panel("Time since the start", "A line that falls to 0 is a restart.", "s",
              [(f"time() - process_start_time_seconds{{{OF}}}", "{{instance}}")]),
    ]


def losses():
    def lost(title, text, metric):
        query = f"increase({metric}{{{OF}}}[5m])"
        return Panel(title, text, "short", [(query, "{{instance}}")])

    return [
        lost("Lost log lines", "In 5 minutes. Standard output was not read fast enough, or writing to it failed.",
             "glimpse_log_lines_dropped_total"),
        lost("Lost spans", "In 5 minutes. The collector is away, refuses them or is too slow.",
             "glimpse_spans_dropped_total"),
        lost("Decoders that failed", "In 5 minutes. Files at which a decoder panicked or its process ended.",
             "glimpse_decoder_failures_total"),
    ]


ROWS = {
    "Overview": overview, "Versions and states": versions, "Requests": requests, "Stages and workers": stages,
    "Resources": resources, "Losses": losses,
}  # fmt: skip
# Metrics of which neither a panel nor a rule is made, because no decision depends on them.
NOT_SHOWN = {"process_threads", "process_virtual_memory_bytes", "process_virtual_memory_max_bytes"}
