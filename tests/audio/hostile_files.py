"""Files that an uploads folder may hold: good ones, and some forty kinds of broken and hostile ones."""

import gzip
import io
import os
import socket
import struct
import zlib
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

RATE = 44_100
GOOD = "analysed"
BROKEN = {
    GOOD,
    "unreadable",
    "too_short",
    "out_of_range",
    "crashed",
}  # decoders guess, give up, or die: all are allowed
LEFT_ALONE = "left alone"


def tune(seed: int, seconds: float = 3.0) -> npt.NDArray[np.float32]:
    """Mono samples (n,) at 44,100 Hz: a short tune of decaying notes on a beat, another one for each seed."""
    rng = np.random.default_rng(seed)
    beat = int(RATE * rng.uniform(0.35, 0.6))
    times = np.arange(beat) / RATE
    notes = []
    for _ in range(int(np.ceil(seconds * RATE / beat))):
        pitch = 220 * 2 ** (rng.integers(0, 24) / 12)
        notes.append(np.exp(-6 * times) * sum(np.sin(2 * np.pi * pitch * k * times) / k for k in (1, 2, 3)))
    return (0.3 * np.concatenate(notes)[: int(seconds * RATE)]).astype(np.float32)


def encoded(samples: npt.NDArray[Any], file_format: str, rate: int = RATE, **options: Any) -> bytes:
    """The samples (n,) or (n, channels) as a file of a format: OGG, MP3, FLAC, WAV."""
    file = io.BytesIO()
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(file, "w", rate, channels, format=file_format, **options) as song:
        for first in range(0, len(samples), rate):  # libsndfile ends the process over long pieces of Vorbis
            song.write(samples[first : first + rate])
    return file.getvalue()


def wav(data: bytes, *, channels: int = 1, rate: int = RATE, code: int = 1, bits: int = 16, claimed: int = -1) -> bytes:
    """A WAV file by hand: also with a header that lies."""
    width = channels * bits // 8
    size = len(data) if claimed < 0 else claimed
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, code, channels, rate, rate * width & 0xFFFFFFFF, width & 0xFFFF, bits)
    return (
        struct.pack("<4sI4s", b"RIFF", (size + 36) & 0xFFFFFFFF, b"WAVE")
        + form
        + struct.pack("<4sI", b"data", size)
        + data
    )


def _size_of_id3(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def _id3(frames: bytes, claimed: int | None = None) -> bytes:
    return b"ID3\x04\x00\x00" + _size_of_id3(len(frames) if claimed is None else claimed) + frames


def _frame(name: bytes, body: bytes, flags: bytes = b"\0\0") -> bytes:
    return name + _size_of_id3(len(body)) + flags + body


def _bomb() -> bytes:
    """A title of 1.6 GB that takes 7 MB: mutagen unpacks it."""
    packer = zlib.compressobj(1)
    packed = packer.compress(b"\0") + b"".join(packer.compress(b"A" * (1 << 24)) for _ in range(96)) + packer.flush()
    return _frame(b"TIT2", _size_of_id3(200_000_000) + packed, b"\x00\x09")


def _damaged(content: bytes, seed: int, share: float) -> bytes:
    octets = np.frombuffer(content, dtype=np.uint8).copy()
    rng = np.random.default_rng(seed)
    places = rng.integers(200, len(octets), int(share * len(octets)))
    octets[places] ^= (1 << rng.integers(0, 8, len(places))).astype(np.uint8)
    return octets.tobytes()


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _with_hole(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(4096) + content[middle + 4096 :]


def _as_float(samples: npt.NDArray[np.float32]) -> bytes:
    return wav(samples.astype("<f4").tobytes(), code=3, bits=32)


def _spoilt(value: float) -> bytes:
    samples = tune(50)
    samples[RATE : RATE + 100] = value
    return _as_float(samples)


_PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 64, 64, 8, 2, 0, 0, 0) + bytes(500)
_HTML = b"<!DOCTYPE html><html><body><h1>404</h1>" + b"<p>Not found</p>" * 200 + b"</body></html>"

# What each file holds, and what may become of it.
CONTENTS: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "half.ogg": (lambda: _half(encoded(tune(1), "OGG")), BROKEN),
    "half.mp3": (lambda: _half(encoded(tune(2), "MP3")), {GOOD}),
    "half.flac": (lambda: _half(encoded(tune(3), "FLAC")), BROKEN),
    "flipped.ogg": (
        lambda: _damaged(encoded(tune(4), "OGG"), 4, 0.01),
        BROKEN,
    ),
    "flipped.mp3": (
        lambda: _damaged(encoded(tune(5), "MP3"), 5, 0.01),
        BROKEN,
    ),
    "flipped.flac": (lambda: _damaged(encoded(tune(6), "FLAC"), 6, 1e-4), BROKEN),
    "hole.ogg": (lambda: _with_hole(encoded(tune(7, 8.0), "OGG")), BROKEN),
    "empty.mp3": (lambda: b"", {"unreadable"}),
    "zeros.mp3": (lambda: bytes(100_000), {"unreadable"}),
    "noise.flac": (lambda: np.random.default_rng(8).bytes(100_000), {"unreadable"}),
    "text.mp3": (lambda: b"la la la\n" * 5_000, {"unreadable"}),
    "picture.ogg": (lambda: _PNG, {"unreadable"}),
    "page.mp3": (lambda: _HTML, {"unreadable"}),
    "stub.mp3": (lambda: encoded(tune(9), "MP3")[:100], {"unreadable", "too_short"}),
    "packed.wav": (lambda: gzip.compress(encoded(tune(10), "WAV")), {"unreadable"}),
    "list.m3u8": (lambda: b"#EXTM3U\n#EXTINF:3,x\nfile:///etc/hostname\n#EXT-X-ENDLIST\n", {"unreadable"}),
    "list.mp3": (lambda: b"ffconcat version 1.0\nfile 'good 1.ogg'\n", {"unreadable"}),
    "eight channels.wav": (lambda: encoded(np.tile(tune(11)[:, None], 8), "WAV"), {"unreadable"}),
    "65535 channels.wav": (lambda: wav(bytes(1 << 18), channels=65_535), {"unreadable", "crashed"}),
    "192 kHz.wav": (lambda: encoded(np.repeat(tune(12), 4), "WAV", 192_000), {GOOD}),
    "rate 0.wav": (lambda: wav(bytes(200_000), rate=0), {"unreadable"}),
    "no frames.wav": (lambda: wav(b""), {"unreadable", "too_short"}),
    "one sample.wav": (lambda: wav(b"\x00\x10"), {"too_short", "unreadable"}),
    "not a number.wav": (lambda: _spoilt(np.nan), {"not_finite"}),
    "infinite.wav": (lambda: _spoilt(np.inf), {"not_finite"}),
    "too loud.wav": (lambda: _spoilt(1e30), {"out_of_range"}),
    "claims 4 GiB.wav": (
        lambda: wav(encoded(tune(13), "WAV")[44:], claimed=0xFFFFFFDB),
        {GOOD, "too_long", "unreadable"},
    ),
    "claims nothing.wav": (lambda: wav(encoded(tune(14), "WAV")[44:], claimed=0), {GOOD, "unreadable", "too_short"}),
    "three hours.flac": (lambda: encoded(np.zeros(3 * 3600 * 8_000, np.int16), "FLAC", 8_000), {"too_long"}),
    "silence.wav": (lambda: encoded(np.zeros(5 * RATE, np.float32), "WAV"), {GOOD}),
    "constant.wav": (lambda: encoded(np.full(5 * RATE, 0.5, np.float32), "WAV"), {GOOD}),
    "bomb.mp3": (lambda: _id3(_bomb()) + encoded(tune(15), "MP3"), {GOOD}),
    "false size.mp3": (lambda: _id3(b"", 200_000_000) + encoded(tune(16), "MP3"), {GOOD, "unreadable", "too_short"}),
    "long title.mp3": (
        lambda: _id3(_frame(b"TIT2", b"\x03" + b"x\0\n\x1b[31m" * 1_000_000)) + encoded(tune(17), "MP3"),
        {GOOD},
    ),
    "odd frames.mp3": (
        lambda: _id3(_frame(b"APIC", b"\xff" * 5_000_000) + _frame(b"TCON", b"\x07Rock")) + encoded(tune(18), "MP3"),
        {GOOD},
    ),
    "quotes \" and ' and $(reboot); DROP TABLE tracks; --.ogg": (lambda: encoded(tune(19), "OGG"), {GOOD}),
    "new\nline\ttab.ogg": (lambda: encoded(tune(20), "OGG"), {GOOD}),
    "emoji 🎷🎶 %41 #?.ogg": (lambda: encoded(tune(21), "OGG"), {GOOD}),
    os.fsdecode(b"bytes \xff\xfe\xe9.ogg"): (lambda: encoded(tune(22), "OGG"), {GOOD}),
    "-rf *.ogg": (lambda: encoded(tune(23), "OGG"), {GOOD}),
    "%03d.ogg": (lambda: encoded(tune(24), "OGG"), {GOOD}),
    "no ending": (lambda: encoded(tune(25), "OGG"), {GOOD}),
    "l" + "o" * 240 + "ng.ogg": (lambda: encoded(tune(26), "OGG"), {GOOD}),
    "growing.ogg": (lambda: encoded(tune(27), "OGG")[:5_000], {LEFT_ALONE}),
    "unfinished.ogg.part": (lambda: encoded(tune(28), "OGG")[:5_000], {LEFT_ALONE}),
    ".hidden.ogg": (lambda: encoded(tune(29), "OGG"), {LEFT_ALONE}),
    "a folder.mp3/inside.ogg": (lambda: encoded(tune(30), "OGG"), {GOOD}),
}
IRREGULAR = ("link out.ogg", "link to nowhere.ogg", "link to zeros.ogg", "link to a folder", "pipe.ogg", "socket.ogg")


def make_hostile(folder: Path, settled_at: float) -> None:
    """Fill `folder`: all files were last changed at `settled_at` (unix seconds) but `growing.ogg`, changed now."""
    for name, (content, _) in CONTENTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content())
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "secret.ogg").write_bytes(encoded(tune(31), "OGG"))
    for name, target in {
        "link out.ogg": outside / "secret.ogg",
        "link to nowhere.ogg": Path("nowhere.ogg"),
        "link to zeros.ogg": Path("/dev/zero"),
        "link to a folder": outside,
    }.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.ogg")
    with socket.socket(socket.AF_UNIX) as server, chdir(folder):  # the path of a socket has to be short
        server.bind("socket.ogg")
    for path in folder.rglob("*"):
        if path.name != "growing.ogg":
            os.utime(path, (settled_at, settled_at), follow_symlinks=False)
