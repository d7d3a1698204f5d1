"""The counting of the fleet test, and the balancers' files as it runs them."""

import pathlib
import re
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).parents[2] / "benches/fleet"))

import balancers
import instances
import records

OUTPUT = """\
1.000 json Right 10.0\x20
2.000 grpc Refused 5.0\x20
3.000 file Lost 20.0 no answer
4.000 json Right 30.0\x20
sent 4
"""


def record(output, most_lost=0):
    made = records.Record("envoy", "frozen", most_lost)
    made.add(output, records.Mark(1.5, 3.5), 0.008)
    return made


def test_requests_are_counted_by_outcome_and_time():
    made = record(OUTPUT, most_lost=1)
    assert dict(made.counts) == {"Right": 2, "Refused": 1, "Lost": 1}
    assert made.milliseconds == {"before": [10.0], "during": [], "after": [30.0]}
    assert made.reasons() == ["  1 lost by file: no answer"]
    assert not list(made.failures())
    assert made.row() == "| envoy | frozen | 4 | 2 | 1 | 0 | 1 | - | - | - | 2.00 |"


@pytest.mark.parametrize("output, sentence", [
    (OUTPUT, "envoy, frozen: 1 requests were lost; 0 may be"),
    (OUTPUT.replace("Lost", "Wrong"), "envoy, frozen: 1 wrong answers"),
    (OUTPUT.replace("sent 4", "sent 5").replace("Lost", "Right"), "envoy, frozen: 5 were sent, and 4 have an outcome"),
])
def test_what_must_not_be_is_a_failure(output, sentence):
    assert list(record(output).failures()) == [sentence]


def test_output_without_an_end_stops_the_run():
    with pytest.raises(SystemExit):
        record(OUTPUT.replace("sent 4\n", ""))


def test_a_reason_that_counts_zero_has_refused_nothing():
    metrics = """\
# TYPE glimpse_rejected_total counter
glimpse_rejected_total{reason="busy"} 0
glimpse_rejected_total{reason="no_memory"} 12
"""
    assert [instances.refused(metrics, reason) for reason in ("busy", "no_memory", "memory")] == [0, 12, 0]


@pytest.mark.parametrize("balancer", balancers.all_balancers(), ids=lambda balancer: balancer.name)
def test_the_files_of_a_balancer_name_only_this_machine(balancer):
    fleet = instances.Fleet("glimpse", pathlib.Path(), [])
    text = "".join(balancers.configured((balancers.FILES / file).read_text(), fleet, 27000) for file in balancer.files)
    settings = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    assert all(instance.host in settings for instance in fleet)
    assert "27000" in settings
    assert not any(name in settings for name in ("glimpse-1", "0.0.0.0", ":8000", "listen 8000"))


def test_the_tries_of_traefik_outlast_the_interval_of_its_checks():
    text = (balancers.FILES / "traefik-services.yaml").read_text()
    attempts, first, interval = (
        int(re.search(rf"^ *{name}: (\d+)", text, re.MULTILINE)[1]) for name in ("attempts", "initialInterval", "interval"))
    # Traefik's backoff: the waits grow by this factor, and each is at least half as long as it says.
    growth = 2 ** (1 / (attempts - 1))
    assert sum(first * growth**number / 2 for number in range(attempts - 1)) > 1.25 * interval


@pytest.mark.parametrize("balancer", balancers.balancers_by_name(), ids=lambda balancer: balancer.name)
def test_a_name_takes_the_place_of_three_addresses(balancer):
    text = "".join(balancer.by_name((balancers.FILES / file).read_text()) for file in balancer.files)
    assert "glimpse-headless" in text and "default_backend glimpse\n" not in text
