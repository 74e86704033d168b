#!/usr/bin/python3
"""A gateway's name changes its address again and again while calls come: each finds it."""

import threading
import time

from case import Case
from dns import Dns
from sandbox import wait_for
from sip import Message, sdp
from trunks import Peer, Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
PLACES = ("127.0.0.64", "127.0.0.65")
CHANGES, PACE_S = 3, 0.02

with Case(plan=5) as t:
    dns = Dns("127.0.0.81", {"gw.example": [("A", 1, PLACES[0])]})
    trunks = Trunks(t, {"pbx1": PLAIN,
                        "named": {**PLAIN, "host": PLACES[0], "gateway": {"address": "gw.example"}}},
                    routes={"named": {"pattern": r"^\+1\d+$", "trunks": "named"}},
                    resolver="127.0.0.81")
    peers = [trunks.named, Peer(t, host=PLACES[1], port=trunks.named.port, user="named")]
    seen, finals, lock = [0, 0], {}, threading.Lock()

    def refuse(which):
        def take(data, link):
            message = Message(data.decode(), link)
            if message.method == "INVITE" and not message.status:
                with lock:
                    seen[which] += 1
                peers[which].reply(message, 486, "Busy Here")
        return take

    def final(data, link):
        message = Message(data.decode(), link)
        if message.method == "INVITE" and message.status >= 200:
            with lock:
                finals[message.get("Call-ID")] = message.status

    for number, peer in enumerate(peers):
        peer._take = refuse(number)
    trunks.pbx1._take = final
    wait_for("the name to be known",
             lambda: PLACES[0] in trunks.kamailio.rpc("mediation.gateways", "named"))
    sent, ends = [], False

    def load():
        while not ends:
            sent.append(trunks.call("pbx1", f"+1{len(sent)}", sdp=sdp(30000)).get("Call-ID"))
            time.sleep(PACE_S)  # the pace of the load

    caller = threading.Thread(target=load)
    caller.start()
    try:
        for change in range(1, CHANGES + 1):
            now = change % 2
            with lock:
                before = seen[now]
            dns.zone["gw.example"] = [("A", 1, PLACES[now])]
            wait_for("calls at the new place", lambda: seen[now] >= before + 5)
        dns.silent = True
        asked = dns.count("gw.example")
        wait_for("it to be asked in vain", lambda: dns.count("gw.example") > asked)
        with lock:
            before = seen[now]
        wait_for("more calls", lambda: seen[now] >= before + 20)
    finally:
        ends = True
        caller.join()
    t.ok(all(seen), f"calls went to both: {seen}")
    wait_for("all to be answered", lambda: len(finals) >= len(set(sent)))
    t.equal({finals[one] for one in sent}, {486}, f"each of {len(sent)} was answered by the gateway")
    t.equal(sum(seen), len(sent), "and went to one place")
    t.equal(trunks.lines("trunk 'named' timed out"), [], "none waited")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
