"""How trees grow: shoots in space, each fork finer, until twigs fill the crown.

Lengths are in units of the tree's height, the root is at (0, 0, 0); x is right, y up, z towards the
eye.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
GOLDEN_ANGLE = 2.4  # between a shoot and the next one on the same branch, in radians


@dataclass(frozen=True, slots=True)
class Habit:
    """How a kind of tree grows."""

    trunk: float
    """Part of the height that has no limbs."""
    base: float
    """Height at which the body of the crown begins; below the ground for a bush."""
    wide: float
    """Half the width of the crown."""
    leader: float
    """Part of the crown through which the trunk goes on; less lets it part into limbs sooner."""
    limbs: int
    spread: float
    """Angle between a branch and its side shoots, in radians."""
    lowest: float
    """How steeply a limb must climb at least, as a sine; negative lets it sink."""
    rise: float
    """How much limbs turn up, or hang if negative, on their way."""
    droop: float
    """The same for twigs, downwards."""


class Crown(NamedTuple):
    """The body that twigs fill."""

    middle: Points
    radius: Points

    def reach(self, start: Points, heading: Points, part: Points) -> Points:
        """Distance from points (N, 3) to the surface of the crown, shrunk to a ``part`` (N,)."""
        radius = self.radius * part[:, None]
        at, step = (start - self.middle) / radius, heading / radius
        square, slope = (step * step).sum(1), (at * step).sum(1)
        root = slope**2 - square * ((at * at).sum(1) - 1)
        return np.asarray((np.sqrt(np.maximum(root, 0)) - slope) / square)


class Shoots(NamedTuple):
    """Shoots of one generation."""

    nodes: Points
    """Points along each, (N, S + 1, 3)."""
    thick: Points
    """Radius at each point, (N, S + 1)."""
    part: Points
    """Part of the crown that its limb may fill, (N,)."""

    @property
    def long(self) -> Points:
        """Length of each, (N,)."""
        return np.asarray(np.linalg.norm(self.nodes[:, -1] - self.nodes[:, 0], axis=1))

    def at(self, along: Points) -> tuple[Points, Points, Points]:
        """Place (N, K, 3), heading (N, K, 3) and radius (N, K) at parts 0..1 of the length."""
        last = self.nodes.shape[1] - 2
        piece = np.clip((along * (last + 1)).astype(int), 0, last)
        rest = along * (last + 1) - piece
        row = np.arange(len(self.nodes))[:, None]
        start, stop = self.nodes[row, piece], self.nodes[row, piece + 1]
        thick = self.thick[row, piece] * (1 - rest) + self.thick[row, piece + 1] * rest
        return start + (stop - start) * rest[..., None], unit(stop - start), thick


class Wood(NamedTuple):
    """What grew."""

    generations: tuple[Shoots, ...]
    """The trunk, its limbs, their branches … the twigs."""
    sisters: int
    """Twigs on one branch; they follow each other in the last generation."""
    crown: Crown


def unit(vectors: Points) -> Points:
    """Vectors of length 1 along the last axis."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1), 1e-9)[..., None])


def grow(rng: np.random.Generator, habit: Habit, *, twigs: int) -> Wood:
    """Let a tree grow until it has about as many twigs as are asked for."""
    middle = np.array([rng.normal(0, 0.03), 0.5 + 0.5 * habit.base, 0.0])
    wide = habit.wide * rng.uniform(0.85, 1.15)
    crown = Crown(middle, np.array([wide, 0.5 - 0.5 * habit.base, wide]))
    trunk = _trunk(rng, habit)
    limbs = max(3, min(habit.limbs + int(rng.integers(-1, 2)), twigs))
    first = habit.trunk / (habit.trunk + habit.leader * (1 - habit.trunk))
    grown = [trunk, _side_shoots(rng, trunk, crown, habit, Fork(limbs, first, rise=habit.rise))]
    forks = max(1, round(np.log(max(twigs / limbs, 1.1)) / np.log(6.5)))
    sisters = max(3, round((twigs / limbs) ** (1 / forks)))
    for fork in range(forks):
        last = fork == forks - 1
        rise = -habit.droop if last else 0.5 * habit.rise
        plan = Fork(sisters, 0.12 if last else 0.2, rise=rise, ratio=0.6 if last else 0.58)
        grown.append(_side_shoots(rng, grown[-1], crown, habit, plan))
    tall = max(float(shoots.nodes[..., 1].max()) for shoots in grown)
    scaled = [shoots._replace(nodes=shoots.nodes / tall) for shoots in grown]
    return Wood(tuple(scaled), sisters, Crown(middle / tall, crown.radius / tall))


class Fork(NamedTuple):
    """How one generation grows on the one before."""

    shoots: int
    """Shoots on each branch; the last one goes on where the branch ends."""
    first: float
    """Part of the branch that stays bare."""
    rise: float
    ratio: float = 0.0
    """Length compared with the branch; 0 = up to the surface of the crown."""


def _trunk(rng: np.random.Generator, habit: Habit) -> Shoots:
    tall = habit.trunk + habit.leader * (1 - habit.trunk)
    heading = unit(np.array([[rng.normal(0, 0.04), 1.0, rng.normal(0, 0.04)]]))
    seed = (np.zeros((1, 3)), heading, np.array([tall]))
    nodes = _extend(rng, seed, pieces=14, rise=0.3, wobble=0.05)
    down = 1 - 0.62 * np.linspace(0, 1, nodes.shape[1])
    down[0] *= 1.3  # of the roots
    thick = rng.uniform(0.017, 0.024) * down
    return Shoots(nodes, thick[None], np.ones(1))


def _extend(
    rng: np.random.Generator,
    seed: tuple[Points, Points, Points],
    *,
    pieces: int,
    rise: float,
    wobble: float,
) -> Points:
    """Points (N, pieces + 1, 3) along shoots of given start, heading and length."""
    start, heading, length = seed
    nodes = [start]
    for piece in range(pieces):
        if piece:
            heading = heading + rng.normal(0, wobble, heading.shape)
            heading[:, 1] += rise / pieces
            heading = unit(heading)
        nodes.append(nodes[-1] + heading * (length / pieces)[:, None])
    return np.stack(nodes, axis=1)


def _side_shoots(
    rng: np.random.Generator, parents: Shoots, crown: Crown, habit: Habit, fork: Fork
) -> Shoots:
    """The next generation: shoots around every branch, evenly along it, one at its end."""
    shape = (len(parents.nodes), fork.shoots)
    steps = (np.arange(fork.shoots) + rng.uniform(-0.4, 0.4, shape)) / (fork.shoots - 1)
    along = fork.first + (1 - fork.first) * np.clip(steps, 0, 1)
    along[:, -1] = 1
    start, heading, thick = parents.at(along)
    start, heading = start.reshape(-1, 3), _headings(rng, heading, along, habit, fork)
    longest = np.repeat(parents.long, fork.shoots)
    if fork.ratio:
        part = np.repeat(parents.part, fork.shoots)
        length = longest * (1.15 - 0.6 * along.ravel()) * fork.ratio
        length *= rng.uniform(0.6, 1.15, len(length))
        length = np.clip(crown.reach(start, heading, part), 0.35 * length, length)
    else:
        part = rng.uniform(0.72, 1.06, len(start))  # limbs of their own length make lobes
        length = np.maximum(0.92 * crown.reach(start, heading, part), 0.08)
    pieces = 9 if not fork.ratio else 5 if len(length) < 900 else 4
    wobble = 0.5 / pieces
    nodes = _extend(rng, (start, heading, length), pieces=pieces, rise=fork.rise, wobble=wobble)
    slender = 0.85 * np.repeat(parents.thick[:, 1], fork.shoots) * length / longest
    slender[fork.shoots - 1 :: fork.shoots] = np.inf  # where the branch goes on, it is no thinner
    root = np.minimum(np.minimum(0.95 * thick.ravel(), slender), 0.05 * length)
    taper = 1 - 0.8 * np.linspace(0, 1, pieces + 1)
    return Shoots(nodes, np.maximum(root, 0.0002)[:, None] * taper, part)


def _headings(
    rng: np.random.Generator, branch: Points, along: Points, habit: Habit, fork: Fork
) -> Points:
    """Where shoots (N * K, 3) set out for, from the headings of their branches (N, K, 3)."""
    ahead = unit(np.cross(branch, rng.normal(size=(len(branch), 1, 3))))
    turn = GOLDEN_ANGLE * np.arange(fork.shoots) + rng.normal(0, 0.35, along.shape)
    side = np.cos(turn)[..., None] * ahead + np.sin(turn)[..., None] * np.cross(branch, ahead)
    angle = habit.spread * rng.uniform(0.7, 1.3, along.shape)
    angle[:, -1] *= 0.35
    if not fork.ratio:
        angle *= 1.25 - 0.6 * along  # low limbs reach out, high ones up
    heading = np.cos(angle)[..., None] * branch + np.sin(angle)[..., None] * side
    heading[..., 1] = np.maximum(heading[..., 1], habit.lowest - 0.5 * (fork.ratio > 0))
    return unit(heading).reshape(-1, 3)
