"""A network of one's own: what is sent into the dark gets no answer, not even a refusal.

On loopback everything is refused at once. Call alone() before anything listens: this
process and all it starts are in a network namespace then, which goes with them, where
OURS is our address, nobody is at NOBODY, and REFUSING refuses every TCP connection some
milliseconds after it was asked.

    netns.alone()
    with Case(plan=1) as t, netns.dropped("tcp", port): ...
"""

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import threading
import time

from sandbox import Failure

OURS, NOBODY, REFUSING = "192.0.2.1", "192.0.2.9", "192.0.2.8"
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 0x0001, 0x1000
REFUSES_AFTER = 0.03


def alone():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise Failure(f"no network namespace: {os.strerror(ctypes.get_errno())}; root may make one")
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "tuntap", "add", "dev", "dark", "mode", "tun")
    _run("ip", "address", "add", f"{OURS}/24", "dev", "dark")
    _run("ip", "link", "set", "dark", "up")
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"dark", IFF_TUN | IFF_NO_PI))
    threading.Thread(target=_refuse, args=(device,), daemon=True).start()
    _run("nft", "add table inet test; add chain inet test in "
         "{ type filter hook input priority 0; }")


@contextlib.contextmanager
def dropped(transport, port, share=1, source=None):
    """Packets to this port, from that address, are lost: all, or of so many one."""
    which = f"numgen random mod {share} 0" if share > 1 else ""
    whose = f"ip saddr {source}" if source else ""
    _run("nft", f"add rule inet test in {whose} {transport} dport {port} {which} drop")
    try:
        yield
    finally:
        _run("nft", "flush chain inet test in")


def _refuse(device):
    """What is sent beyond the device comes here, and is lost but for SYNs to one address."""
    while True:
        packet = os.read(device, 65535)
        if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP or packet[33] & 0x02 == 0 \
                or packet[16:20] != socket.inet_aton(REFUSING):
            continue
        time.sleep(REFUSES_AFTER)
        ours, theirs, sequence = struct.unpack("!HHI", packet[20:28])
        tcp = struct.pack("!HHIIBBHHH", theirs, ours, 0, (sequence + 1) & 0xffffffff,
                          5 << 4, 0x14, 0, 0, 0)  # RST, ACK
        pseudo = packet[16:20] + packet[12:16] + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp))
        tcp = tcp[:16] + _checksum(pseudo + tcp) + tcp[18:]
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0) \
            + packet[16:20] + packet[12:16]
        os.write(device, head[:10] + _checksum(head) + head[12:] + tcp)


def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return struct.pack("!H", ~(total + (total >> 16)) & 0xffff)


def _run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"{' '.join(argv)}: {done.stderr.strip()}")
