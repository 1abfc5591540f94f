"""Makes the certificates beside it, with python3-cryptography: `python3 make.py`. Tests only read them.

The keys behind a pass phrase are `client.key`, by `openssl pkcs8 -topk8 -passout "pass:open sesame"` and `-v2 aes-256-cbc`
(`encrypted.key`; `slow.key` with `-iter 1000001`) or `-scrypt` (`scrypt.key`; `heavy.key` with `-scrypt_N 16384
-scrypt_r 8 -scrypt_p 127`; those with a letter and a number in their name have that parameter in place of it, by hand);
`traditional.key` by `openssl ec -aes256`.
"""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

START = datetime.datetime(2020, 1, 1)
END = datetime.datetime(2120, 1, 1)


def write(name, certificate, key=None):
    with open(name + ".pem", "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    if key:
        with open(name + ".key", "wb") as file:
            file.write(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )


def make(name, issuer=None, start=START, end=END, is_authority=False, hosts=()):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_name, issuer_key = issuer or (subject, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(is_authority, None), True)
    )
    if hosts:
        names = [
            x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
            for host in hosts
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    return builder.sign(issuer_key, hashes.SHA256()), key, subject


authority, authority_key, authority_name = make("Test Authority", is_authority=True)
by_authority = (authority_name, authority_key)
write("authority", authority)
www = ["www.example.org", "127.0.0.1"]
server, key, _ = make("server", by_authority, hosts=www)
write("server", server, key)
old, key, _ = make("old", by_authority, end=datetime.datetime(2021, 1, 1), hosts=www)
write("old", old, key)
alone, key, _ = make("alone", is_authority=True, hosts=www)
write("alone", alone, key)
client, key, _ = make("client", by_authority)
write("client", client, key)
