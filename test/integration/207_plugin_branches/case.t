#!/usr/bin/python3
"""Branches given up, late answers, a second call of the same name: what is up stays up."""

from case import Case
from listener import KEY, PLAIN, REQUIRED, Caller, Listener, learned
from rtpengine import Rtpengine
from sandbox import wait_for
from sip import sdp

SECURE = sdp(4000, profile="RTP/SAVP", key=KEY)
OPEN = sdp(4000)
OTHER = "gw2/not_supported"


def shape(rtpengine, call_id):
    """Tags and local ports of a call, or why there are none."""
    answer = rtpengine.ng("query", call_id=call_id)
    return {tag: [stream.get("local port") for media in value.get("medias", [])
                  for stream in media.get("streams", [])]
            for tag, value in answer.get("tags", {}).items()} or answer.get("error-reason")


with Case(plan=14) as t:
    rtpengine = Rtpengine(t, options=["--delete-delay=30"])
    listener = Listener(t, [rtpengine.port])
    learned(listener.port)
    names = lambda: rtpengine.calls()

    # Serial: gw1 is given up, gw2 is tried; gw1 answers late, with what is refused anyway
    # and with what is not.
    for number, late in enumerate((OPEN, SECURE)):
        call = Caller(listener.port, f"serial-{number}")
        call.offer((PLAIN, REQUIRED), OPEN, via_branch="z1")
        call.send("delete", via_branch="z1", delete_delay=0)
        t.equal(names(), [], "the only branch given up: nothing is left")
        call.offer((PLAIN, OTHER), OPEN, via_branch="z2")
        before = shape(rtpengine, call.call_id)
        call.answer((REQUIRED, PLAIN), late, via_branch="z1", to_tag="late")
        t.like(call.last.get("error-reason"), "'z1' has no offer in this call",
               f"a late answer of the first gateway is refused ({number})")
        call.answer((OTHER, PLAIN), OPEN, via_branch="z2")
        t.equal((call.last["result"], call.call_id in names()), ("ok", True),
                f"the second gateway's media is there, and answered ({number})")
        t.ok("late" not in shape(rtpengine, call.call_id) and isinstance(before, dict),
             f"rtpengine never heard of it ({number})")
        call.send("delete", delete_delay=0)

    # A call is up; another INVITE of the same Call-ID and tag comes, and its answer is refused.
    for via in ({}, {"via_branch": "y1"}):
        call = Caller(listener.port, f"twice-{len(via)}")
        call.offer((PLAIN, REQUIRED), OPEN, **via)
        call.answer((REQUIRED, PLAIN), SECURE, **via)
        up = shape(rtpengine, call.call_id)
        call.offer((PLAIN, REQUIRED), OPEN, **({"via_branch": "y2"} if via else {}))
        call.answer((REQUIRED, PLAIN), OPEN, to_tag="C", **({"via_branch": "y2"} if via else {}))
        t.like(call.last.get("error-reason"), "plain RTP in answer",
               f"a second initial offer, its answer refused {via}")
        # a delete of ours would have been sent before this is asked, on the same path
        Caller(listener.port, "nobody").send("query")
        after = wait_for("the call", lambda: shape(rtpengine, call.call_id))
        t.equal([after.get(tag) for tag in up], list(up.values())
                if isinstance(after, dict) else None, f"the call that is up stays {via}")
        call.send("delete", delete_delay=0)

    # Without via-branch an answer belongs to the newest offer.
    call = Caller(listener.port, "newest")
    call.offer((PLAIN, OTHER), OPEN, via_branch="x1")
    call.answer((OTHER, PLAIN), OPEN)
    t.equal(call.last["result"], "ok", "an answer that names no branch is the newest offer's")
    call.send("delete", delete_delay=0)
    t.equal(names(), [], "nothing is left")
