"""What went over the wire: a capture on loopback, and RTP or SRTP told from the packets.

Nothing here believes a flag. G.711 in 20 ms packets is 160 bytes; SRTP adds its
authentication tag and makes the bytes uniformly distributed, which speech, tones and
silence never are. A flow is called RTP or SRTP only where length and bytes agree.
"""

import collections
import struct

import audio
from sandbox import PATIENCE, Failure, wait_for

ENOUGH = 25   # packets below which nothing is said about a flow
PLAIN = 160   # bytes of G.711 in 20 ms
TAGS = (4, 10, 16)  # bytes: HMAC-SHA1-32, HMAC-SHA1-80, AEAD
# Chi-square of 256 equally likely byte values: 255 on average, 23 its deviation.
UNIFORM_BELOW, UNEVEN_ABOVE = 400, 600

Packet = collections.namedtuple("Packet", "time src dst payload")


class Capture:
    """
    tcpdump of UDP on loopback, from construction to stop(): of this sandbox's ports, as
    what others do on the machine is not ours to see, and must not crowd ours out.
    """

    def __init__(self, sandbox, name="capture", expression=None):
        first, last = sandbox.ports
        self.file = sandbox.path(name + ".pcap")
        self.process = sandbox.spawn(name, [
            "tcpdump", "-i", "lo", "-n", "-U", "--immediate-mode", "-B", "8192", "-s", "0",
            "-Z", "root", "-w", self.file,
            expression or f"udp portrange {first}-{last}"])
        self.process.ready("listening", lambda: "listening on" in self.process.text())

    def packets(self):
        """So far."""
        return list(read_pcap(self.file))

    def flows(self):
        return flows(self.packets())

    def stop(self):
        self.process.stop()
        if "0 packets dropped by kernel" not in self.process.text():
            raise Failure(f"{self.process.name} lost packets: {self.process.text()}")
        return self.flows()

    def wait_packets(self, port, count, timeout=PATIENCE):
        """Until this many went to or came from a UDP port."""

        def enough():
            return sum(port in (p.src[1], p.dst[1]) for p in self.packets()) >= count

        wait_for(f"{count} packets at UDP port {port}", enough, timeout, 0.1)


def read_pcap(path):
    """UDP packets of a pcap file; a half-written last one is left out."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 24:
        return
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    (link,) = struct.unpack(order + "I", data[20:24])
    if link != 1:
        raise Failure(f"{path}: link type {link}, expected Ethernet (1)")
    at = 24
    while at + 16 <= len(data):
        seconds, micros, size, _ = struct.unpack(order + "IIII", data[at:at + 16])
        frame = data[at + 16:at + 16 + size]
        at += 16 + size
        if len(frame) < size:
            return
        packet = _udp(seconds + micros / 1e6, frame)
        if packet:
            yield packet


def _udp(time, frame):
    ip = frame[14:]
    if frame[12:14] != b"\x08\x00" or ip[9] != 17:
        return None
    start = (ip[0] & 15) * 4
    sport, dport, size = struct.unpack("!HHH", ip[start:start + 6])
    return Packet(time, (".".join(map(str, ip[12:16])), sport),
                  (".".join(map(str, ip[16:20])), dport), ip[start + 8:start + size])


class Flow:
    """RTP or SRTP packets from one address and port to another."""

    def __init__(self, src, dst):
        self.src, self.dst = src, dst
        self.packets = []  # (sequence, payload type, payload)

    def add(self, payload):
        first, kind, sequence = struct.unpack("!BBH", payload[:4])
        header = 12 + (first & 15) * 4
        if first & 0x10 and len(payload) >= header + 4:
            header += 4 + 4 * struct.unpack("!H", payload[header + 2:header + 4])[0]
        self.packets.append((sequence, kind & 0x7F, payload[header:]))

    def _audio(self):
        return [p for p in self.packets if p[1] in (0, 8)]

    def kind(self, handshake=False):
        """
        'RTP', 'SRTP', or words that say why neither can be said. `handshake`: what was sent
        in the clear before the first packet that is not is left out, as the keys come from
        DTLS and an endpoint's sound may not wait for them. Only for what an endpoint sends.
        """
        audio_packets = self._audio()
        if handshake:
            keyed = (n for n, p in enumerate(audio_packets) if len(p[2]) != PLAIN)
            audio_packets = audio_packets[next(keyed, 0):]
        if len(audio_packets) < ENOUGH:
            return f"too few packets ({len(audio_packets)})"
        sizes = collections.Counter(len(p[2]) for p in audio_packets)
        size, _ = sizes.most_common(1)[0]
        # PLAIN bytes of each: a tag behind them would blur what they are.
        score = _chi_square(b"".join(p[2][:PLAIN] for p in audio_packets))
        if len(sizes) == 1 and size == PLAIN and score > UNEVEN_ABOVE:
            return "RTP"
        if len(sizes) == 1 and size - PLAIN in TAGS and score < UNIFORM_BELOW:
            return "SRTP"
        return f"neither (payload sizes {dict(sizes)}, chi-square {score:.0f})"

    def tone_seconds(self, frequency):
        """For how long the payload, taken as plain G.711, is this tone."""
        samples = []
        for _, kind, payload in self._audio():
            samples.extend(audio.decode(kind, payload[:PLAIN]))
        return audio.tone_seconds(samples, frequency)

    def __repr__(self):
        return (f"{self.src[0]}:{self.src[1]} -> {self.dst[0]}:{self.dst[1]} "
                f"{len(self.packets)} packets, {self.kind()}")


def _chi_square(data):
    expected = len(data) / 256
    counts = collections.Counter(data)
    return sum((counts.get(value, 0) - expected) ** 2 for value in range(256)) / expected


def flows(packets):
    """Flows of RTP-looking packets by (source, destination), RTCP left out."""
    found = {}
    for packet in packets:
        if _looks_like_rtp(packet.payload):
            key = (packet.src, packet.dst)
            if key not in found:
                found[key] = Flow(*key)
            found[key].add(packet.payload)
    return found


def client_hellos(packets, ports):
    """DTLS handshakes begun from or to these ports: how many ClientHellos that are not repeated."""
    return len({packet.payload[13:] for packet in packets
                if {packet.src[1], packet.dst[1]} & set(ports) and len(packet.payload) > 60
                and packet.payload[0] == 22 and packet.payload[13] == 1})


def _looks_like_rtp(payload):
    # RFC 5761: RTCP's packet types, with the marker bit taken off, are 64 to 95.
    return len(payload) >= 12 and payload[0] >> 6 == 2 and not 64 <= payload[1] & 0x7F <= 95


def between(found, port):
    """(from, to) the endpoint whose RTP port this is: its two flows, None where missing."""
    sent = [f for f in found.values() if f.src[1] == port]
    got = [f for f in found.values() if f.dst[1] == port]
    return (max(sent, key=lambda f: len(f.packets), default=None),
            max(got, key=lambda f: len(f.packets), default=None))
