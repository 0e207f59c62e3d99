from collections.abc import Sequence
from dataclasses import replace

import pytest

from services.analyzer.score.sound.protocol import ChannelSound
from services.analyzer.score.sound.turns import Turns, turns
from tests.unit.analyzer.sound.calls import Spoken, call, heard
from tests.unit.analyzer.sound.voices import decibels, noisy


def take_turns(spoken: Sequence[Spoken], seconds: float) -> Turns:
    sides, lines = call(spoken, seconds)
    return turns(lines, heard(sides), seconds)


def interruptions(result: Turns) -> dict[str, int]:
    return {side.name: side.interruptions for side in result.sides}


def test_talk_overlap_monologue_and_silence_are_those_that_were_synthesised() -> None:
    result = take_turns([("agent", 1, 6), ("customer", 5, 8), ("agent", 10, 13), ("agent", 13.8, 15)], 20)
    agent, customer = result.sides
    assert (agent.name, customer.name) == ("agent", "customer")
    assert agent.talk_seconds == pytest.approx(9.2, abs=0.3)
    assert customer.talk_seconds == pytest.approx(3, abs=0.2)
    assert agent.talk_share == pytest.approx(9.2 / 12.2, abs=0.02)
    assert agent.overlap_seconds == customer.overlap_seconds == pytest.approx(1, abs=0.15)
    assert agent.longest_monologue_seconds == pytest.approx(5, abs=0.2)
    assert customer.longest_monologue_seconds == pytest.approx(3, abs=0.2)
    assert result.silence_seconds == pytest.approx(20 - 11.2, abs=0.4)


def test_who_begins_while_the_other_speaks_goes_on_and_makes_the_other_stop_interrupts() -> None:
    result = take_turns([("agent", 1, 5), ("customer", 4, 8), ("agent", 7.2, 11), ("customer", 12, 14)], 15)
    assert interruptions(result) == {"agent": 1, "customer": 1}
    assert result.interrupting == {1, 2}


@pytest.mark.parametrize(
    ("what", "spoken"),
    [
        ("a backchannel", [("agent", 1, 6), ("customer", 3, 3.7), ("agent", 7, 9)]),
        ("a long remark that the other speaks on over", [("agent", 1, 8), ("customer", 3, 5)]),
        ("turns that touch", [("agent", 1, 4), ("customer", 3.85, 7)]),
        ("turns with a pause", [("agent", 1, 4), ("customer", 4.3, 7)]),
        ("both at once", [("agent", 1, 3), ("customer", 1.1, 5)]),
    ],
)
def test_no_interruption(what: str, spoken: list[Spoken]) -> None:
    result = take_turns(spoken, 10)
    assert interruptions(result) == {"agent": 0, "customer": 0}, what
    assert result.interrupting == frozenset()


def test_a_short_answer_does_not_end_a_monologue_and_a_turn_does() -> None:
    agent = take_turns([("agent", 1, 5), ("customer", 5.1, 5.8), ("agent", 6, 9)], 10).sides[0]
    assert agent.longest_monologue_seconds == pytest.approx(8, abs=0.2)
    agent = take_turns([("agent", 1, 5), ("customer", 5.1, 6.5), ("agent", 6.6, 9)], 10).sides[0]
    assert agent.longest_monologue_seconds == pytest.approx(4, abs=0.2)


def test_crosstalk_and_noise_are_nobodys_talk() -> None:
    sides, lines = call([("agent", 1, 6), ("customer", 7, 10)], 12)
    agent, customer = sides.values()
    leaking = {
        "agent": noisy(agent + customer * decibels(-15), 25, seed=1),
        "customer": noisy(customer + agent * decibels(-38), 25, seed=2),
    }
    first, second = turns(lines, heard(leaking), 12).sides
    assert first.talk_seconds == pytest.approx(5, abs=0.3)
    assert second.talk_seconds == pytest.approx(3, abs=0.3)
    assert first.overlap_seconds < 0.2


def test_on_one_channel_the_silence_is_known_and_the_sides_are_not() -> None:
    sides, lines = call([("agent", 1, 4), ("customer", 5, 8)], 10)
    mono = ChannelSound(None, heard({"all": sides["agent"] + sides["customer"]})[0].frames)
    result = turns([replace(line, channel=None) for line in lines], [mono], 10)
    assert result.sides == ()
    assert result.interrupting == frozenset()
    assert result.silence_seconds == pytest.approx(4, abs=0.3)


def test_a_side_that_never_speaks_is_listed_with_nothing() -> None:
    silent = take_turns([("agent", 1, 4)], 5).sides[1]
    assert (silent.talk_seconds, silent.talk_share, silent.longest_monologue_seconds) == (0, 0, 0)
    nobody = turns([], [], 3.0)
    assert nobody == Turns((), frozenset(), 3.0)
