"""A certificate authority for tests, and a webhook receiver with a certificate of it."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Issues certificates; `bundle` has the authorities to trust, with those of the machine."""

    def __init__(self, folder: Path, system_bundle: str | None = None) -> None:
        self.folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = self._builder(self._name, self._key).add_extension(usage, critical=True)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        root = builder.sign(self._key, hashes.SHA256())
        self.bundle = folder / "bundle.pem"
        system = Path(system_bundle).read_bytes() if system_bundle else b""
        self.bundle.write_bytes(system + root.public_bytes(serialization.Encoding.PEM))

    def certificate(self, host: str) -> Path:
        """Return a file with a certificate for the host and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(x509.Name([]), key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=True
        )
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        leaf = builder.add_extension(issuer, critical=False).sign(self._key, hashes.SHA256())
        path = self.folder / f"{host}.pem"
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(leaf.public_bytes(pem) + private)
        return path

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )


@dataclass
class Receiver:
    """The received requests, and the statuses to answer with, in order; 204 after them."""

    port: int = 0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    """Path, headers, body."""
    answers: list[int] = field(default_factory=list)
    informational: list[int] = field(default_factory=list)
    """Statuses of the responses that go before each final one."""
    drips: bool = False
    """Whether the first line of the response never ends."""
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def receiver(certificate: Path) -> Iterator[Receiver]:
    """Run a receiver on a free port of 127.0.0.1."""
    here = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            here.requests.append((self.path, dict(self.headers.items()), body))
            while here.drips and not here.ended.wait(0.02):
                self.wfile.write(b"H")
            for status in here.informational:
                self.send_response_only(status)
                self.send_header("link", "</style.css>; rel=preload")
                self.end_headers()
            self.send_response(here.answers.pop(0) if here.answers else 204)
            self.send_header("location", f"https://localhost:{here.port}/elsewhere")
            self.send_header("content-length", "1000000000")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # some tests are about a caller that hangs up

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        here.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield here
        finally:
            here.ended.set()
            server.shutdown()
            thread.join()
