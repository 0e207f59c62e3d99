"""Bytes that say what they are: decoded, or refused by name; they never become a recording of noise."""

import base64
from collections.abc import AsyncIterator, Callable

import pytest

from deploy.local.object_store import RcloneStore
from shared.storage.settings import StoreConfig
from tests.integration.audio_files import ffmpeg_output, samples_of, strength
from tests.integration.pipeline import (
    Pipeline,
    assembler_running,
    assembler_settings,
    download,
    ingest_running,
    ingest_settings,
)


@pytest.fixture(scope="module")
def store(object_store: RcloneStore) -> StoreConfig:
    return object_store.config("ascending")


@pytest.fixture(scope="module")
async def pipeline(
    tmp_path_factory: pytest.TempPathFactory, nats_url: str, store: StoreConfig
) -> AsyncIterator[Pipeline]:
    spool = tmp_path_factory.mktemp("spool")
    async with (
        ingest_running(ingest_settings(spool, nats_url, store)) as pipeline,
        assembler_running(assembler_settings(spool, nats_url, store)),
    ):
        yield pipeline


TAG = b"ID3\x04\0\0\0\0\x08\0" + bytes(1024)


def mp3() -> bytes:
    return ffmpeg_output("-c:a", "libmp3lame", "-id3v2_version", "0", "-write_xing", "0", "-f", "mp3")


def old_quicktime() -> bytes:
    """Return a QuickTime file without `ftyp`, whose offsets stay true: an atom of the same size stands in its place."""
    content = ffmpeg_output("-c:a", "aac", "-f", "mov")
    return content[:4] + b"wide" + content[8:]


DECODED: dict[str, Callable[[], bytes]] = {
    "AIFF": lambda: ffmpeg_output("-c:a", "pcm_s16be", "-f", "aiff"),
    "AU of 8 kHz": lambda: ffmpeg_output("-c:a", "pcm_mulaw", "-ar", "8000", "-f", "au"),
    "CAF of 44.1 kHz": lambda: ffmpeg_output("-c:a", "pcm_s16le", "-ar", "44100", "-f", "caf"),
    "BW64": lambda: b"BW64" + ffmpeg_output("-c:a", "pcm_s16le", "-rf64", "always", "-f", "wav")[4:],
    "QuickTime without ftyp": old_quicktime,
    "MP3 in WAV": lambda: ffmpeg_output("-c:a", "libmp3lame", "-ar", "22050", "-f", "wav"),
    "G.722 in WAV": lambda: ffmpeg_output("-c:a", "g722", "-f", "wav"),
    "G.726 in WAV": lambda: ffmpeg_output("-c:a", "g726", "-ar", "8000", "-f", "wav"),
    "Yamaha ADPCM in WAV": lambda: ffmpeg_output("-c:a", "adpcm_yamaha", "-ar", "8000", "-f", "wav"),
    "WAV behind a tag": lambda: TAG + ffmpeg_output("-c:a", "pcm_s16le", "-f", "wav"),
    "FLAC behind a tag": lambda: TAG + ffmpeg_output("-c:a", "flac", "-f", "flac"),
    "MP3 that begins within a frame": lambda: mp3()[200:],
    "ADTS that begins within a frame": lambda: ffmpeg_output("-c:a", "aac", "-f", "adts")[100:],
}


def live_webm() -> bytes:
    return ffmpeg_output("-c:a", "libopus", "-f", "webm", "-live", "1")


def fragmented() -> bytes:
    content = ffmpeg_output("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4")
    return content[content.index(b"moof") - 4 :]


REFUSED: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "MPEG-TS": (lambda: ffmpeg_output("-c:a", "aac", "-f", "mpegts"), "bad_media", "transport stream"),
    "LATM": (lambda: ffmpeg_output("-c:a", "aac", "-f", "latm"), "bad_media", "LATM"),
    "WMA": (lambda: ffmpeg_output("-c:a", "wmav2", "-f", "asf"), "bad_media", "Windows Media"),
    "AC-3": (lambda: ffmpeg_output("-c:a", "ac3", "-f", "ac3"), "bad_media", "AC-3"),
    "MP2": (lambda: ffmpeg_output("-c:a", "mp2", "-f", "mp2"), "bad_media", "layer"),
    "WebM without its beginning": (lambda: live_webm()[2500:], "bad_media", "first piece"),
    "Ogg without its beginning": (
        lambda: ffmpeg_output("-c:a", "libopus", "-page_duration", "100000", "-f", "ogg")[900:],
        "bad_media",
        "first piece",
    ),
    "MP4 without its beginning": (fragmented, "bad_media", "first piece"),
    "Flash ADPCM in WAV": (
        lambda: ffmpeg_output("-c:a", "adpcm_swf", "-ar", "22050", "-f", "wav"),
        "bad_media",
        "adpcm_swf",
    ),
    "a letter": (lambda: "Dear Sir, my boiler is broken, naïve as I am.\n".encode() * 40, "not_audio", "text"),
    "JSON": (lambda: b'[{"seq":1,"payload":"aGVsbG8gdGhlcmU="}]\r\n' * 200, "not_audio", "text"),
    "a data URL": (lambda: b"data:audio/webm;base64," + base64.b64encode(live_webm()), "not_audio", "text"),
}


@pytest.mark.parametrize("name", DECODED)
async def test_what_ffmpeg_can_read_is_decoded(pipeline: Pipeline, store: StoreConfig, name: str) -> None:
    session, content = f"decoded-{list(DECODED).index(name)}", DECODED[name]()
    for start in range(0, len(content), 20_000):
        assert (await pipeline.send(session, content[start : start + 20_000])).status_code == 200
    response = await pipeline.finalize(session)
    assert response.status_code == 200, response.text
    sound = samples_of(await download(store, f"audio_{session}.wav"))
    assert strength(sound) > 0.9
    assert abs(len(sound) / 32_000 - 2) < 0.15


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_taken_is_named(pipeline: Pipeline, name: str) -> None:
    make, code, said = REFUSED[name]
    session, content = f"refused-{list(REFUSED).index(name)}", make()
    for start in range(0, len(content), 20_000):
        assert (await pipeline.send(session, content[start : start + 20_000])).status_code == 200
    response = await pipeline.finalize(session)
    assert (response.status_code, response.json()["code"]) == (500, code)
    assert said in response.json()["message"]
    assert "send" in response.json()["message"]


async def test_few_bytes_that_repeat_are_samples_even_if_they_are_letters(
    pipeline: Pipeline, store: StoreConfig
) -> None:
    assert (await pipeline.send("letters", b"ab" * 500)).status_code == 200
    assert (await pipeline.finalize("letters")).status_code == 200
    assert samples_of(await download(store, "audio_letters.wav")) == b"ab" * 500


def with_picture() -> bytes:
    picture = ["-f", "lavfi", "-i", "testsrc=s=64x64:r=1:d=1"]
    return ffmpeg_output(*picture, "-map", "0", "-map", "1", "-c:a", "flac", "-c:v", "png", "-f", "flac")


def with_video(*sound: str) -> bytes:
    video = ["-f", "lavfi", "-i", "testsrc=s=64x64:r=5:d=2", "-map", "1:v", "-c:v", "mpeg4"]
    return ffmpeg_output(*video, *sound, "-f", "mp4")


@pytest.mark.parametrize("make", [with_picture, lambda: with_video("-map", "0:a", "-c:a", "aac")], ids=["flac", "mp4"])
async def test_a_picture_or_a_video_track_is_no_damage(
    pipeline: Pipeline, make: Callable[[], bytes], request: pytest.FixtureRequest
) -> None:
    session = f"picture-{request.node.callspec.id}"
    assert (await pipeline.send(session, make())).status_code == 200
    body = (await pipeline.finalize(session)).json()
    assert (body["status"], body["warnings"]) == ("success", [])


async def test_a_video_without_sound_is_told_as_such(pipeline: Pipeline) -> None:
    assert (await pipeline.send("silent-film", with_video())).status_code == 200
    response = await pipeline.finalize("silent-film")
    assert (response.status_code, response.json()["code"]) == (500, "no_audio")


SECOND_TRACK = ["-f", "lavfi", "-i", "sine=f=880:r=44100:d=3", "-map", "0", "-map", "1"]


@pytest.mark.parametrize("kind", [("-c:a", "aac", "-f", "mp4"), ("-c:a", "libopus", "-f", "webm")], ids=["mp4", "webm"])
async def test_two_audio_tracks_are_mixed_and_kept_as_two_channels(
    pipeline: Pipeline, store: StoreConfig, kind: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    session = f"tracks-{request.node.callspec.id}"
    assert (await pipeline.send(session, ffmpeg_output(*SECOND_TRACK, *kind))).status_code == 200
    body = (await pipeline.finalize(session)).json()
    assert (body["status"], body["warnings"]) == ("success", [])
    assert body["duration_seconds"] == pytest.approx(3, abs=0.1)
    mixed = samples_of(await download(store, f"audio_{session}.wav"))[: 2 * 32_000]
    assert strength(mixed, 440) > 0.2
    assert strength(mixed, 880) > 0.01
    assert await download(store, f"channels_{session}.flac")


async def test_of_more_than_two_audio_tracks_a_warning_tells(pipeline: Pipeline) -> None:
    three = ffmpeg_output(*SECOND_TRACK, "-map", "1", "-c:a", "aac", "-f", "mp4")
    assert (await pipeline.send("three-tracks", three)).status_code == 200
    body = (await pipeline.finalize("three-tracks")).json()
    assert body["warnings"] == ["The file has 3 audio tracks: the first two were taken."]
