from __future__ import annotations

import pytest

from numbacnn.training import Settings
from numbacnn.training.schedules import HALVINGS, SCHEDULES


def schedule(name: str, **options: object) -> object:
    return SCHEDULES[name](Settings(learning_rate=0.1, schedule=name, **options))  # type: ignore[arg-type]


def test_constant_never_changes() -> None:
    constant = schedule("constant")
    assert [constant.rate(epoch) for epoch in (0, 3.5, 99)] == [0.1] * 3
    assert not any(constant.ended(improved=False) for _ in range(20))


def test_step_divides_by_ten_after_its_epochs() -> None:
    step = schedule("step", step_epochs=3)
    assert [step.rate(epoch) for epoch in (0, 2.99, 3, 6)] == pytest.approx([0.1, 0.1, 0.01, 0.001])


def test_cosine_goes_from_the_first_rate_to_zero() -> None:
    cosine = schedule("cosine", epochs=10)
    assert [cosine.rate(epoch) for epoch in (0, 5, 10)] == pytest.approx([0.1, 0.05, 0.0])


def test_halve_waits_for_its_patience_then_halves_and_asks_to_go_back() -> None:
    halve = schedule("halve", patience=2)
    heard = [halve.ended(improved) for improved in (True, False, True, False, False, False, False)]
    assert heard == [False, False, False, False, True, False, True]
    assert halve.rate(0) == pytest.approx(0.1 / 4)


@pytest.mark.parametrize("patience", [1, 3])
def test_halve_is_spent_after_halvings_in_a_row_that_brought_nothing(patience: int) -> None:
    halve = schedule("halve", patience=patience)
    for _ in range(HALVINGS - 1):
        assert [halve.ended(False) for _ in range(patience)][-1]
    halve.ended(improved=True)
    for _ in range(HALVINGS):
        assert [halve.ended(False) for _ in range(patience)][-1]
        assert not halve.spent(50)
    rate = halve.rate(0)
    assert not any(halve.ended(False) for _ in range(patience))  # no way back that nobody would go on from
    assert f"halved {HALVINGS} times" in halve.spent(50)
    assert halve.rate(0) == rate


@pytest.mark.parametrize(
    ("name", "options", "moving", "spent"),
    [
        ("step", {"step_epochs": 3}, 20, 21),
        ("cosine", {"epochs": 100_000}, 99_000, 99_990),
        ("constant", {}, 99_999, None),
    ],
)
def test_a_rate_below_a_millionth_of_the_first_is_spent(
    name: str, options: dict[str, int], moving: int, spent: int | None
) -> None:
    falling = schedule(name, **options)
    assert not falling.spent(0)
    assert not falling.spent(moving)
    assert spent is None or "less than a millionth of the first, 0.1" in falling.spent(spent)


def test_a_schedule_goes_on_from_its_stored_state() -> None:
    first = schedule("halve", patience=3)
    for improved in (False, False, False, False):
        first.ended(improved)
    again = SCHEDULES["halve"](first.settings, **first.state())
    assert again.rate(0) == first.rate(0)
    assert [again.ended(False) for _ in range(2)] == [first.ended(False) for _ in range(2)] == [False, True]
