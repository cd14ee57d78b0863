"""Auto-PGD (Croce and Hein, 2020): projected gradient ascent with momentum that halves its own steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from .base import Attack
from .goal import Goal
from .norms import sizes, spread, steepest
from .options import one_of, option

OBJECTIVES = ("cross-entropy", "dlr")
_MOMENTUM = 0.75
_FIRST_CHECK, _LEAST_CHECK, _SHORTER = 0.22, 0.06, 0.03
"""Shares of all steps: when the step size is first looked at, and how the time to the next look shrinks."""
_RISING = 0.75
"""The share of steps that have to raise the loss; else the step size is halved."""


@dataclass
class _State:
    """The state of the pictures that are still attacked, a row each."""

    rows: Any
    current: Any
    previous: Any
    gradient: Any
    best: Any
    best_gradient: Any
    best_loss: Any
    last_loss: Any
    rises: Any
    size: Any
    checked_loss: Any
    was_halved: Any

    def part(self, kept: Any) -> _State:
        return _State(*(value[kept] for value in vars(self).values()))


@dataclass(frozen=True)
class APGD(Attack):
    """Steps of twice epsilon at first; where the loss stops rising the step is halved and goes on from the best place.

    The objective is the cross-entropy, or DLR, the difference of logits ratio, which does not care how large scores are:
    -(z_y - max z_others) / (z_1st - z_3rd).
    """

    name: ClassVar[str] = "apgd"
    formula: ClassVar[str] = "projected gradient ascent with momentum that halves its own steps"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    is_random: ClassVar[bool] = True

    objective: Literal["cross-entropy", "dlr"] = option(
        "cross-entropy", "What the steps raise: cross-entropy, or dlr, the difference of logits ratio."
    )
    steps: int = option(100, "Steps.", least=1, most=100_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("objective", self.objective, OBJECTIVES)

    def rise(self, goal: Goal, images: Any) -> tuple[Any, Any, Any]:
        """The gradient to follow, each picture's objective, and the scores."""
        if self.objective == "cross-entropy":
            gradient, value = goal.rise(images)
            return gradient, value, goal.last_scores()
        scores = goal.scores(images)
        value, weights = dlr(scores, goal.classes, targeted=goal.targeted)
        return goal.back(weights), value, scores

    def step(self, goal: Goal, images: Any) -> Any:
        epsilon = float(self.epsilon or 0)
        found = self._start(goal, epsilon)
        gradient, loss, scores = self.rise(goal, found)
        count = len(goal)
        state = _State(
            rows=np.arange(count), current=found.copy(), previous=found.copy(), gradient=gradient, best=found.copy(),
            best_gradient=gradient.copy(), best_loss=loss, last_loss=loss.copy(), rises=np.zeros(count),
            size=np.full(count, 2 * epsilon), checked_loss=loss.copy(), was_halved=np.ones(count, np.bool_),
        )  # fmt: skip
        part, left = goal, ~goal.reached(scores)
        next_check, period = 0, max(int(_FIRST_CHECK * self.steps), 1)
        next_check = period
        for step in range(self.steps):
            if not left.any():
                return found
            if not left.all():
                state, part = state.part(left), part.part(left)
            self._move(state, part, first=step == 0)
            state.gradient, loss, scores = self.rise(part, state.current)
            found[state.rows] = state.current
            left = ~part.reached(scores)
            state.rises += loss > state.last_loss
            state.last_loss = loss
            better = loss > state.best_loss
            state.best[better], state.best_gradient[better] = state.current[better], state.gradient[better]
            state.best_loss = np.maximum(state.best_loss, loss)
            if step + 1 == next_check:
                self._check(state, period)
                period = max(period - max(int(_SHORTER * self.steps), 1), int(_LEAST_CHECK * self.steps), 1)
                next_check += period
        withstood = state.rows[left]
        found[withstood] = state.best[left]
        return found

    def _start(self, goal: Goal, epsilon: float) -> Any:
        """A random place on the ball's edge."""
        shape = goal.originals.shape[1:]
        drawn = np.stack(
            [
                generator.uniform(-1, 1, shape) if self.norm == "linf" else generator.standard_normal(shape)
                for generator in goal.generators()
            ]
        ).astype(np.float32)
        return goal.project(
            goal.originals + np.float32(epsilon) * drawn * spread(1 / sizes(drawn, self.norm), drawn)
        )

    def _move(self, state: _State, goal: Goal, *, first: bool) -> None:
        """The gradient's step, and a share of the step before."""
        current = state.current
        ahead = goal.project(current + spread(state.size, current) * steepest(state.gradient, self.norm))
        share = np.float32(1 if first else _MOMENTUM)
        moved = current + share * (ahead - current) + (1 - share) * (current - state.previous)
        state.previous, state.current = current, goal.project(moved)

    def _check(self, state: _State, period: int) -> None:
        """Halves the step where the loss rose too seldom, or has not risen since the step was last kept."""
        stuck = ~state.was_halved & (state.checked_loss >= state.best_loss)
        halved = (state.rises <= _RISING * period) | stuck
        state.size[halved] /= 2
        state.current[halved], state.gradient[halved] = state.best[halved], state.best_gradient[halved]
        state.was_halved, state.checked_loss = halved, state.best_loss.copy()
        state.rises = np.zeros(len(state.rows))


def dlr(scores: Any, classes: Any, *, targeted: bool, labels: Any = None) -> tuple[Any, Any]:
    """The difference of logits ratio (n,), and its gradient with respect to the scores (n, classes).

    Untargeted -(z_y - max z_others) / (z_1st - z_3rd); towards t -(z_y - z_t) / (z_1st - (z_3rd + z_4th) / 2), where y
    are the `labels`, or the likeliest class but t. With fewer classes than that the smallest score stands below.
    """
    at = np.arange(len(scores))
    order = np.argsort(-scores, axis=1, kind="stable")
    third, fourth = order[:, min(2, scores.shape[1] - 1)], order[:, min(3, scores.shape[1] - 1)]
    likeliest = np.where(order[:, 0] == classes, order[:, 1], order[:, 0])
    if targeted:
        up, down = classes, likeliest if labels is None else labels
    else:
        up, down = likeliest, classes
    above = scores[at, up] - scores[at, down]
    weights, below_weights = np.zeros_like(scores), np.zeros_like(scores)
    weights[at, up] += 1
    weights[at, down] -= 1
    below_weights[at, order[:, 0]] += 1
    if targeted:
        np.add.at(below_weights, (at, third), -0.5)
        np.add.at(below_weights, (at, fourth), -0.5)
    else:
        below_weights[at, third] -= 1
    below = np.einsum("nk,nk->n", below_weights, scores) + 1e-12
    ratio = above / below
    return ratio, (weights - ratio[:, None] * below_weights) / below[:, None]
