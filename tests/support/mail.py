"""A real mail server that keeps what it is given."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flows.core.settings import Mail

LOGIN = ("courier", "the-right-password")


@dataclass(frozen=True)
class Letter:
    """A mail as it arrived."""

    receivers: tuple[str, ...]
    mail: EmailMessage
    raw: bytes

    def part(self, kind: str) -> str:
        """The words of its `plain` or `html` part."""
        part = self.mail.get_body((kind,))
        assert part is not None, f"no {kind} part"
        return str(part.get_content()).replace("\r\n", "\n")


@dataclass
class Sink:
    """What arrived, and what is refused."""

    letters: list[Letter] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    port: int = 0

    def settings(self) -> Mail:
        """How it is reached."""
        return Mail(host="127.0.0.1", port=self.port, sender="Courier <courier@lab.example>", timeout=10)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take or refuse a receiver."""
        if address in self.refused:
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail."""
        raw = envelope.original_content or b""
        self.letters.append(Letter(tuple(envelope.rcpt_tos), message_from_bytes(raw, policy=policy.default), raw))
        return "250 OK"


class _OnAFreePort(Controller):  # type: ignore[misc]
    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def _authenticated(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == tuple(word.encode() for word in LOGIN)
    return AuthResult(success=right, handled=False)


def _running(**options: object) -> Iterator[Sink]:
    sink = Sink()
    server = _OnAFreePort(sink, hostname="127.0.0.1", port=0, enable_SMTPUTF8=True, **options)
    server.start()
    sink.port = server.port
    yield sink
    server.stop()


@pytest.fixture
def mail_sink() -> Iterator[Sink]:
    """A mail server that takes mail from anybody."""
    yield from _running()


@pytest.fixture
def mail_sink_with_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """A mail server that wants STARTTLS and `LOGIN` first, with a certificate that is trusted during the test."""
    certificate = _self_signed(tmp_path / "server.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    encryption = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    encryption.load_cert_chain(certificate)
    yield from _running(tls_context=encryption, require_starttls=True, authenticator=_authenticated, auth_required=True)


def _self_signed(path: Path) -> Path:
    """Write key and certificate of 127.0.0.1 into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path
