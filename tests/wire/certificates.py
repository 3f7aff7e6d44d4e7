"""Certificates for the tests, made by openssl on the spot."""

import os
import subprocess

from ringhold import DOMAIN


class Authority:
    """One that the clients of a test trust."""

    def __init__(self, folder, name="authority"):
        self.folder = folder
        self.file = os.path.join(folder, name + ".pem")
        self._key = os.path.join(folder, name + ".key")
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                  "-keyout", self._key, "-out", self.file)

    def _run(self, *words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self.folder)

    def sign(self, name="tls", speaks_for=f"DNS:{DOMAIN}", days=90):
        """(certificate, key): files of a new certificate with this subjectAltName."""
        certificate, key = (os.path.join(self.folder, name + ending) for ending in (".pem", ".key"))
        request, extensions = (os.path.join(self.folder, name + ending) for ending in (".csr", ".ext"))
        self._run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                  "-keyout", key, "-out", request)
        with open(extensions, "w") as file:
            file.write(f"subjectAltName={speaks_for}\n")
        self._run("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-CAcreateserial", "-days", str(days),
                  "-extfile", extensions, "-out", certificate)
        return certificate, key
