import json
import os

import bench_table


def benchmark(folder, name, when, **runs):
    for run, nanoseconds in runs.items():
        place = folder / name.replace("/", "_") / run
        place.mkdir(parents=True)
        interval = {"lower_bound": nanoseconds * 0.9, "upper_bound": nanoseconds * 1.1}
        estimates = {"median": {"point_estimate": nanoseconds, "confidence_interval": interval}}
        (place / "estimates.json").write_text(json.dumps(estimates))
        (place / "benchmark.json").write_text(json.dumps({"full_id": name}))
        os.utime(place / "estimates.json", (when, when))


def test_rows_are_in_the_order_of_measurement_with_the_ratio_to_the_saved_run(tmp_path):
    benchmark(tmp_path, "scale", 12, new=1_500.0, before=1_000.0)
    benchmark(tmp_path, "decode/small", 11, new=2_000_000.0)
    benchmark(tmp_path, "from another day", 5, new=1.0)
    measured = bench_table.read(tmp_path, since=10)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in bench_table.table(measured, "before").splitlines()]
    assert rows[0] == ["", "median", "95 % between", "of before"]
    assert rows[2:] == [
        ["decode/small", "2 ms", "1.8 ms and 2.2 ms", "new"],
        ["scale", "1.5 µs", "1.35 µs and 1.65 µs", "1.50"],
    ]


def test_the_share_compares_the_same_pictures(tmp_path):
    benchmark(tmp_path, "http/small, 1 client", 1, new=9e6)
    benchmark(tmp_path, "http/small, 8 clients", 2, new=4e6)
    benchmark(tmp_path, "without HTTP/small, 2 threads", 3, new=3e6)
    benchmark(tmp_path, "without HTTP/12 megapixels, 2 threads", 4, new=3e6)
    said = list(bench_table.shares(bench_table.read(tmp_path, since=0)))
    assert said == ["small, 8 clients over HTTP: 75% of the requests/s that 2 threads do without it"]
