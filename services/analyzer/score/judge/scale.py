"""The scale of a judgement: grades become a temperature from 1 to 100 (docs/adr/0021).

The strongest grade decides: a plain threat is very heated, whatever else a conversation lacks. Each kind of grade has
its own heat. What is left to the top of the scale is filled by breadth, the square of the mean of all grades: one grade
by itself adds next to nothing, several together much. De-escalation cools most in the middle, and changes neither
routine talk nor a quarrel without end.
"""

from collections.abc import Mapping

from services.analyzer.score.judge.judgement import HIGHEST_GRADE, GradeName

_HEAT: Mapping[GradeName, tuple[float, ...]] = {
    GradeName.HOSTILITY: (0.0, 0.20, 0.42, 0.60, 0.80),
    GradeName.RAISED_STAKES: (0.0, 0.16, 0.34, 0.50, 0.66),
    GradeName.UNRESOLVED_DISAGREEMENT: (0.0, 0.10, 0.22, 0.34, 0.46),
    GradeName.INTERRUPTION: (0.0, 0.08, 0.18, 0.30, 0.42),
}
"""How hot grades of 0 to 4 are, the only grade above 0."""

_COOLING = 0.4  # of heat x (1 - heat) at the highest de-escalation: 10 of 100 points in the middle; monotone up to 1


def heat_of(name: GradeName, grade: int) -> float:
    """Return how hot a grade is by itself, 0 to 1; 0 for de-escalation."""
    return _HEAT[name][grade] if name in _HEAT else 0.0


def temperature_of(heating: Mapping[GradeName, int], deescalation: int) -> int:
    """Return the temperature, 1 to 100; higher grades, and less de-escalation, never give a lower one."""
    strongest = max(heat_of(name, grade) for name, grade in heating.items())
    breadth = (sum(heating.values()) / (HIGHEST_GRADE * len(_HEAT))) ** 2
    heat = strongest + (1 - strongest) * breadth
    heat -= _COOLING * deescalation / HIGHEST_GRADE * heat * (1 - heat)
    return round(1 + 99 * heat)
