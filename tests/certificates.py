"""An authority of one's own, and certificates that it signs, for tests with TLS."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PEM = serialization.Encoding.PEM


class Authority:
    """Signs for whom it is asked to. `file` has its own certificate, for those who trust it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key, self._name = folder, ec.generate_private_key(ec.SECP256R1()), _named("authority")
        own = self._signed(self._name, self._key.public_key(), timedelta(days=1))
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(_PEM))

    def certificate(self, *names: str, ends_in: timedelta = timedelta(days=1)) -> Path:
        """A file with a key and, after it, the certificate that it is who those names and addresses are of."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = self._signed(_named(names[0]), key.public_key(), ends_in)
        signed = signed.add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        bare = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file = self._folder / f"{x509.random_serial_number()}.pem"
        file.write_bytes(bare + signed.sign(self._key, hashes.SHA256()).public_bytes(_PEM))
        return file

    def _signed(self, whose: x509.Name, key: ec.EllipticCurvePublicKey, ends_in: timedelta) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder(self._name, whose, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + ends_in)
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternatives(names: Sequence[str]) -> list[x509.GeneralName]:
    return [x509.IPAddress(ip_address(each)) if each[0].isdigit() else x509.DNSName(each) for each in names]
