"""The catalogue of figures and analyses is whole and says everything once."""

from __future__ import annotations

from circadia.domain.analyses import ANALYSES
from circadia.domain.trends import BY_NAME, DAY_METRICS, STORED
from circadia.storage.tables import day_values

_ENDINGS = {"s": "s", "ms": "ms", "bpm": "bpm", "rpm": "rpm", "pct": "%", "celsius": "°C", "kj": "kJ", "min": "min"}


def test_names_and_labels_are_told_once() -> None:
    assert len(BY_NAME) == len(DAY_METRICS) == len({each.label for each in DAY_METRICS})


def test_a_unit_is_the_ending_of_its_name() -> None:
    for each in DAY_METRICS:
        ending = _ENDINGS.get(each.name.rsplit("_", 1)[-1])
        if ending is None:
            assert each.unit in {"%", "0..21", "count", "zone min"}, each.name
        else:
            assert each.unit == ending, each.name


def test_the_table_has_the_figures_in_their_order() -> None:
    columns = [each.name for each in day_values.columns]
    given = [each.name for each in STORED]
    derived = [each.name for each in DAY_METRICS if each.derived]
    assert columns[-len(given) - len(derived) :] == given + derived
    assert {each.name for each in day_values.columns if each.computed is not None} == set(derived)


def test_below_fourteen_days_nothing_is_said_of_a_stretch() -> None:
    """The database asks for as many of every figure."""
    assert {each.minimum for each in DAY_METRICS} == {14}


def test_analyses_are_told_once_and_in_full() -> None:
    assert len({each.name for each in ANALYSES}) == len({each.function for each in ANALYSES}) == len(ANALYSES)
    for each in ANALYSES:
        assert each.name == each.function.replace("_", "-")
        assert all((each.title, each.about, each.formula, each.source))
        assert each.minimum >= 1
        assert len({column.name for column in each.columns}) == len(each.columns)
        assert all(column.about for column in each.columns)


def test_a_default_is_among_the_choices() -> None:
    for each in ANALYSES:
        for parameter in each.parameters:
            if parameter.choices and parameter.default is not None:
                assert str(parameter.default) in parameter.choices
