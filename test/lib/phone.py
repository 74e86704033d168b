"""A telephone of an own user: registers, calls, and answers a digest each time.

    alice = Phone(t, "+4989555100", port, "secret")
    alice.register()
    sent = alice.call("00301234567")
"""

import hashlib
import re

from sip import SipPeer, sdp


def _digest(method, uri, challenge, user, password):
    """The header that answers a 401 or a 407 of Kamailio's."""
    asked = challenge.get("WWW-Authenticate") or challenge.get("Proxy-Authenticate")
    realm, nonce = (re.search(rf'{name}="([^"]+)"', asked)[1] for name in ("realm", "nonce"))

    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    answer = md5(f"{md5(f'{user}:{realm}:{password}')}:{nonce}:{md5(f'{method}:{uri}')}")
    name = "Authorization" if challenge.status == 401 else "Proxy-Authorization"
    return (f'{name}: Digest username="{user}", realm="{realm}", nonce="{nonce}", '
            f'uri="{uri}", response="{answer}", algorithm=MD5')


class Phone(SipPeer):
    """By UDP, to the port of own users (kamailio-cfg/users.cfg)."""

    def __init__(self, sandbox, number, port, password, host="127.0.0.1"):
        super().__init__(sandbox, user=number, host=host)
        self.number, self.password, self.registrar = number, password, ("127.0.0.1", port)

    def asked(self, method, uri, as_user=None, headers=(), **more):
        """The request with credentials; the one without them was sent before."""
        from_header = more.pop("from_header", f"<sip:{self.number}@127.0.0.1>;tag=t{self.port}")
        first = self.request(method, uri, self.registrar, from_header=from_header,
                             headers=headers, **more)
        challenge = self.expect("4xx", call_id=first.get("Call-ID"))
        if method == "INVITE":
            self.request("ACK", uri, self.registrar, from_header=from_header,
                         call_id=first.get("Call-ID"), to_header=challenge.get("To"))
        header = _digest(method, uri, challenge, as_user or self.number, self.password)
        return self.request(method, uri, self.registrar, from_header=from_header, cseq=2,
                            call_id=first.get("Call-ID"), headers=[*headers, header], **more)

    def register(self, number=None, **more):
        """The answer's status; as another where a number is given."""
        sent = self.asked("REGISTER", "sip:127.0.0.1", headers=["Expires: 600"],
                          to_header=f"<sip:{number or self.number}@127.0.0.1>", **more)
        return self.expect("final", call_id=sent.get("Call-ID")).status

    def call(self, number, **more):
        """The INVITE as sent."""
        return self.asked("INVITE", f"sip:{number}@127.0.0.1", sdp=sdp(30000), **more)
