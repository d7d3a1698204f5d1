"""Whether old and new differ by more than the noise of rounds in which both were measured, one right after the other.

What slows the machine down for a while is in both figures of a round, so only their ratio counts. The interval is that of the
sign test for the median: from the k-th lowest to the k-th highest ratio, where at most k - 1 of n fair coins fall on one side
with a probability of 1 - LEVEL. It assumes nothing about how the ratios are distributed.
"""

import dataclasses
import math
import statistics

LEVEL = 0.99
# With fewer rounds no interval has that level, because 2 * 0.5 ** 7 is over 0.01.
LEAST_ROUNDS = 8


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The median of the rounds' ratios, new to old, and the interval of that median."""

    ratio: float
    low: float
    high: float

    @property
    def is_different(self):
        return not self.low <= 1 <= self.high

    def cells(self):
        """The ratio, the interval and the verdict for a table of times, where less is better."""
        word = ("less" if self.ratio < 1 else "MORE") if self.is_different else "within the noise"
        return [f"{self.ratio:.3f}", f"{self.low:.3f} to {self.high:.3f}", word]


def judge(old, new):
    """The verdict on figures of the same rounds, in order."""
    ratios = sorted(b / a for a, b in zip(old, new, strict=True))
    left_out = outside(len(ratios))
    return Verdict(statistics.median(ratios), ratios[left_out], ratios[-1 - left_out])


def outside(rounds):
    """How many ratios on each side lie outside the interval: k - 1."""
    if rounds < LEAST_ROUNDS:
        raise ValueError(f"{rounds} rounds are too few to judge: {LEAST_ROUNDS} are the least.")
    probability = 0
    for left_out in range(rounds):
        probability += 2 * math.comb(rounds, left_out) / 2**rounds
        if probability > 1 - LEVEL:
            return left_out - 1


def markdown(head, rows):
    """A table with columns of even width."""
    lines = [head, ["---"] * len(head), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)


def explained(count, rounds):
    """What a table of `count` verdicts says, and how far it is to be believed."""
    chance = count * (1 - LEVEL)
    return (
        f"{rounds} rounds, old and new in turn; ratios are new to old. A difference counts if the {LEVEL:.0%} interval of the "
        f"median ratio (sign test) leaves 1 out. Of {count} figures that do not differ, {chance:.1g} would be taken to."
    )
