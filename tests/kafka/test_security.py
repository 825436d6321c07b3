"""A broker that demands TLS and a password."""

import pytest
from kafka.errors import KafkaError

from domain.errors import LedgerdeskError
from eventstore.settings import SettingsError
from processors.stream import topics
from processors.stream.settings import KafkaSettings
from tests.certificates import Authority
from tests.kafka.brokers import brokers
from tests.kafka.publishing import position_published, settings_of

PASSWORD = "a long password"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Who the clients trust."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def strict(authority):
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
        "ssl.keystore.location": str(authority.certificate("127.0.0.1")),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
    }
    security = given(authority.file, servers="127.0.0.1:1")._security()
    with brokers() as make:
        yield make(demands, security).servers


def given(ca, servers, **more):
    wanted = {"kafka_security": "sasl_tls", "kafka_sasl": "PLAIN", "kafka_user": "desk", "kafka_password": PASSWORD}
    return settings_of(servers, **{**wanted, "kafka_ca_file": ca, "kafka_deadline": 5, **more})


def test_who_signs_in_publishes(strict, authority):
    settings = given(authority.file, strict, kafka_deadline=60)
    topics.ensure(settings)
    assert position_published(settings, 12) == 12


@pytest.mark.parametrize(
    "wrong", [{"kafka_password": "guessed"}, {"kafka_ca_file": None}, {"kafka_security": "plaintext"}], ids=str
)
def test_nobody_else_does(strict, authority, wrong):
    settings = given(authority.file, strict, **wrong)
    with pytest.raises((KafkaError, LedgerdeskError)):
        topics.ensure(settings)


def test_settings_that_do_not_go_together_are_refused(monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    monkeypatch.setenv("LEDGERDESK_KAFKA_SECURITY", "sasl_tls")
    with pytest.raises(SettingsError, match="LEDGERDESK_KAFKA_PASSWORD"):
        KafkaSettings.load()
