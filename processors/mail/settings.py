"""How mail leaves the desk; by environment, checked at start."""

from email.utils import parseaddr
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from eventstore.settings import Checked


class MailSettings(Checked):
    """Every field is the environment variable LEDGERDESK_<FIELD>. Without `smtp_host` no mail is sent."""

    model_config = SettingsConfigDict(env_prefix="LEDGERDESK_", env_ignore_empty=True, extra="ignore", frozen=True)

    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_timeout: float = Field(default=30.0, gt=0, le=300, description="For each answer of the server, in seconds.")
    mail_from: str = "Ledgerdesk <ledgerdesk@localhost>"
    public_url: str | None = Field(default=None, description="Where people reach the desk; mails link to it.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """A sender has an address; who signs in has a password, and says it to nobody in clear."""
        if "@" not in parseaddr(self.mail_from)[1] or "\n" in self.mail_from:
            raise ValueError("LEDGERDESK_MAIL_FROM must be an address like Support <support@example.com>")
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("LEDGERDESK_SMTP_USER and LEDGERDESK_SMTP_PASSWORD belong together")
        if self.smtp_user is not None and self.smtp_security == "none":
            raise ValueError("LEDGERDESK_SMTP_SECURITY=none would send the password in clear; use starttls or tls")
        return self

    @property
    def domain(self) -> str:
        """What follows the @ in ids of messages."""
        return parseaddr(self.mail_from)[1].rpartition("@")[2]
