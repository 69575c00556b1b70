"""Certificates: good ones by sallyport-pki, the rest (what it rightly refuses to make) by openssl."""
import dataclasses
import json
import pathlib

from .netns import run


@dataclasses.dataclass(frozen=True)
class Cert:
    certificate: pathlib.Path
    key: pathlib.Path
    ca: pathlib.Path
    crl: pathlib.Path = None

    def settings(self):
        return {k: v for k, v in dataclasses.asdict(self).items() if v is not None}


class Pki:
    """A CA directory of sallyport-pki."""

    def __init__(self, program, directory, network):
        self.program, self.dir, self.network = program, directory, network
        self._made = {}
        self.run("init", network, "--no-pass")

    def run(self, *args):
        return run(self.program, "--json", "--quiet", "--dir", self.dir, *args)

    def _cert(self, kind, name, *args):
        if (kind, name) not in self._made:
            made = json.loads(self.run(kind, name, *args).stdout)
            self._made[kind, name] = Cert(*(pathlib.Path(made[k]) for k in ("certificate", "key", "ca")))
        return self._made[kind, name]

    def server(self, name, dns=(), ip=()):
        return self._cert("server", name, *[a for d in dns for a in ("--dns", d)], *[a for i in ip for a in ("--ip", i)])

    def client(self, name):
        return self._cert("client", name)


CONFIG = """
[ca]
default_ca = this
[this]
dir = {dir}
database = {dir}/index.txt
new_certs_dir = {dir}
certificate = {dir}/ca.crt
private_key = {dir}/ca.key
crlnumber = {dir}/crlnumber
default_md = sha256
rand_serial = yes
unique_subject = no
policy = any
default_crl_days = 30
default_days = 30
x509_extensions = ext
crl_extensions = crl_ext
[any]
commonName = optional
[crl_ext]
authorityKeyIdentifier = keyid
[req]
distinguished_name = dn
prompt = no
[dn]
CN = {cn}
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""

# Extensions of a leaf that is in order; None in issue(**changes) leaves one out.
LEAF = {
    "basicConstraints": "CA:false",
    "keyUsage": "critical, digitalSignature",
    "subjectKeyIdentifier": "hash",
    "authorityKeyIdentifier": "keyid",
}


class OpensslCa:
    """A CA that signs anything."""

    def __init__(self, directory, network, cn="Test CA"):
        self.dir, self.network = pathlib.Path(directory), network
        self.dir.mkdir()
        self.conf = self.dir / "openssl.cnf"
        self.conf.write_text(CONFIG.format(dir=self.dir, cn=cn))
        (self.dir / "index.txt").touch()
        (self.dir / "crlnumber").write_text("01\n")
        self.key = self._key("ca")
        self.ca = self.dir / "ca.crt"
        run("openssl", "req", "-x509", "-new", "-config", self.conf, "-extensions", "root", "-key", self.key,
            "-days", 30, "-out", self.ca)

    def _key(self, label, algorithm=("EC", "ec_paramgen_curve:P-256")):
        path = self.dir / f"{label}.key"
        run("openssl", "genpkey", "-algorithm", algorithm[0], *(["-pkeyopt", algorithm[1]] if algorithm[1] else []),
            "-out", path)
        path.chmod(0o600)
        return path

    def uri(self, role, name):
        return f"spiffe://{self.network}/{role}/{name}"

    def issue(self, label, role="client", san=None, eku=None, start=None, end=None, algorithm=None, md=None,
              **extensions):
        """A leaf for role/label with LEAF's extensions, except where told otherwise."""
        key = self._key(label, *([algorithm] if algorithm else []))
        crt, csr, ext = (self.dir / f"{label}.{e}" for e in ("crt", "csr", "ext"))
        eku = {"client": "clientAuth", "server": "serverAuth"}[role] if eku is None else eku
        san = f"URI:{self.uri(role, label)}" if san is None else san
        wanted = {**LEAF, "extendedKeyUsage": eku or None, "subjectAltName": san or None, **extensions}
        ext.write_text("[ext]\n" + "".join(f"{k} = {v}\n" for k, v in wanted.items() if v))
        run("openssl", "req", "-new", "-config", self.conf, "-subj", f"/CN={label}", "-key", key, "-out", csr)
        dates = (["-startdate", start] if start else []) + (["-enddate", end] if end else [])
        run("openssl", "ca", "-batch", "-notext", "-config", self.conf, "-in", csr, "-out", crt, "-extfile", ext,
            "-extensions", "ext", *dates, *(["-md", md] if md else []))
        return Cert(crt, key, self.ca)

    def server(self, label="gateway", dns=("gateway.test",), ip=("192.0.2.1", "2001:db8::1"), **changes):
        names = "".join(f", DNS:{d}" for d in dns) + "".join(f", IP:{i}" for i in ip)
        return self.issue(label, "server", san=f"URI:{self.uri('server', label)}{names}", **changes)

    def self_signed(self, label, role="client"):
        key, crt = self._key(label), self.dir / f"{label}.crt"
        eku = {"client": "clientAuth", "server": "serverAuth"}[role]
        run("openssl", "req", "-x509", "-new", "-config", self.conf, "-subj", f"/CN={label}", "-key", key, "-days", 30,
            "-out", crt, "-addext", f"subjectAltName=URI:{self.uri(role, label)}",
            "-addext", f"extendedKeyUsage={eku}")
        return Cert(crt, key, self.ca)

    def revoke(self, cert):
        run("openssl", "ca", "-config", self.conf, "-revoke", cert.certificate)

    def crl(self, *options):
        path = self.dir / "ca.crl"
        run("openssl", "ca", "-config", self.conf, "-gencrl", "-out", path, *options)
        return path
