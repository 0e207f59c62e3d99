"""Texts and files that make a player open an address, one of each known kind."""

import struct

from tests.integration.audio_files import encoded


def playlists(address: str) -> dict[str, bytes]:
    """Return the files by their kind; all name `address`, which is `http://host:port`."""
    host, port = address.removeprefix("http://").split(":")
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}/x.ts\n#EXT-X-ENDLIST\n"
    texts = {
        "hls": hls,
        "hls of hls": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{address}/x.m3u8\n",
        "hls with a key": hls.replace("#EXTINF", f'#EXT-X-KEY:METHOD=AES-128,URI="{address}/key"\n#EXTINF'),
        "hls with a map": hls.replace("#EXTINF", f'#EXT-X-MAP:URI="{address}/map"\n#EXTINF'),
        "hls behind a byte order mark": f"\ufeff{hls}",
        "hls behind empty lines": f"\r\n\n {hls}",
        "bare m3u": f"{address}/x.mp3\n",
        "ffconcat": f"ffconcat version 1.0\nfile {address}/x.wav\n",
        "concat": f"file '{address}/x.wav'\n",
        "concat of addresses": f"concat:{address}/x.wav|{address}/y.wav\n",
        "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        f'mediaPresentationDuration="PT1S"><BaseURL>{address}/</BaseURL><Period><AdaptationSet mimeType="audio/mp4">'
        '<Representation id="1" bandwidth="1"><BaseURL>x.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>',
        "sdp": f"v=0\no=- 0 0 IN IP4 {host}\ns=x\nc=IN IP4 {host}\nt=0 0\nm=audio {port} TCP/RTP/AVP 0\n",
        "pls": f"[playlist]\nFile1={address}/x.mp3\nNumberOfEntries=1\n",
        "xspf": f"<playlist><trackList><track><location>{address}/x</location></track></trackList></playlist>",
        "smil": f'<smil><body><audio src="{address}/x.mp3"/></body></smil>',
        "asx": f'<ASX version="3.0"><Entry><Ref href="{address}/x"/></Entry></ASX>',
        "rtsp": f"RTSPtext\n{address.replace('http', 'rtsp')}/x\n",
        "html": f'<!DOCTYPE html><audio src="{address}/x.mp3">',
    }
    files = {name: text.encode() for name, text in texts.items()}
    return {**files, **_inside_of_audio(files["hls"], address)}


def _inside_of_audio(hls: bytes, address: str) -> dict[str, bytes]:
    url = f"{address}/cover.jpg".encode()
    size = len(hls)
    tag = b"ID3\x04\x00\x00" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    frame = b"APIC" + struct.pack(">I", len(url) + 7) + b"\0\0\0-->\0\x03\0" + url
    linked = b"ID3\x03\x00\x00\0\0" + bytes([len(frame) >> 7, len(frame) & 0x7F]) + frame
    return {
        "hls in a tag": tag + hls + hls,
        "a tag with hls behind it": b"ID3\x04\x00\x00\0\0\0\0" + hls,
        "mp3 with a linked picture": linked + encoded("untagged.mp3", 0.5),
        "hls behind an amr's name": b"#!AMR\n" + hls,
        "m4a whose samples lie elsewhere": encoded("m4a", 0.5).replace(b"url \0\0\0\1", b"url \0\0\0\0"),
        "wav with hls as its samples": encoded("wav", 0.5)[:44] + hls,
    }
