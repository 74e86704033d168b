"""Tones: played into calls, looked for in recordings and in packets.

G.711 at 8 kHz throughout; a tone is "held" where a frame's energy is nearly all at its
frequency, so that neither silence nor noise nor another tone passes.
"""

import array
import bisect
import math
import sys
import wave

RATE = 8000
FRAME = 400  # 50 ms: 20 Hz resolution


def write_tone(path, frequency, seconds=30, level=0.3):
    samples = array.array("h", (round(32767 * level * math.sin(2 * math.pi * frequency *
                                i / RATE)) for i in range(RATE)))
    # One second repeats without a step when the frequency is a whole number of Hz.
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((_little(samples)).tobytes() * seconds)
    return path


def read_wav(path):
    """Samples of a 16-bit WAV; tolerates a header whose length was never filled in."""
    with open(path, "rb") as file:
        data = file.read()
    start = data.find(b"data")
    if data[:4] != b"RIFF" or start < 0:
        return array.array("h")
    body = data[start + 8:]
    samples = array.array("h", body[:len(body) // 2 * 2])
    return _little(samples)


def _power(frame, frequency):
    weights = 2 * math.cos(2 * math.pi * frequency / RATE)
    before = last = 0.0
    for sample in frame:
        before, last = last, sample + weights * last - before
    return before * before + last * last - weights * before * last


def tone_seconds(samples, *frequencies):
    """For how long `samples` hold this tone, or these at once (a digit has two)."""
    held = 0
    for start in range(0, len(samples) - FRAME + 1, FRAME):
        frame = samples[start:start + FRAME]
        energy = sum(s * s for s in frame)
        if energy < FRAME * 300 * 300:
            continue  # silence
        # A pure tone: |X|^2 = energy * FRAME / 2.
        powers = [_power(frame, f) / (energy * FRAME / 2) for f in frequencies]
        if sum(powers) > 0.8 and min(powers) > 0.2:
            held += 1
    return held * FRAME / RATE


def _ulaw(byte):
    byte = ~byte & 0xFF
    value = (((byte & 0x0F) << 3) + 0x84) << ((byte & 0x70) >> 4)
    return 0x84 - value if byte & 0x80 else value - 0x84


def _alaw(byte):
    byte ^= 0x55
    value, segment = (byte & 0x0F) << 4, (byte & 0x70) >> 4
    value += 8 if segment == 0 else 0x108
    if segment > 1:
        value <<= segment - 1
    return value if byte & 0x80 else -value


_TABLES = {0: [_ulaw(b) for b in range(256)], 8: [_alaw(b) for b in range(256)]}


def decode(payload_type, data):
    """G.711 bytes to samples; None for any other codec."""
    table = _TABLES.get(payload_type)
    return None if table is None else array.array("h", (table[b] for b in data))


def encode(payload_type, samples):
    """Samples to G.711 bytes."""
    table = _TABLES[payload_type]
    order = sorted(range(256), key=table.__getitem__)
    values = [table[byte] for byte in order]
    return bytes(order[min(bisect.bisect(values, sample), 255)] for sample in samples)


def tone(frequency, seconds, level=0.3):
    """Samples of it."""
    return [round(32767 * level * math.sin(2 * math.pi * frequency * i / RATE))
            for i in range(round(RATE * seconds))]


def _little(samples):
    if sys.byteorder == "big":
        samples.byteswap()
    return samples
