"""The table of the changes, group by group, and whether the goals are met."""

import statistics

from .design import VALUES

# A first label may change if its lead is not over this.
LEAD = 0.03
# The largest changes of the model's input in levels of 0 to 255: on average of a group, and of any value.
MEAN, MOST = 0.13, 3
# Pictures of a group whose average is held against the goal, at least. That of fewer depends on the photographs.
LEAST = 8
# Pictures that are named, at most.
NAMED = 20
HEADINGS = [
    "group",
    "pictures",
    "direct, reduced, whole",
    "label kept",
    "confidence mean",
    "max",
    "pixels mean",
    "max",
    "libjpeg-turbo mean",
    "max",
    "time",
    "",
]
LEGEND = """\
Changes are those against the file decoded whole. Confidence: of first labels that are kept. Pixels: levels of 0 to 255 of the
model's input, of pictures that are not decoded whole; libjpeg-turbo: the same for its own reduction, of pictures that it
reduces. Time: CPU time to decode and resize directly, as a share of that with libjpeg-turbo for the same file, median.
Too few: pictures for an average to be judged."""


def groups(results):
    """Names and results: all, then each value of each property that has several among them."""
    yield "all", results
    for name, values in VALUES.items():
        found = {value: [result for result in results if getattr(result.task.kind, name) == value] for value in values}
        found = {value: members for value, members in found.items() if members}
        if len(found) > 1:
            yield from ((f"{name} {value}", members) for value, members in sorted(found.items()))


def is_lost(result):
    """Whether a first label changes that should not."""
    return not result.is_kept and result.exact.lead > LEAD


def is_far(result):
    """Whether the picture alone misses a goal."""
    return is_lost(result) or result.pixels.max > MOST


def shrunk(results):
    """The changes of the pictures that are not decoded whole: those that are would hide the others' changes."""
    return [result.pixels for result in results if result.pixels.way != "whole"]


def mean_change(results):
    """The mean change of a group's pixels, 0 of a group that is too small to judge."""
    changes = [pixels.mean for pixels in shrunk(results)]
    return statistics.fmean(changes) if len(changes) >= LEAST else 0


def most_change(results):
    return max((result.pixels.max for result in results), default=0)


def is_met(results):
    return not any(map(is_far, results)) and mean_change(results) <= MEAN


def verdict(results):
    if not is_met(results):
        return "NOT met"
    return "too few" if 0 < len(shrunk(results)) < LEAST else "met"


def row(name, results):
    ways = [result.pixels.way for result in results]
    kept = [result for result in results if result.is_kept]
    pixels = shrunk(results)
    turbo = [result.pixels for result in results if result.pixels.reduced_max > 0]
    times = [it.milliseconds / it.reduced_milliseconds for it in pixels if it.way == "direct"]
    cells = [
        name,
        str(len(results)),
        ", ".join(str(ways.count(way)) for way in ("direct", "reduced", "whole")),
        f"{len(kept)}, {sum(map(is_lost, results))} lost" if any(map(is_lost, results)) else str(len(kept)),
        *mean_and_most([abs(result.exact.confidence - result.reduced.confidence) for result in kept], ".4f"),
        *mean_and_most([it.mean for it in pixels], ".3f", [it.max for it in pixels]),
        *mean_and_most([it.reduced_mean for it in turbo], ".3f", [it.reduced_max for it in turbo]),
        f"{statistics.median(times):.2f}" if times else "",
        verdict(results),
    ]
    return f"| {' | '.join(cells)} |"


def mean_and_most(values, form, most=None):
    """The cells of a mean and a maximum, empty without values."""
    if not values:
        return "", ""
    return format(statistics.fmean(values), form), f"{max(most):g}" if most else format(max(values), form)


def table(results):
    rule = "| --- " * len(HEADINGS) + "|"
    return "\n".join([f"| {' | '.join(HEADINGS)} |", rule, *(row(*group) for group in groups(results)), "", LEGEND])


def goals(results):
    """What is wanted, what was measured, and whether that meets it."""
    name, worst = max(((name, mean_change(members)) for name, members in groups(results)), key=lambda group: group[1])
    lost, most = sum(map(is_lost, results)), most_change(results)
    measured = f"{worst:.3f} ({name})" if worst else "not judged"
    average = f"mean change of the pixels of each group of {LEAST} or more"
    direct = [it.way == "direct" for it in shrunk(results)]
    return [
        (f"first labels with a lead over {LEAD} that change", "none", f"{lost}", lost == 0),
        (average, f"at most {MEAN}", measured, worst <= MEAN),
        ("largest change of a pixel", f"at most {MOST}", f"{most:g}", most <= MOST),
        ("pictures that are resized from their coefficients", "some", f"{sum(direct)}", any(direct) or not direct),
    ]


def far(results):
    """Sentences about the pictures that miss a goal, the farthest first."""
    found = sorted(filter(is_far, results), key=lambda result: (is_lost(result), result.pixels.max), reverse=True)
    for result in found[:NAMED]:
        label = f"{result.exact.label}, which led by {result.exact.lead:.4f}, is no longer first. " if is_lost(result) else ""
        change = f"Pixels change by {result.pixels.mean:.3f}, at most by {result.pixels.max:g}."
        yield f"{result.task.number:04} ({result.photograph}: {result.task.kind}): {label}{change}"
    if len(found) > NAMED:
        yield f"And {len(found) - NAMED} more."


def report(results):
    """Prints everything. Returns whether the goals are met."""
    print(table(results), end="\n\n")
    for line in far(results):
        print(line)
    reached = goals(results)
    for what, wanted, measured, met in reached:
        print(f"{'met' if met else 'NOT met':8}{what}: {measured} (goal: {wanted})")
    return all(met for *_, met in reached)
