#!/usr/bin/python3
"""Own users: a trunk rings them, they call by trunks, and both ends may say BYE."""

from case import Case
from phone import Phone
from sandbox import wait_for
from sip import sdp
from trunks import Trunks, Turned

ALICE, BOB, PASSWORD = "+4989555100", "+4989555200", "pass word"
KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"


with Case(plan=38) as t:
    users = t.port()
    trunks = Trunks(t, {
        "pbx1": {"srtp_mode": "not_supported", "dial_plan": "pstn",
                 "gateway": {"site": "hq"}},
        "itsp1": {"transport": "tls", "srtp_mode": "required", "dial_plan": "pstn",
                  "contact_host": "ip", "gateway": {"peer": "itsp"}},
    }, routes={"world": {"pattern": r"^\+\d+$", "trunks": "pbx1*0,itsp1*0"}},
        rules={"pstn": [r"^0([1-9]\d+)$ => +49$1"],
               "users": [r"^(\d{3})$ => +4989555$1", r"^00([1-9]\d+)$ => +49$1"]},
        media=True, defines={"LISTEN_USERS": f"udp:127.0.0.1:{users}", "USERS_PORT": str(users)})
    redis, pbx1, itsp1 = trunks.redis, trunks.pbx1, trunks.itsp1
    redis.hset("med:1:policy:users", usages="all")
    redis.hset("med:1:profile:global", dial_plan="users")
    wait_for("the policy", lambda: "total: 1" in trunks.kamailio.rpc("mediation.policies"))
    wait_for("the profile", lambda: "total: 3" in trunks.kamailio.rpc("mediation.profiles"))
    for number in (ALICE, BOB):
        trunks.kamailio.rpc("htable.sets", "users", number, PASSWORD)
    alice, bob = (Phone(t, number, users, PASSWORD) for number in (ALICE, BOB))
    t.equal(alice.register(), 200, "Alice registers")
    t.equal(bob.register(ALICE), 403, "Bob does not as Alice")

    def up(caller, callee, sent, got, answer=sdp(31000)):
        """Both ends of a call that is answered."""
        call_id = sent.get("Call-ID")
        callee.reply(got, 180, "Ringing", tag="c")
        caller.expect(180, call_id=call_id)
        answered = callee.reply(got, 200, "OK", sdp=answer, tag="c")
        final = caller.expect("2xx", call_id=call_id)
        caller.ack(sent, final)
        callee.expect("ACK", call_id=call_id)
        return final, Turned(got, answered)

    def ends(what, by, other, message, view, call_id):
        by.bye(message, view)
        bye = other.expect("BYE", call_id=call_id)
        other.reply(bye, 200, "OK")
        t.equal(by.expect(200, call_id=call_id).method, "BYE", f"{what} says BYE")

    # a trunk to a user, and BYE from either end
    for what in ("the caller", "the user"):
        sent = trunks.call("pbx1", "089555100", sdp=sdp(30000),
                           from_header="<sip:0301234@127.0.0.1>;tag=p")
        got = alice.expect("INVITE", call_id=sent.get("Call-ID"))
        t.like(got.uri, rf"^sip:\{ALICE}@127\.0\.0\.1:{alice.port}", "PBX to user: her contact")
        t.equal(got.get("P-Asserted-Identity"), "<sip:+49301234@127.0.0.1>",
                "the caller's number as one can call it back")
        t.like(got.body, "c=IN IP4 127.0.0.2", "media is anchored")
        final, turned = up(pbx1, alice, sent, got)
        t.like(final.body, "c=IN IP4 127.0.0.2", "both ways")
        if what == "the caller":
            ends(what, pbx1, alice, sent, final, sent.get("Call-ID"))
        else:
            pbx1.reinvite(sent, final, sdp=sdp(30002))
            re_got = alice.expect("INVITE", call_id=sent.get("Call-ID"))
            t.like(re_got.body, "c=IN IP4 127.0.0.2", "a re-INVITE finds the user")
            alice.reply(re_got, 200, "OK", sdp=sdp(31000))
            pbx1.expect("2xx", call_id=sent.get("Call-ID"))
            pbx1._in_dialog("ACK", sent, final, cseq=2)
            alice.expect("ACK", call_id=sent.get("Call-ID"))
            ends(what, alice, pbx1, turned, turned, sent.get("Call-ID"))
    # SRTP on the trunk, plain RTP at the phone
    sent = trunks.call("itsp1", "+4989555100", sdp=sdp(30000, profile="RTP/SAVP", key=KEY))
    got = alice.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal(("RTP/AVP " in got.body, "a=crypto" in got.body), (True, False),
            "SRTP trunk to user: the phone gets plain RTP")
    final, turned = up(itsp1, alice, sent, got)
    t.equal(("RTP/SAVP" in final.body, "a=crypto" in final.body), (True, True),
            "and the trunk keeps SRTP")
    t.like(final.get("Contact"), rf"@127\.0\.0\.1:{trunks.local['itsp1']};transport=tls;med=[\w-]+>$",
           "and knows the user by our address alone, as contact_host wants")
    ends("the user", alice, itsp1, turned, turned, sent.get("Call-ID"))

    # busy, two phones, none
    sent = trunks.call("pbx1", "089555100", sdp=sdp(30000))
    got = alice.expect("INVITE", call_id=sent.get("Call-ID"))
    alice.reply(got, 486, "Busy Here")
    t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 486, "busy is the answer")
    second = Phone(t, ALICE, users, PASSWORD)
    t.equal(second.register(), 200, "a second phone of hers")
    sent = trunks.call("pbx1", "089555100", sdp=sdp(30000))
    got = alice.expect("INVITE", call_id=sent.get("Call-ID"))
    other = second.expect("INVITE", call_id=sent.get("Call-ID"))
    t.ok(other, "both ring")
    alice.reply(got, 480, "Temporarily Unavailable")
    alice.expect("ACK", call_id=sent.get("Call-ID"))
    final, turned = up(pbx1, second, sent, other)
    t.like(final.body, "c=IN IP4 127.0.0.2", "one refuses, the other answers, with its media")
    ends("the user", second, pbx1, turned, turned, sent.get("Call-ID"))
    sent = trunks.call("pbx1", "089555200", sdp=sdp(30000))
    got = itsp1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.like(got.uri, r"^sip:\+4989555200@", "who is not registered is called as before")
    itsp1.reply(got, 486, "Busy Here")
    pbx1.expect(486, call_id=sent.get("Call-ID"))

    # a user to a trunk
    t.equal(bob.register(), 200, "Bob registers")
    for what in ("the user", "the callee"):
        sent = alice.call("00301234")
        got = pbx1.expect("INVITE", call_id=sent.get("Call-ID"))
        t.like(got.uri, r"^sip:\+49301234@", "user to PBX: by the dial plan of all")
        t.like(got.body, "c=IN IP4 127.0.0.2", "media is anchored")
        final, turned = up(alice, pbx1, sent, got)
        if what == "the user":
            ends(what, alice, pbx1, sent, final, sent.get("Call-ID"))
        else:
            ends(what, pbx1, alice, turned, turned, sent.get("Call-ID"))
    sent = alice.call("200")
    got = bob.expect("INVITE", call_id=sent.get("Call-ID"))
    final, turned = up(alice, bob, sent, got)
    ends("the callee", bob, alice, turned, turned, sent.get("Call-ID"))
    sent = alice.call("12")
    t.equal(alice.expect("final", call_id=sent.get("Call-ID")).status, 484, "no such number: 484")
    sent = bob.call("00301234", as_user=BOB, from_header=f"<sip:{ALICE}@127.0.0.1>;tag=x")
    t.equal(bob.expect("final", call_id=sent.get("Call-ID")).status, 403, "nobody calls as another")

    # within a site
    redis.hset("med:1:site:hq", subnets="10.0.0.0/8")
    redis.hset("med:1:profile:trunk:pbx1", enable_location_restriction="yes",
               network_site_id="hq")
    wait_for("the restriction", lambda: "enable_location_restriction: yes" in trunks.kamailio.rpc(
        "mediation.profiles", "trunk:pbx1"))
    sent = trunks.call("pbx1", "089555100", sdp=sdp(30000))
    got = pbx1.expect("final", call_id=sent.get("Call-ID"))
    t.equal(got.status, 403, "a restricted trunk does not ring at another site")
    t.like(got.get("Reason"), "would leave site 'hq' of trunk 'pbx1'", "and says why")
    sent = alice.call("00301234")
    got = itsp1.expect("INVITE", call_id=sent.get("Call-ID"))
    itsp1.reply(got, 486, "Busy Here")
    t.equal(alice.expect("final", call_id=sent.get("Call-ID")).status, 486,
            "nor is it called from there: the next trunk is")
    redis.hset("med:1:site:hq", subnets="10.0.0.0/8,127.0.0.0/8")
    wait_for("the site", lambda: "127.0.0.0" in trunks.kamailio.rpc("mediation.sites", "hq"))
    sent = trunks.call("pbx1", "089555100", sdp=sdp(30000))
    for phone in (alice, second):
        phone.reply(phone.expect("INVITE", call_id=sent.get("Call-ID")), 486, "Busy Here")
    t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 486, "of its own site: it rings")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
