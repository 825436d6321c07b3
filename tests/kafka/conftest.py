"""Topics of one's own on the shared broker."""

import pytest

from processors.stream.settings import KafkaSettings
from tests.kafka.publishing import settings_of


@pytest.fixture
def settings(kafka) -> KafkaSettings:
    """Of topics that no other test uses."""
    return settings_of(kafka)
