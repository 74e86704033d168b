#!/usr/bin/python3
"""Both hosts in front of rtpengine: what each pair of legs reads, and what a refusal leaves."""

from case import Case
from listener import (KEY, OPTIONAL, OTHER_KEY, PLAIN, REQUIRED, Caller, Listener, learned)
from rtpengine import Rtpengine
from sandbox import wait_for
from sip import sdp

SECURE = "RTP/SAVP + AES_CM_128_HMAC_SHA1_80"
OPEN = "RTP/AVP"
BOTH = "RTP/AVP + AES_CM_128_HMAC_SHA1_80"


def plain(port=4000):
    return sdp(port)


def opportunistic(port=4000):
    return sdp(port, key=KEY)


def secure(port=4000, key=KEY):
    return sdp(port, profile="RTP/SAVP", key=key)


# from, to, what is offered, what the other side reads, its answer, what the first side reads
CALLS = [
    (REQUIRED, PLAIN, secure(), OPEN, plain(), SECURE),
    (PLAIN, REQUIRED, plain(), SECURE, secure(), OPEN),
    (REQUIRED, "pbx2/required", secure(), SECURE, secure(4002, OTHER_KEY), SECURE),
    (PLAIN, "gw2/not_supported", plain(), OPEN, plain(4002), OPEN),
    (PLAIN, OPTIONAL, plain(), BOTH, plain(), OPEN),
    (PLAIN, OPTIONAL, plain(), BOTH, secure(), OPEN),
    (PLAIN, OPTIONAL, plain(), BOTH, opportunistic(), OPEN),
    (REQUIRED, OPTIONAL, secure(), BOTH, plain(), SECURE),
    (REQUIRED, OPTIONAL, secure(), BOTH, secure(4002, OTHER_KEY), SECURE),
    (REQUIRED, OPTIONAL, opportunistic(), BOTH, opportunistic(4002), SECURE),
    (OPTIONAL, REQUIRED, plain(), SECURE, secure(), OPEN),
    (OPTIONAL, PLAIN, opportunistic(), OPEN, plain(), SECURE),
    (OPTIONAL, PLAIN, secure(), OPEN, plain(), SECURE),
    (OPTIONAL, PLAIN, plain(), OPEN, opportunistic(), OPEN),
    (PLAIN, "gw2/not_supported", opportunistic(), OPEN, plain(), OPEN),
    ("-/any", REQUIRED, plain(), SECURE, secure(), OPEN),
    (PLAIN, "-/any", plain(), OPEN, plain(), OPEN),
]
REFUSED_OFFERS = [
    (REQUIRED, PLAIN, plain(), r"leg 'pbx1' \(required\), offer: m-line 1.*plain RTP"),
    (PLAIN, REQUIRED, secure(), r"leg 'gw1' \(not_supported\), offer: m-line 1.*SRTP"),
    (REQUIRED, PLAIN, sdp(4000, profile="UDP/TLS/RTP/SAVP"), "DTLS-SRTP was offered, but the leg's srtp_keys are sdes"),
    (REQUIRED, PLAIN, secure(key="short"), "no a=crypto line is a usable"),
    (REQUIRED, PLAIN, "", "the SDP is empty"),
    (REQUIRED + "/x", PLAIN, secure(), "does not know 'x'"),
]


def answered(port, call_id, legs=(PLAIN, REQUIRED), **keys):
    call = Caller(port, call_id)
    there, back = legs, legs[::-1]
    bodies = {PLAIN: plain(), REQUIRED: secure(), OPTIONAL: plain()}
    call.offer(there, bodies[legs[0]], **keys)
    call.answer(back, bodies[legs[1]], **keys)
    return call


def check_host(t, host, rtpengine, port):
    for number, (a, b, offer, reads, answer, result) in enumerate(CALLS):
        call = Caller(port, f"{host}-{number}")
        call.offer((a, b), offer)
        got = [call.media() or call.last.get("error-reason")]
        addresses = call.last.get("sdp", "")
        call.answer((b, a), answer)
        got.append(call.media() or call.last.get("error-reason"))
        t.equal(got, [reads, result], f"{host}: {a} to {b}, row {number}")
        t.ok("127.0.0.1" not in addresses + call.last.get("sdp", "127.0.0.1"),
             f"{host}: neither side reads the other's address, row {number}")
        call.send("delete", delete_delay=0)
    t.equal(rtpengine.calls(), [], f"{host}: all gone after delete")

    for number, (a, b, offer, why) in enumerate(REFUSED_OFFERS):
        call = Caller(port, f"{host}-refused-{number}")
        t.like(call.offer((a, b), offer).get("error-reason"), why, f"{host}: refused offer {number}")
    t.equal(rtpengine.calls(), [], f"{host}: of which nothing is in rtpengine")

    gone = lambda name: wait_for(f"{name} to be gone", lambda: name not in rtpengine.calls(), 10)

    for branch in ({}, {"via_branch": "z1"}):
        call = Caller(port, f"{host}-answer")
        call.offer((PLAIN, REQUIRED), plain(), **branch)
        there = call.call_id in rtpengine.calls()
        call.answer((REQUIRED, PLAIN), plain(), **branch)
        t.like(call.last.get("error-reason"), r"leg 'pbx1' \(required\), answer.*plain RTP in answer",
               f"{host}: SRTP required, plain came back {branch}")
        t.ok(there and gone(call.call_id), f"{host}: its session is gone at once {branch}")
        call.answer((REQUIRED, PLAIN), plain(), **branch)
        t.like(call.last.get("error-reason"), "required", f"{host}: and the 200 once more {branch}")

    call = Caller(port, f"{host}-early")  # a good 183, then a bad 200
    call.offer((PLAIN, REQUIRED), plain(), via_branch="e1")
    call.answer((REQUIRED, PLAIN), secure(), via_branch="e1")
    call.answer((REQUIRED, PLAIN), plain(), via_branch="e1")
    t.ok(call.last["result"] == "error" and gone(call.call_id), f"{host}: refused after a good 183")

    call = Caller(port, f"{host}-forked")  # gw1's branch is refused, the other one is not
    call.offer((PLAIN, REQUIRED), plain(), via_branch="f1")
    call.offer((PLAIN, "pbx2/required"), plain(), via_branch="f2")
    call.answer((REQUIRED, PLAIN), plain(), via_branch="f1", to_tag="B1")
    refused = call.last["result"]
    call.answer(("pbx2/required", PLAIN), secure(), via_branch="f2", to_tag="B2")
    t.equal((refused, call.media()), ("error", OPEN), f"{host}: one branch refused, the other lives")
    t.ok(call.call_id in rtpengine.calls(), f"{host}: its session too")
    call.send("delete")

    call = answered(port, f"{host}-reinvite")
    before = rtpengine.ng("query", call_id=call.call_id)["tags"]["B"]["medias"][0]["streams"][0]
    call.offer((PLAIN, REQUIRED), plain(), to_tag="B")
    offered = call.media()
    call.answer((REQUIRED, PLAIN), plain())
    t.equal((offered, call.last["result"]), (SECURE, "error"), f"{host}: a re-INVITE's answer refused")
    after = rtpengine.ng("query", call_id=call.call_id)["tags"]["B"]["medias"][0]["streams"][0]
    t.equal((after["local port"], after["endpoint"]), (before["local port"], before["endpoint"]),
            f"{host}: leaves the call as it was")
    call.offer((REQUIRED, PLAIN), plain(), from_tag="B", to_tag="A")
    t.like(call.last.get("error-reason"), "plain RTP was offered", f"{host}: so does a refused re-offer")
    call.offer((REQUIRED, PLAIN), secure(), from_tag="B", to_tag="A")
    read = call.media()
    call.answer((PLAIN, REQUIRED), plain(), from_tag="B", to_tag="A")
    t.equal((read, call.media()), (OPEN, SECURE), f"{host}: a re-offer from the other end")
    t.ok(call.call_id in rtpengine.calls(), f"{host}: the call is there all the time")
    call.send("delete")

    call = Caller(port, f"{host}-delayed")  # the offer is in the 200, the answer in the ACK
    call.offer((REQUIRED, PLAIN), secure(), from_tag="B", to_tag="A")
    read = call.media()
    call.answer((PLAIN, REQUIRED), secure(), from_tag="B", to_tag="A")
    t.equal((read, call.last["result"]), (OPEN, "error"), f"{host}: delayed offer, its answer refused")
    t.ok(gone(call.call_id), f"{host}: its session is gone too")

    call = Caller(port, f"{host}-unknown")
    call.answer((REQUIRED, PLAIN), plain())
    t.like(call.last.get("error-reason"), "required", f"{host}: an unknown call's answer: by policy")
    call.answer((REQUIRED, PLAIN), secure())
    t.like(call.last.get("error-reason"), "Unknown call-id", f"{host}: and rtpengine's own word")

    call = Caller(port, f"{host}-flags")
    call.offer((PLAIN, REQUIRED), plain(), flags=["SDES-off"])
    t.like(call.last.get("error-reason"), "SDP made by rtpengine",
           f"{host}: flags that undo the policy are caught in the outcome")
    t.ok(gone(call.call_id), f"{host}: and leave nothing")


with Case(plan=2 * (2 * len(CALLS) + 1 + len(REFUSED_OFFERS) + 1 + 20)) as t:
    inside = Rtpengine(t, "inside", plugin=True, options=["--delete-delay=30"])
    learned(inside.listener)
    check_host(t, "inside", inside, inside.listener)
    inside.stop()
    alone = Rtpengine(t, "alone", options=["--delete-delay=30"])
    beside = Listener(t, [alone.port])
    learned(beside.port)
    check_host(t, "daemon", alone, beside.port)
