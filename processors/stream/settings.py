"""Where Kafka is and how to sign in; by environment, checked at start."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from eventstore.settings import Checked

# A broker that comes back is found again within half a second, not within the library's half minute.
SOON = {"reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 500}


class KafkaSettings(Checked):
    """Every field is the environment variable LEDGERDESK_<FIELD>, but for KAFKA_BOOTSTRAP_SERVERS. Without that, no Kafka."""

    model_config = SettingsConfigDict(env_prefix="LEDGERDESK_", env_ignore_empty=True, extra="ignore", frozen=True)

    servers: str | None = Field(default=None, validation_alias="KAFKA_BOOTSTRAP_SERVERS")
    kafka_security: Literal["plaintext", "tls", "sasl_plaintext", "sasl_tls"] = "plaintext"
    kafka_ca_file: Path | None = Field(default=None, description="Who signed the brokers' certificates.")
    kafka_cert_file: Path | None = Field(default=None, description="Our own certificate, where brokers ask for one.")
    kafka_key_file: Path | None = None
    kafka_sasl: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_user: str | None = None
    kafka_password: SecretStr | None = None
    kafka_topics: str = Field(
        default="ledgerdesk", pattern=r"^[a-zA-Z0-9._-]{1,100}$", description="What our topics begin with."
    )
    kafka_partitions: int = Field(default=12, ge=1, le=1000, description="Of the topics that we make.")
    kafka_deadline: float = Field(default=30.0, ge=1, le=600, description="For each transaction, in seconds.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Who signs in has a password, and a certificate has its key."""
        if self.kafka_security.startswith("sasl") and not (self.kafka_user and self.kafka_password):
            raise ValueError("LEDGERDESK_KAFKA_USER and LEDGERDESK_KAFKA_PASSWORD are needed to sign in by SASL")
        if (self.kafka_cert_file is None) != (self.kafka_key_file is None):
            raise ValueError("LEDGERDESK_KAFKA_CERT_FILE and LEDGERDESK_KAFKA_KEY_FILE belong together")
        return self

    @property
    def events(self) -> str:
        """The topic of all events."""
        return f"{self.kafka_topics}.events"

    @property
    def tickets(self) -> str:
        """The compacted topic of tickets as they are now."""
        return f"{self.kafka_topics}.tickets"

    @property
    def positions(self) -> str:
        """The compacted topic of how far each topic is."""
        return f"{self.kafka_topics}.positions"

    @property
    def milliseconds(self) -> int:
        """The deadline as clients of Kafka take it."""
        return int(self.kafka_deadline * 1000)

    def client(self) -> dict[str, Any]:
        """What every client of kafka-python is made with."""
        return {
            "bootstrap_servers": (self.servers or "").split(","),
            "client_id": "ledgerdesk",
            **SOON,
            **self._security(),
        }

    def _security(self) -> dict[str, Any]:
        protocol = {"plaintext": "PLAINTEXT", "tls": "SSL", "sasl_plaintext": "SASL_PLAINTEXT", "sasl_tls": "SASL_SSL"}
        found: dict[str, Any] = {"security_protocol": protocol[self.kafka_security]}
        if self.kafka_security.endswith("tls"):
            files = {
                "ssl_cafile": self.kafka_ca_file,
                "ssl_certfile": self.kafka_cert_file,
                "ssl_keyfile": self.kafka_key_file,
            }
            found |= {name: str(path) for name, path in files.items() if path is not None}
        if self.kafka_security.startswith("sasl") and self.kafka_password is not None:
            found |= {"sasl_mechanism": self.kafka_sasl, "sasl_plain_username": self.kafka_user}
            found["sasl_plain_password"] = self.kafka_password.get_secret_value()
        return found
