"""What a request costs beside its stages: HTTP, the body, the log, the metrics, the answer.

The threads that serve connections do nothing else, so all of their CPU time counts. Of a worker's, what is left beside the times
of its stages counts as well; those include finding the picture in the body, and base64.
"""

import re
import urllib.request

import storm

STAGES = ("decode", "resize", "inference")


def measure(server, pictures, requests, content_type):
    """Milliseconds a request: the CPU time of the connections' threads, of the workers', and each stage's time."""
    storm.send(server, pictures, 1, len(pictures), content_type)
    before = reading(server)
    storm.send(server, pictures, 1, requests, content_type)
    return [(now - then) / requests for now, then in zip(reading(server), before, strict=True)]


def reading(server):
    serving = working = 0.0
    for task in server.tasks():
        # Nanoseconds (Linux, Documentation/scheduler/sched-stats).
        used = int((task / "schedstat").read_text().split()[0]) / 1e6
        if (task / "comm").read_text().startswith("worker"):
            working += used
        else:
            serving += used
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=30) as answer:
        metrics = answer.read().decode()
    return [serving, working, *(seconds(metrics, stage) * 1000 for stage in STAGES)]


def seconds(metrics, stage):
    found = re.search(rf'^glimpse_stage_duration_seconds_sum{{stage="{stage}"}} (\S+)$', metrics, re.MULTILINE)
    if not found:
        raise SystemExit(f"The metrics have no time of the stage {stage}.")
    return float(found[1])
