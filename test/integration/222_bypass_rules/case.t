#!/usr/bin/python3
"""Whose media goes past us, by configuration that changes live; own users."""

from case import Case
from phone import Phone
from sandbox import TOP, wait_for
from sip import sdp
from trunks import Trunks

ALICE, PASSWORD = "+4989555100", "pass word"
PLAIN = {"transport": "tcp", "srtp_mode": "not_supported", "enable_bypass": "yes"}
PBX = {**PLAIN, "gateway": {"site": "hq"}}


def telling(sandbox):
    """kamailio.cfg, and each answer to a trunk's INVITE says in the log what $med(bypass) is."""
    files = {}
    for name in ("kamailio.cfg", "mediation.cfg", "users.cfg"):
        with open(f"{TOP}/kamailio-cfg/{name}", encoding="utf-8") as config:
            files[name] = config.read()
    head = "onreply_route[MED] {\n"
    files["mediation.cfg"] = files["mediation.cfg"].replace(
        head, head + '\txlog("L_NOTICE", "bypass of $ci: $med(bypass).\\n");\n')
    return [sandbox.write(name, text) for name, text in files.items()][0]


with Case(plan=37) as t:
    users = t.port()
    trunks = Trunks(t, {
        "pbx1": PBX, "gw1": PLAIN,
    }, routes={"world": {"pattern": r"^\+1\d+$", "trunks": "gw1"},
               "back": {"pattern": r"^\+2\d+$", "trunks": "pbx1"}}, media=True, config=telling(t),
        defines={"LISTEN_USERS": f"udp:127.0.0.1:{users}", "USERS_PORT": str(users)})
    redis, engine = trunks.redis, trunks.rtpengine

    def explained(caller="pbx1", number="+10"):
        return trunks.kamailio.rpc("mediation.explain", caller, "-", number)

    def becomes(word, text, what, **changes):
        """A change of configuration, and what explain and a real call make of it."""
        media = "anchored" if word.startswith("no_") else "bypass"
        for key, value in changes.items():
            kind, identity = key.split("__")
            identity = identity.replace("trunk_", "trunk:")
            redis.hset(f"med:1:{kind}:{identity}", **value)
        wait_for(what, lambda: f"media: {media}" in explained() and text in explained())
        sent = trunks.call("pbx1", "+10", sdp=sdp(30000))
        got = trunks.gw1.expect("INVITE", call_id=sent.get("Call-ID"))
        t.equal("127.0.0.2" not in got.body, media == "bypass", f"{what}: {text}")
        trunks.gw1.reply(got, 486, "Busy Here")
        trunks.pbx1.expect(486, call_id=sent.get("Call-ID"))
        t.ok(wait_for("the line", lambda: trunks.lines(f"bypass of {sent.get('Call-ID')}: {word}.")),
             f"$med(bypass) is {word}")

    becomes("no_place", "is in no site's subnets", "no sites")
    # the address of both is in the subnet of one site, then of another
    becomes("same_id", "both ends are at site 'hq'", "one site",
            site__hq={"subnets": "127.0.0.0/8"})
    becomes("same_id", "both ends are at bypass id 'b1'", "a bypass id",
            site__hq={"bypass_id": "b1"})
    # media somewhere else than signalling
    becomes("no_common_id", "the offer is at bypass id 'b1', its answerer at site 'far'",
            "another representative_media_ip", site__far={"subnets": "10.0.0.0/8"},
            gateway__gw1={"representative_media_ip": "10.1.1.1"})
    becomes("same_id", "both ends are at bypass id 'b1'", "sites that share the id",
            site__far={"bypass_id": "b1"})
    becomes("no_common_id", "its answerer at bypass id 'b2'", "sites that do not",
            site__far={"bypass_id": "b2"})
    # whatever the sites
    becomes("hairpin", "alternate_by_pass_id 'loop'", "hairpins",
            gateway__gw1={"alternate_by_pass_id": "loop"},
            gateway__pbx1={"alternate_by_pass_id": "loop"})
    becomes("no_common_id", "its answerer at bypass id 'b2'", "no hairpin",
            gateway__gw1={"alternate_by_pass_id": "other"})
    becomes("always", "bypass_mode always", "all reach each other",
            profile__global={"bypass_mode": "always"})
    becomes("no_mode", "bypass_mode never", "bypass is off",
            profile__global={"bypass_mode": "never"})
    becomes("no_profile", "enable_bypass no", "a profile without",
            profile__trunk_gw1={"enable_bypass": "no"},
            profile__global={"bypass_mode": "always"})
    # what cannot be is refused, with its reason, and changes nothing
    redis.hset("med:1:profile:trunk:gw1", enable_bypass="yes", concentrated_topology="no")
    redis.hset("med:1:profile:site:hq", bypass_mode="never")
    wait_for("both refusals", lambda: trunks.kamailio.rpc("mediation.status").count(
        "bypass") >= 2)
    told = trunks.kamailio.rpc("mediation.status")
    t.like(told, "'enable_bypass': yes needs concentrated_topology yes", "rule 1 of profiles")
    t.like(told, "'bypass_mode': is for all trunks; write it in profile 'global'",
           "the mode is one for all")
    redis.command("DEL", "med:1:profile:site:hq")
    redis.hset("med:1:profile:trunk:gw1", concentrated_topology="yes")
    redis.hset("med:1:gateway:gw1", representative_media_ip="127.0.0.1")
    redis.hset("med:1:profile:global", bypass_mode="by_site")
    wait_for("all of it", lambda: "media: bypass" in explained())

    # own users: where the phone is; its keys over UDP are nobody's
    redis.hset("med:1:policy:users", usages="all")
    wait_for("the policy", lambda: "total: 1" in trunks.kamailio.rpc("mediation.policies"))
    trunks.kamailio.rpc("htable.sets", "users", ALICE, PASSWORD)
    alice = Phone(t, ALICE, users, PASSWORD)
    t.equal(alice.register(), 200, "Alice registers")
    sent = alice.call("+10")
    got = trunks.gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.ok("127.0.0.2" not in got.body, "a user to a trunk: past us")
    trunks.gw1.reply(got, 200, "OK", sdp=sdp(31000))
    final = alice.expect("2xx", call_id=sent.get("Call-ID"))
    t.equal(final.body, sdp(31000), "its answer as well")
    alice.ack(sent, final)
    trunks.gw1.expect("ACK")
    alice.bye(sent, final)
    trunks.gw1.reply(trunks.gw1.expect("BYE"), 200, "OK")
    alice.expect(200, call_id=sent.get("Call-ID"))
    sent = trunks.call("pbx1", ALICE, sdp=sdp(30000))
    got = alice.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal(got.body, sdp(30000), "a trunk to a user: past us")
    alice.reply(got, 183, "Session Progress", sdp=sdp(32000), tag="a")
    early = trunks.pbx1.expect(183, call_id=sent.get("Call-ID"))
    t.equal(early.body, sdp(32000), "early media of one phone")
    alice.reply(got, 200, "OK", sdp=sdp(32000), tag="a")
    final = trunks.pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    trunks.pbx1.ack(sent, final)
    alice.expect("ACK", call_id=sent.get("Call-ID"))
    t.equal(engine.calls(), [], "without a session")
    trunks.pbx1.bye(sent, final)
    alice.reply(alice.expect("BYE", call_id=sent.get("Call-ID")), 200, "OK")
    trunks.pbx1.expect(200, call_id=sent.get("Call-ID"))
    sent = trunks.call("pbx1", ALICE, sdp=sdp(30000, "10.9.9.9"))
    got = alice.expect("INVITE", call_id=sent.get("Call-ID"))
    t.ok("127.0.0.2" in got.body, "an offer from elsewhere to a user: anchored")
    alice.reply(got, 486, "Busy Here")
    trunks.pbx1.expect(486, call_id=sent.get("Call-ID"))
    # two phones, one near and one whose contact is elsewhere, each with its own media
    far = Phone(t, ALICE, users, PASSWORD, host="127.0.0.3")
    redis.hset("med:1:site:other", subnets="127.0.0.3")
    wait_for("the site", lambda: "total: 3" in trunks.kamailio.rpc("mediation.sites"))
    t.equal(far.register(), 200, "a second phone of hers, at another site")
    sent = trunks.call("pbx1", ALICE, sdp=sdp(30000))
    got = alice.expect("INVITE", call_id=sent.get("Call-ID"))
    other = far.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal(("127.0.0.2" in got.body, "127.0.0.2" in other.body), (False, True),
            "each branch as its own place is")
    for phone, invite, tag, port, anchored in ((far, other, "b", 32002, True),
                                               (alice, got, "a", 32000, False)):
        phone.reply(invite, 183, "Session Progress", sdp=sdp(port), tag=tag)
        early = trunks.pbx1.expect(183, call_id=sent.get("Call-ID"))
        t.equal("127.0.0.2" in early.body, anchored, f"its 183 too (anchored: {anchored})")
    alice.reply(got, 486, "Busy Here", tag="a")
    far.reply(other, 200, "OK", sdp=sdp(32002), tag="b")
    final = trunks.pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    t.ok("127.0.0.2" in final.body, "the one that answers is anchored, and stays so")
    trunks.pbx1.ack(sent, final)
    trunks.pbx1.bye(sent, final)
    far.reply(far.expect("BYE", call_id=sent.get("Call-ID")), 200, "OK")
    trunks.pbx1.expect(200, call_id=sent.get("Call-ID"))
    t.equal((trunks.lines("kept back"), trunks.alarms()), ([], []), "nothing is kept back")
