"""Certificates of servers on this machine, each its own authority."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from local.ports import HOST


def write(folder: Path, *names: str) -> Path:
    """Return a file with a new certificate of 127.0.0.1 and of some names, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    known = (*names, HOST)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, known[0])])
    alternatives = [*(x509.DNSName(each) for each in known), x509.IPAddress(ip_address(HOST))]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path
