import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnagpt.errors import InputError
from dnagpt.tasks import Transform


def test_the_papers_transform_worked_by_hand() -> None:
    """log10(x + 0.1), then z-scores of the training part: 0.9, 9.9, 99.9 become 0, 1, 2."""
    transform = Transform.parse("log10(x+0.1), zscore").fit([0.9, 9.9, 99.9])
    assert transform.mean == pytest.approx(1.0)
    assert transform.deviation == pytest.approx(np.sqrt(2 / 3))
    assert transform.apply([9.9, 99.9]).tolist() == pytest.approx([0.0, np.sqrt(3 / 2)])


def test_each_number_of_a_field_has_its_own_scale() -> None:
    values = np.array([[1.0, 100.0], [3.0, 500.0]])
    transform = Transform.parse("zscore").fit(values)
    assert transform.mean == (2.0, 300.0)
    assert transform.deviation == (1.0, 200.0)
    assert transform.apply(values).tolist() == [[-1.0, -1.0], [1.0, 1.0]]


@given(
    st.lists(st.floats(1e-3, 1e6), min_size=2, max_size=20, unique=True),
    st.sampled_from(["log10(x)", "log10(x+0.1)", "zscore", "log10(x + 1), zscore", ""]),
)
def test_the_way_back_undoes_the_way_there(values: list[float], declaration: str) -> None:
    transform = Transform.parse(declaration)
    try:
        transform = transform.fit(values)
    except InputError:
        assert np.ptp(transform.apply(values)) < 1e-9
        return
    assert transform.invert(transform.apply(values)) == pytest.approx(np.array(values), rel=1e-6)


def test_nothing_is_fitted_without_a_z_score() -> None:
    assert Transform.parse("log10(x+1)").fit([1.0, 2.0]) == Transform(log10_offset=1.0)


@pytest.mark.parametrize(
    "declaration", ["ln(x)", "log10(x+)", "log10(x+1e)", "log10(x-1)", "zscores", "log10(x) zscore"]
)
def test_an_unknown_declaration_is_refused_with_its_text(declaration: str) -> None:
    with pytest.raises(InputError, match="is no transform of a number"):
        Transform.parse(declaration)


@pytest.mark.parametrize(
    ("values", "declaration", "part"),
    [
        ([1.0, 1.0], "zscore", "same number"),
        ([[1.0, 2.0], [1.0, 3.0]], "zscore", "same number"),
        ([1.0, float("nan")], "zscore", "not finite"),
        ([0.0, 1.0], "log10(x), zscore", "has no value for 0"),
    ],
)
def test_columns_without_a_scale_are_refused(values: list[float], declaration: str, part: str) -> None:
    with pytest.raises(InputError, match=part):
        Transform.parse(declaration).fit(values, name="expression")


def test_settings_are_read_back_as_they_were_written() -> None:
    for transform in (
        Transform(),
        Transform(log10_offset=0.1),
        Transform(zscore=True, mean=(1.0, 2.0), deviation=(3.0, 4.0)),
        Transform(mean=0.45, deviation=0.1),
    ):
        assert Transform.from_dict(transform.as_dict()) == transform


@pytest.mark.parametrize(
    "settings",
    [{"mean": "1"}, {"average": 1.0}, {"deviation": 0.0}, {"deviation": [1.0, -1.0]}, {"zscore": 1}, {"mean": True}],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InputError, match="is not understood"):
        Transform.from_dict(settings)
