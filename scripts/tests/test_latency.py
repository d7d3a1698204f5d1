import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "benches/peers"))
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "benches/latency"))

import arrivals
import report
from arrivals import Request, Turn


def test_arrivals_are_poisson_and_the_same_at_every_run():
    times = arrivals.poisson(200, 60, "a")
    assert times == arrivals.poisson(200, 60, "a") != arrivals.poisson(200, 60, "b")
    assert times == sorted(times) and times[-1] < 60e6
    # Four standard deviations of the number of arrivals.
    assert abs(len(times) - 12_000) < 4 * 12_000**0.5
    gaps = [after - before for before, after in zip(times, times[1:])]
    # A share of 1 / e of exponential gaps is longer than the mean.
    assert abs(sum(gap > 5000 for gap in gaps) / len(gaps) - 0.368) < 0.02


@pytest.mark.parametrize("percent, wanted", [(50, 500), (99, 990), (99.9, 999), (100, 1000)])
def test_percentiles_are_nearest_ranks(percent, wanted):
    assert arrivals.percentile(range(1000, 0, -1), percent) == wanted
    assert arrivals.percentile([7], percent) == 7


def test_a_stall_is_charged_to_all_that_were_due_meanwhile():
    # One a millisecond; the server stalls for 100 ms, and the only connection sends the rest one after another.
    requests = [Request(number * 1000, max(number, 100) * 1000, max(number, 100) * 1000 + 500, 200) for number in range(1000)]
    turn = arrivals.turn(2000, 1, requests)
    assert turn.p50 == 0.5
    assert 89 < turn.p99 < 92 and turn.p999 > 99
    assert turn.rate == turn.count == 1000 and turn.errors == 0


def test_what_is_not_answered_with_200_is_an_error_and_no_latency():
    said = "0 0 2000 200\n1000 1000 1100 503\n2000 2000 9000 0\n"
    turn = arrivals.turn(10, 1, arrivals.parse(said))
    assert (turn.errors, turn.p999, turn.count) == (2, 2.0, 3)
    with pytest.raises(SystemExit, match="None of 1 requests"):
        arrivals.turn(10, 1, [Request(0, 0, 5, 503)])


def test_the_capacity_is_what_was_answered_until_the_last_answer():
    requests = [Request(0, 0, 10_000 * number, 200) for number in range(1, 51)]
    assert arrivals.closed_rate(requests) == 100


def rounds(glimpse):
    """Three rounds; the machine takes thrice the time in the second one."""
    for speed in (1, 3, 1):
        keys = {"glimpse": glimpse, "least": 90, "random": 150}
        yield {
            (key, share): Turn(100, 80, 3000, 10, 20, p999 * speed, 0.1, 0) for key, p999 in keys.items() for share in report.SHARES
        }


@pytest.mark.parametrize("glimpse, met", [(29, ["met", "met"]), (40, ["NOT met", "met"]), (60, ["NOT met", "NOT met"])])
def test_goals_are_judged_by_ratios_of_the_same_round(glimpse, met):
    measured = list(rounds(glimpse))
    assert [row.split("|")[-2].strip() for row in report.verdicts(measured).splitlines()[2:]] == met
    rows = report.results(measured).splitlines()
    assert len(rows) == 2 + len(report.NAMES) * len(report.SHARES)
    assert rows[2].startswith("| 50% | glimpse | 100 (100 to 100) | 80.0")
