import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from shared.audio.not_audio import NotAudio
from shared.audio.sniff import (
    SIGNATURE_BYTES,
    Container,
    file_signature,
    read_signature,
    sniff,
)
from shared.audio.streams import CHUNK_HEAD_BYTES, StreamSegment, split_into_streams


def segments_of(chunks: list[bytes]) -> list[StreamSegment] | NotAudio:
    def behind(number: int, offset: int) -> bytes:
        return b"".join(chunks[number:])[offset : offset + CHUNK_HEAD_BYTES]

    signatures = [read_signature(chunk[:SIGNATURE_BYTES]) for chunk in chunks]
    sizes = [len(chunk) for chunk in chunks]
    return split_into_streams(b"".join(chunks)[:SIGNATURE_BYTES], signatures, sizes, behind)


@given(st.binary(max_size=5000))
@example(b"")
@example(b"ID3")
@example(b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f")
@example(b"\xff\xf1")
@example(b"RIFF")
def test_any_bytes_are_sniffed_without_an_error(head: bytes) -> None:
    assert sniff(head) is None or isinstance(sniff(head), Container | NotAudio)


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=20))
def test_segments_cover_every_chunk_once_and_in_order(heads: list[bytes]) -> None:
    segments = segments_of(heads)
    if isinstance(segments, NotAudio):
        return
    assert segments[0].first == 0
    assert segments[-1].end == len(heads)
    for one, next_one in itertools.pairwise(segments):
        assert one.end == next_one.first


def test_a_chunk_with_a_header_starts_a_segment_and_one_without_continues_it() -> None:
    header, more = b"RIFF\0\0\0\0WAVEfmt ", b"\0\0\0\0"
    segments = segments_of([header, more, more, header, header, more])
    assert not isinstance(segments, NotAudio)
    assert [(segment.first, segment.end) for segment in segments] == [(0, 3), (3, 4), (4, 6)]


def test_headerless_samples_stay_one_segment_even_if_a_later_chunk_looks_like_a_file() -> None:
    segments = segments_of([b"\x01\x00" * 10, b"RIFF\0\0\0\0WAVE"])
    assert not isinstance(segments, NotAudio)
    assert [(segment.container, segment.first, segment.end) for segment in segments] == [(None, 0, 2)]


def test_a_header_split_into_tiny_chunks_is_still_recognised() -> None:
    segments = segments_of([b"RI", b"FF\0", b"\0\0\0WA", b"VEfmt "])
    assert not isinstance(segments, NotAudio)
    assert [(segment.container, segment.end) for segment in segments] == [(Container.WAV, 4)]


def test_a_later_page_of_an_ogg_stream_does_not_start_a_file() -> None:
    assert file_signature(b"OggS\x00\x02") is Container.OGG
    assert file_signature(b"OggS\x00\x00") is None


def test_one_sync_word_in_samples_is_not_mp3() -> None:
    assert sniff(b"\xff\xfb\x90\x00" + bytes(4000)) is None


def test_an_aac_stream_after_a_tag_is_not_taken_for_mp3() -> None:
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x02ab"
    assert sniff(tag + b"\xff\xf1\x50\x80\x10\x1f\xfc" + bytes(100)) is Container.ADTS
    assert sniff(tag + b"\xff\xfb\x90\x00" + bytes(100)) is Container.MP3


def test_pictures_documents_playlists_and_videos_are_recognised() -> None:
    assert sniff(b"\x89PNG\r\n\x1a\n") is NotAudio.PICTURE
    assert sniff(b"%PDF-1.7") is NotAudio.DOCUMENT
    assert sniff(b"#EXTM3U\n") is NotAudio.PLAYLIST
    assert sniff(b"RIFF\0\0\0\0AVI LIST") is NotAudio.VIDEO


def wav(data_size: int, samples: bytes) -> bytes:
    return b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + bytes(16) + b"data" + data_size.to_bytes(4, "little") + samples


def test_the_length_in_a_wav_header_that_covers_a_first_part_only_is_ignored() -> None:
    chunk = bytes(1000)
    for size, ignored in (
        *((1000, True), (2000, True), (500, True), (2900, True)),
        *((3000, False), (2990, False), (0, False), (0xFFFFFFFF, False), (9000, False)),
    ):
        for chunks in ([wav(size, chunk), chunk, chunk], [wav(size, 3 * chunk)]):
            segments = segments_of(chunks)
            assert not isinstance(segments, NotAudio)
            assert [(item.ignore_length, item.warning is not None) for item in segments] == [(ignored, ignored)], size


def test_chunks_behind_the_samples_of_a_wav_are_no_samples_even_if_they_come_alone() -> None:
    samples, tags = bytes(1000), b"LIST\x40\0\0\0INFO" + bytes(60)
    for chunks in ([wav(1000, samples) + tags], [wav(1000, samples), tags], [wav(1000, samples + tags[:3]), tags[3:]]):
        segments = segments_of(chunks)
        assert not isinstance(segments, NotAudio)
        assert [(item.ignore_length, item.warning) for item in segments] == [(False, None)]


def test_another_wav_in_the_same_chunk_is_left_out_with_a_warning() -> None:
    segments = segments_of([wav(1000, bytes(1000)) + wav(1000, bytes(1000))])
    assert not isinstance(segments, NotAudio)
    ((ignored, warning),) = ((item.ignore_length, item.warning) for item in segments)
    assert not ignored
    assert "Another file" in (warning or "")


def test_the_word_data_in_a_text_before_the_samples_is_no_chunk() -> None:
    text = b"LIST\x1c\0\0\0INFOICMT\x10\0\0\0data\x20\0\0\0recorder"
    whole = wav(1000, bytes(3000))
    segments = segments_of([whole[:12] + text + whole[12:]])
    assert not isinstance(segments, NotAudio)
    assert segments[0].ignore_length


def test_bare_frames_after_a_wav_start_a_stream_of_their_own() -> None:
    frames = (b"\xff\xfb\x90\x00" + bytes(413)) * 4
    segments = segments_of([wav(1000, bytes(1000)), frames, frames])
    assert not isinstance(segments, NotAudio)
    kinds = [(segment.container, segment.first, segment.end) for segment in segments]
    assert kinds == [(Container.WAV, 0, 1), (Container.MP3, 1, 3)]
