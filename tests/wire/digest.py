"""A phone that answers digest challenges (RFC 7616, RFC 8760), over UDP."""

import hashlib
import re

from peers import Raw
from ringhold import DOMAIN

HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


def hashed(algorithm, text):
    return hashlib.new(HASHES[algorithm], text.encode()).hexdigest()


class Challenged:
    """An answer: its status, and its challenges by algorithm, in their order."""

    def __init__(self, text):
        self.text = text
        self.status = int(text.split(" ", 2)[1])
        self.reason = text.split("\r\n", 1)[0].split(" ", 2)[2]
        self.nonces = {}
        self.stale = "stale=true" in text
        for line in re.findall(r"^(?:WWW|Proxy)-Authenticate: Digest (.*)$", text.replace("\r", ""), flags=re.M):
            values = dict(re.findall(r'(\w+)="?([^",]*)', line))
            self.nonces[values["algorithm"]] = values["nonce"]

    def shape(self, phone):
        """What a guesser could tell answers apart by: all but what the phone said itself, and what is drawn anew each time."""
        text = self.text.replace(str(phone.port), "PORT").replace(phone.user, "USER")
        return re.sub(r"(nonce=\"|tag=)[^\";\r\n]*", r"\1", text)


class DigestPhone(Raw):
    def __init__(self, ringhold, user, password="secret"):
        super().__init__(ringhold.sip())
        self.user, self.password = user, password
        self.cseq = 0
        self.port = self.socket.getsockname()[1]

    def request(self, method, uri, more="", to=None, branch=None):
        self.cseq += 1
        text = (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{branch or self.cseq}{self.port};rport\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:{self.user}@{DOMAIN}>;tag=1\r\nTo: <sip:{to or self.user}@{DOMAIN}>\r\n"
                f"Call-ID: {self.user}{self.port}\r\nCSeq: {self.cseq} {method}\r\n{more}Content-Length: 0\r\n\r\n")
        return Challenged(self.exchange(text.encode()).decode())

    def register(self, credentials="", **options):
        return self.request("REGISTER", f"sip:{DOMAIN}", f"Contact: <sip:{self.user}@127.0.0.1:{self.port}>;expires=60\r\n{credentials}", **options)

    def credentials(self, nonce, algorithm="MD5", count=1, method="REGISTER", uri=f"sip:{DOMAIN}", header="Authorization"):
        ha1 = hashed(algorithm, f"{self.user}:{DOMAIN}:{self.password}")
        ha2 = hashed(algorithm, f"{method}:{uri}")
        response = hashed(algorithm, f"{ha1}:{nonce}:{count:08x}:cn:auth:{ha2}")
        return (f'{header}: Digest username="{self.user}", realm="{DOMAIN}", nonce="{nonce}", uri="{uri}", response="{response}", '
                f'algorithm={algorithm}, cnonce="cn", qop=auth, nc={count:08x}\r\n')
