"""What an operator may set about the API alone."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from eventstore.settings import Checked


class ApiSettings(Checked):
    """Every field is the environment variable LEDGERDESK_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="LEDGERDESK_", env_ignore_empty=True, extra="ignore", frozen=True)

    rate_limit: int = Field(default=6000, ge=0, description="Requests a minute for each key or session; 0 is no limit.")
    anonymous_rate_limit: int = Field(default=120, ge=0, description="The same for each address without credentials.")
    body_limit: int = Field(default=1 << 20, ge=1024, description="Largest request body, in bytes.")
    session_days: float = Field(default=14.0, gt=0, le=365)
    readers: int = Field(
        default=6, ge=1, le=100, description="Queries at a time in each API process, and searches beside them."
    )
