"""A certificate authority of one's own, and what it signs: with openssl, EC keys."""

import os
import subprocess

from sandbox import Failure


class Authority:
    def __init__(self, folder, name="ca"):
        self.dir = folder
        os.makedirs(folder, exist_ok=True)
        self.cert, self.key = self._path(name, "crt"), self._path(name, "key")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-days", "2", "-subj", f"/CN=test authority {name}",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign",  # Python 3.13 asks for it
                 "-keyout", self.key, "-out", self.cert)

    def issue(self, name, dns=(), cn=None, days=1):
        """A certificate for `cn` with these DNS SANs (none: no SAN at all)."""
        cert, key, request = (self._path(name, end) for end in ("crt", "key", "csr"))
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-subj", f"/CN={cn or name}", "-keyout", key, "-out", request)
        extensions = self._path(name, "ext")
        with open(extensions, "w", encoding="utf-8") as file:
            file.write("basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n"
                       "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
            if dns:
                file.write("subjectAltName=" + ",".join(f"DNS:{d}" for d in dns) + "\n")
        _openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                 "-CAcreateserial", "-days", str(days), "-extfile", extensions, "-out", cert)
        return Certificate(cert, key, self.cert)

    def _path(self, name, end):
        return os.path.join(self.dir, f"{name}.{end}")


class Certificate:
    def __init__(self, cert, key, ca):
        self.cert, self.key, self.ca = cert, key, ca

    def bundle(self):
        """Key and certificate in one file, as baresip wants them."""
        path = os.path.splitext(self.cert)[0] + ".pem"
        with open(path, "w", encoding="utf-8") as out:
            for part in (self.key, self.cert):
                with open(part, encoding="utf-8") as file:
                    out.write(file.read())
        return path


def _openssl(*words):
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"openssl {words[0]}: {done.stderr.strip()}")
