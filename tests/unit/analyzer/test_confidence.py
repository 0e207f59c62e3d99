from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.score.confidence import Grounds, confidence
from services.analyzer.score.sound.protocol import SoundQuality

share = st.floats(0, 1)
GOOD = Grounds(
    speech_seconds=60,
    pace=2.5,
    recogniser=0.9,
    quality=SoundQuality(snr=40, clipped=0, voiced_seconds=60),
    words=0.2,
    arousal=0.2,
    partial=False,
    by_lexicon=False,
)


grounds = st.builds(
    Grounds,
    speech_seconds=st.floats(0, 1e5),
    pace=st.floats(0, 10),
    recogniser=st.none() | share,
    quality=st.builds(SoundQuality, snr=st.floats(-100, 100), clipped=share, voiced_seconds=st.floats(0, 1e5)),
    words=share,
    arousal=st.none() | share,
    partial=st.booleans(),
    by_lexicon=st.booleans(),
)


@given(grounds=grounds)
def test_a_confidence_is_a_share(grounds: Grounds) -> None:
    assert 0 <= confidence(grounds) <= 1


def test_no_words_are_no_confidence() -> None:
    assert confidence(replace(GOOD, pace=0)) == 0


def test_it_falls_with_little_speech_missed_words_doubts_noise_clipping_disagreement_and_without_the_model() -> None:
    best = confidence(GOOD)
    noisy = SoundQuality(snr=0, clipped=0, voiced_seconds=60)
    clipped = SoundQuality(snr=40, clipped=0.05, voiced_seconds=60)
    assert confidence(replace(GOOD, speech_seconds=5)) < best / 2
    assert confidence(replace(GOOD, pace=0.5)) < best / 2
    assert confidence(replace(GOOD, recogniser=0.35)) < best / 2
    assert confidence(replace(GOOD, quality=noisy)) <= best / 2
    assert confidence(replace(GOOD, quality=clipped)) < 0.7 * best
    assert confidence(replace(GOOD, arousal=1.0)) < best
    assert confidence(replace(GOOD, partial=True)) < 0.7 * best
    assert confidence(replace(GOOD, by_lexicon=True)) < 0.7 * best
