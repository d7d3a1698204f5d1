import json
import os

import bench_table


def benchmark(folder, name, when, nanoseconds):
    place = folder / name.replace("/", "_") / "new"
    place.mkdir(parents=True)
    interval = {"lower_bound": nanoseconds * 0.9, "upper_bound": nanoseconds * 1.1}
    estimates = {"median": {"point_estimate": nanoseconds, "confidence_interval": interval}}
    (place / "estimates.json").write_text(json.dumps(estimates))
    (place / "benchmark.json").write_text(json.dumps({"full_id": name}))
    os.utime(place / "estimates.json", (when, when))


def test_rows_are_in_the_order_of_measurement(tmp_path):
    benchmark(tmp_path, "scale", 12, 1_500.0)
    benchmark(tmp_path, "decode/small", 11, 2_000_000.0)
    benchmark(tmp_path, "from another day", 5, 1.0)
    measured = bench_table.read(tmp_path, since=10)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in bench_table.table(measured).splitlines()]
    assert rows[0] == ["", "median", "95 % between"]
    assert rows[2:] == [["decode/small", "2 ms", "1.8 ms and 2.2 ms"], ["scale", "1.5 µs", "1.35 µs and 1.65 µs"]]


def test_the_share_compares_the_same_pictures(tmp_path):
    benchmark(tmp_path, "http/small, 1 client", 1, 9e6)
    benchmark(tmp_path, "http/small, 8 clients", 2, 4e6)
    benchmark(tmp_path, "without HTTP/small, 2 threads", 3, 3e6)
    benchmark(tmp_path, "without HTTP/12 megapixels, 2 threads", 4, 3e6)
    said = list(bench_table.shares(bench_table.read(tmp_path, since=0)))
    assert said == ["small, 8 clients over HTTP: 75% of the requests/s that 2 threads do without it"]
