#!/usr/bin/python3
"""The example of gateways at sites and a central one: nearest first, the centre stands in."""

from case import Case
from example import Example, user

CENTRE = ("frankfurt1", "frankfurt2")

with Case(plan=23) as t:
    e = Example(t, "sites-and-centre")
    e.check(t)

    # Nearest to the destination, as a local call there.
    called, calling, _, _ = e.taken("pbx-munich", "00301234567", "berlin", "3001")
    t.equal((called, calling), ("1234567", "08955503001"), "Munich calls Berlin: a local call there")
    called, calling, _, _ = e.taken("pbx-berlin", "00891234567", "munich", "2001")
    t.equal((called, calling), ("1234567", "03077702001"), "and the other way round")
    called, _, _, _ = e.taken("pbx-munich", "01234567", "munich", "3001")
    t.equal(called, "1234567", "Munich calls Munich")

    def by_the_centre(caller, number, calling):
        """Who gets it, and with which number; the call is answered and ended there."""
        sent = e.call(caller, number, calling, sdp=e.bodies(caller)[0])
        gateway, got = e.whoever("INVITE", sent.get("Call-ID"))
        e.peers[gateway].reply(got, 486, "Busy Here")
        e.peers[caller].expect(486, call_id=sent.get("Call-ID"))
        return gateway in CENTRE, user(got.uri)

    t.equal(by_the_centre("pbx-berlin", "00401234567", "2001"), (True, "0401234567"),
            "Hamburg has no gateway: the centre's")
    t.equal(by_the_centre("pbx-berlin", "000442071234567", "2001"), (True, "00442071234567"),
            "abroad: the centre's")

    # From outside, to the telephones of either site.
    called, calling, _, _ = e.taken("berlin", "77702001", "pbx-berlin", "1234567")
    t.equal((called, calling), ("2001", "00301234567"), "Berlin calls its telephones")
    called, calling, _, _ = e.taken("frankfurt2", "08955503001", "pbx-munich", "0401234567")
    t.equal((called, calling), ("3001", "00401234567"), "the centre calls Munich's")
    t.equal(e.refused("berlin", "0891234567").status, 404, "none goes on to the PSTN")

    # A gateway that does not take the call, and one that is gone.
    sent, got = e.reaches("pbx-munich", "00301234567", "berlin", status=503, calling="3001")
    gateway, got = e.whoever("INVITE", sent.get("Call-ID"))
    t.equal((gateway in CENTRE, user(got.uri)), (True, "0301234567"),
            "503 of Berlin: the centre, with the number as it wants it")
    e.peers[gateway].reply(got, 486, "Busy Here")
    t.equal(e.peers["pbx-munich"].expect(486, call_id=sent.get("Call-ID")).status, 486,
            "whose answer the caller gets")
    e.berlin.close()
    t.equal(by_the_centre("pbx-munich", "00301234567", "3001"), (True, "0301234567"),
            "Berlin is gone: the centre")
    e.change("trunk:munich", enabled="no")
    t.equal(by_the_centre("pbx-berlin", "00891234567", "2001"), (True, "0891234567"),
            "Munich is out of service: the centre")
    e.change("trunk:munich", enabled="yes")

    # Emergencies: nearest to the caller, then the centre; any at all.
    _, got = e.reaches("pbx-munich", "0112", "munich", calling="3001")
    t.equal(user(got.uri), "112", "of Munich: Munich's gateway")
    sent = got.get("Call-ID")
    tried = []
    for _ in CENTRE:
        gateway, got = e.whoever("INVITE", sent)
        tried.append(gateway)
        e.peers[gateway].reply(got, 503, "Service Unavailable")
    t.equal(sorted(tried), list(CENTRE), "which does not take it: the centre's, one after the other")
    e.peers["pbx-munich"].expect("final", call_id=sent)
    sent = e.call("pbx-berlin", "110", "2001", sdp=e.bodies("pbx-berlin")[0])
    gateway, got = e.whoever("INVITE", sent.get("Call-ID"))
    t.equal((gateway in CENTRE, user(got.uri)), (True, "110"), "of Berlin, whose gateway is gone")
    e.peers[gateway].reply(got, 200, "OK", sdp=e.bodies(gateway)[0])
    answer = e.peers["pbx-berlin"].expect("final", call_id=sent.get("Call-ID"))
    t.equal(answer.status, 200, "and it is answered")
    e.peers["pbx-berlin"].ack(sent, answer)

    # One more site, as the page has it.
    t.equal(by_the_centre("pbx-berlin", "0022112345", "2001")[0], True, "Cologne: by the centre")
    e.redis.hset("med:1:gateway:cologne", address="127.0.0.11", source="127.0.0.99")
    e.redis.hset("med:1:trunk:cologne", transport="tcp", port=e.frankfurt1.port,
                 local_port=e.local["frankfurt1"])
    e.redis.hset("med:1:profile:trunk:cologne", srtp_mode="not_supported",
                 outbound_translation_rules="to-national")
    e.change("route:cologne", pattern=r"^\+49221[1-9]\d+$", usages="pstn", trunks="cologne")
    sent, got = e.reaches("pbx-berlin", "0022112345", "frankfurt1", calling="2001")
    t.equal(user(got.uri), "022112345", "with its own gateway, live")
    t.equal(e.kamailio.rpc("mediation.explain", "pbx-berlin", "-", "0022112345").count(
        "route 'cologne'"), 1, "explain says so")
    e.peers["pbx-berlin"].expect("final", call_id=sent.get("Call-ID"))
    t.equal(e.alarms(), [], "nothing critical was logged")
