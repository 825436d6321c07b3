"""A broker that demands TLS and a password."""

import datetime
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kafka.errors import KafkaError

from domain.errors import LedgerdeskError
from eventstore.settings import SettingsError
from processors.stream import topics
from processors.stream.producer import Producer
from processors.stream.settings import KafkaSettings
from tests.kafka.publishing import settings_of

PASSWORD = "a long password"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of 127.0.0.1 that signs itself, and its key before it in one file."""
    folder = tmp_path_factory.mktemp("certificates")
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    bare = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(bare + signed.public_bytes(pem))
    (folder / "ca.pem").write_bytes(signed.public_bytes(pem))
    return folder


@pytest.fixture(scope="module")
def strict(make_broker, certificate):
    """The broker, as settings that reach it."""
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    known = f'{login} username="desk" password="{PASSWORD}" user_desk="{PASSWORD}";'
    demands = {
        "listeners": "SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "SASL_SSL",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": known,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificate / "both.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificate / "ca.pem"),
    }
    security = given(certificate / "ca.pem", servers="127.0.0.1:1")._security()
    return make_broker(demands, security).servers


def given(ca, servers, **more):
    wanted = {"kafka_security": "sasl_tls", "kafka_sasl": "PLAIN", "kafka_user": "desk", "kafka_password": PASSWORD}
    return settings_of(servers, **{**wanted, "kafka_ca_file": ca, "kafka_deadline": 5, **more})


def test_who_signs_in_publishes(strict, certificate):
    settings = given(certificate / "ca.pem", strict)
    topics.ensure(settings)
    producer = Producer(settings, "desk.publisher")
    try:
        producer.begin()
        producer.publish([(settings.positions, [topics.positioned(settings.events, 12)])])
    finally:
        producer.discard()
    assert topics.position(settings, settings.events) == 12


@pytest.mark.parametrize(
    "wrong", [{"kafka_password": "guessed"}, {"kafka_ca_file": None}, {"kafka_security": "plaintext"}], ids=str
)
def test_nobody_else_does(strict, certificate, wrong):
    settings = given(certificate / "ca.pem", strict, **wrong)
    with pytest.raises((KafkaError, LedgerdeskError)):
        topics.ensure(settings)


def test_settings_that_do_not_go_together_are_refused(monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    monkeypatch.setenv("LEDGERDESK_KAFKA_SECURITY", "sasl_tls")
    with pytest.raises(SettingsError, match="LEDGERDESK_KAFKA_PASSWORD"):
        KafkaSettings.load()
