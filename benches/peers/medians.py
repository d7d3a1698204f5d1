"""What the rounds of a race come to."""

import statistics

from measure import Load


class Medians:
    """The medians of the rounds by contestant and load, or `None` for a contestant that did not take part.

    A ratio is the median of the rounds' ratios: what slows the machine down for a round is in both figures.
    """

    def __init__(self, samples, pipelines, pipeline_load):
        self.samples, self.pipelines, self.pipeline_load = samples, pipelines, pipeline_load

    def rounds(self, field, key, bodies, connections):
        return [getattr(sample, field) for sample in self.samples.get((Load(bodies, connections), key), [])]

    def of(self, field, key, bodies, connections):
        return median(self.rounds(field, key, bodies, connections))

    def ratio(self, field, one, other, bodies, connections, other_bodies=None):
        ours = self.rounds(field, one, bodies, connections)
        theirs = self.rounds(field, other, other_bodies or bodies, connections)
        return median_ratio(ours, theirs)

    def own_ratio(self, field, other_field, key, bodies, connections):
        """The ratio of two figures of one contestant."""
        return median_ratio(*(self.rounds(it, key, bodies, connections) for it in (field, other_field)))

    def to_pipeline(self):
        """glimpse's CPU time a request, of its pipeline's without HTTP."""
        load = self.pipeline_load
        return median_ratio(self.rounds("cpu_ms", "glimpse", load.bodies, load.connections), [it.cpu_ms for it in self.pipelines])

    def ready_ms(self, key):
        return median([sample.ready_ms for (_, name), rounds in self.samples.items() if name == key for sample in rounds])


def median(values):
    return statistics.median(values) if values else None


def median_ratio(ours, theirs):
    # A contestant that did not take part has no rounds.
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True)) if ours and theirs else None
