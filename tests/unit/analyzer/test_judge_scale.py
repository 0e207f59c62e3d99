"""The temperatures of whole profiles of grades: hostility, raised stakes, interruption, unresolved disagreement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.score.judge.judgement import GradeName
from services.analyzer.score.judge.scale import temperature_of

HEATING = (
    GradeName.HOSTILITY,
    GradeName.RAISED_STAKES,
    GradeName.INTERRUPTION,
    GradeName.UNRESOLVED_DISAGREEMENT,
)
grade = st.integers(0, 4)
profiles = st.tuples(grade, grade, grade, grade)


def temperature(profile: tuple[int, ...], deescalation: int = 0) -> int:
    return temperature_of(dict(zip(HEATING, profile, strict=True)), deescalation)


@pytest.mark.parametrize(
    ("what", "profile", "deescalation", "least", "most"),
    [
        ("routine talk", (0, 0, 0, 0), 0, 1, 5),
        ("routine talk, with kindness", (0, 0, 0, 0), 4, 1, 5),
        ("a remark of impatience", (1, 0, 0, 0), 0, 20, 30),
        ("the same, soothed", (1, 0, 0, 0), 2, 15, 25),
        ("mild frustration about something open", (1, 0, 0, 2), 0, 20, 40),
        ("polite disagreement", (0, 0, 0, 2), 0, 15, 30),
        ("a hint of everything", (1, 1, 1, 1), 0, 20, 35),
        ("talking over each other, in good humour", (0, 0, 3, 0), 0, 20, 40),
        ("open frustration or sarcasm", (2, 0, 0, 0), 0, 40, 50),
        ("the same with repeated demands", (2, 2, 0, 2), 0, 45, 60),
        ("a polite ultimatum", (0, 3, 0, 2), 0, 45, 60),
        ("a single insult", (3, 0, 0, 0), 0, 55, 70),
        ("a single insult, calmed by the other side", (3, 0, 0, 0), 2, 55, 65),
        ("blame and demands for escalation", (3, 3, 0, 2), 0, 60, 75),
        ("a quarrel", (3, 3, 3, 3), 0, 75, 90),
        ("a plain threat", (4, 0, 0, 0), 0, 75, 90),
        ("a plain threat, to which the other side stays kind", (4, 0, 0, 0), 4, 75, 85),
        ("a threat with an ultimatum", (4, 4, 0, 0), 0, 80, 95),
        ("a violent quarrel", (4, 4, 4, 4), 0, 100, 100),
    ],
)
def test_a_profile_has_its_place_on_the_scale(
    what: str, profile: tuple[int, ...], deescalation: int, least: int, most: int
) -> None:
    assert least <= temperature(profile, deescalation) <= most, what


@given(profile=profiles, deescalation=grade, index=st.integers(0, 3))
def test_a_higher_grade_never_cools(profile: tuple[int, ...], deescalation: int, index: int) -> None:
    higher = tuple(min(4, value + (at == index)) for at, value in enumerate(profile))
    assert 1 <= temperature(profile, deescalation) <= temperature(higher, deescalation) <= 100


@given(profile=profiles, deescalation=st.integers(0, 3))
def test_more_deescalation_never_heats(profile: tuple[int, ...], deescalation: int) -> None:
    assert temperature(profile, deescalation + 1) <= temperature(profile, deescalation)


@given(profile=profiles)
def test_the_strongest_grade_decides(profile: tuple[int, ...]) -> None:
    alone = [temperature(tuple(v if at == index else 0 for at, v in enumerate(profile))) for index in range(4)]
    calmer = tuple(max(0, value - 1) for value in profile)
    assert max(alone) <= temperature(profile)
    assert temperature(calmer) < temperature(profile) or not any(profile)
