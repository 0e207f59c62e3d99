"""Moonshine's diarizer, in the models' process: which of the voices of one channel speaks when."""

from collections import OrderedDict

import numpy as np
from moonshine_voice.moonshine_api import ModelArch
from moonshine_voice.transcriber import Stream, Transcriber

from services.analyzer.transcribe.speech_model import package_folder

_SAMPLE_RATE = 16_000
_FULL_SCALE = 32768
_WINDOW_STEP = "5"  # seconds between windows of 10 s: five times fewer than the library's own
_NEVER = "1000000"
_MOST_STREAMS = 4  # recordings at once; the one that got nothing for longest goes first


class SpeakerModel:
    """Follows the voices of recordings, whose samples come block by block.

    Unlike the other models it keeps something between two calls: a recording that was begun in a process that was
    killed is lost, and raises KeyError.
    """

    def __init__(self) -> None:
        options = {
            "return_audio_data": "false",
            "identify_speakers": "true",
            "skip_transcription": "true",
            "diarization_analyze_cadence": _WINDOW_STEP,
            "diarization_cluster_cadence": _NEVER,  # before the end, when all windows are clustered once
        }
        folder = package_folder("moonshine_voice") / "assets" / "tiny-en"
        self._model = Transcriber(folder, ModelArch.TINY, options=options)
        self._streams: OrderedDict[bytes, Stream] = OrderedDict()

    def begin(self, recording: bytes) -> None:
        """Begin a recording."""
        while len(self._streams) >= _MOST_STREAMS:
            self._streams.popitem(last=False)[1].close()
        stream = self._model.create_stream(update_interval=0.0)
        stream.start()
        self._streams[recording] = stream

    def feed(self, recording: bytes, pcm: bytes) -> None:
        """Add a block of samples; raises KeyError for a recording that was not begun here."""
        self._streams.move_to_end(recording)
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(_FULL_SCALE)
        self._streams[recording].add_audio(samples.tolist(), _SAMPLE_RATE)

    def finish(self, recording: bytes) -> list[tuple[float, float, int]]:
        """Return when each voice speaks, as start, end and the voice's number from 0; raises as `feed`."""
        stream = self._streams.pop(recording)
        try:
            transcript = stream.stop()
            lines = [] if transcript is None else transcript.lines
            spans = [span for line in lines for span in line.speaker_spans or ()]
            return [(span.start_time, span.start_time + span.duration, span.speaker_index) for span in spans]
        finally:
            stream.close()
