import numpy as np

from services.analyzer.score.sound.line_voice import LineVoice
from services.analyzer.score.sound.speakers import speakers


def test_lines_that_sound_all_alike_are_one_speaker() -> None:
    voice = LineVoice(level=-30.0, pitch=14.0, shape=np.zeros(6), voiced=80)
    assert speakers([voice] * 6) == [0] * 6
