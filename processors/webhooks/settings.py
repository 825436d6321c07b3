"""Where webhooks may go; by environment, checked at start."""

import ipaddress

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from eventstore.settings import Checked

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class WebhookSettings(Checked):
    """Every field is the environment variable LEDGERDESK_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="LEDGERDESK_", env_ignore_empty=True, extra="ignore", frozen=True)

    webhook_allow: str = Field(default="", description="Networks that are not public and may be called all the same.")
    webhook_timeout: float = Field(default=15.0, gt=0, le=60, description="For the whole of an attempt, in seconds.")

    @field_validator("webhook_allow")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        try:
            networks(text)
        except ValueError:
            raise ValueError("must be networks like 10.1.0.0/16, 127.0.0.1, fd00::/8, with commas between") from None
        return text

    @property
    def allowed(self) -> list[Network]:
        """The networks that may be called though they are not public."""
        return networks(self.webhook_allow)


def networks(text: str) -> list[Network]:
    """Networks as they are written with commas between; ValueError where one is none."""
    return [ipaddress.ip_network(each.strip()) for each in text.split(",") if each.strip()]
