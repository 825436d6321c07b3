"""docker-compose.yml says what the settings and the images really understand."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.broker.jars import POM
from cli.broker.server import SETTINGS as SETTINGS_OF_TESTS
from eventstore.settings import Settings
from processors.stream.settings import KafkaSettings
from processors.webhooks.settings import WebhookSettings

ROOT = Path(__file__).parents[2]
OURS = ("migrate", "api", "worker")
SETTINGS = {"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"} | {
    f"LEDGERDESK_{name.upper()}" for kind in (Settings, KafkaSettings, WebhookSettings) for name in kind.model_fields
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def test_it_has_the_parts_of_the_service(services):
    assert services.keys() == {"postgres", "kafka", *OURS}


def test_every_image_is_pinned(services):
    images = [service["image"] for service in services.values()]
    images += re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [image for image in images if not re.search(r":\d+\.\d+", image)] == []


def test_postgres_is_18_and_keeps_its_data_where_that_image_does(services):
    assert services["postgres"]["image"].startswith("postgres:18.")
    assert services["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]


def test_kafka_runs_without_zookeeper(services):
    environment = services["kafka"]["environment"]
    assert environment["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert "ZOOKEEPER" not in str(environment).upper()


def test_kafka_is_the_release_and_one_node_as_the_tests_have_it(services):
    (release,) = re.findall(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([\d.]+)<", POM.read_text())
    assert services["kafka"]["image"] == f"apache/kafka:{release}"
    environment = services["kafka"]["environment"].items()
    theirs = {name.removeprefix("KAFKA_").lower().replace("_", "."): str(value) for name, value in environment}
    both = theirs.keys() & SETTINGS_OF_TESTS.keys()
    assert len(both) > 5
    assert {name: theirs[name] for name in both} == {name: SETTINGS_OF_TESTS[name] for name in both}


@pytest.mark.parametrize("name", OURS)
def test_our_services_set_only_settings_that_exist(services, name):
    assert services[name]["environment"].keys() <= SETTINGS


@pytest.mark.parametrize("name", OURS)
def test_our_services_run_commands_that_exist(services, name):
    from cli.main import COMMANDS

    assert services[name]["command"][0] in COMMANDS


@pytest.mark.parametrize("name", OURS)
def test_our_services_have_no_more_rights_than_they_need(services, name):
    service = services[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def test_what_waits_waits_for_a_condition_that_can_come_true(services):
    for service in services.values():
        for other, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in services[other]
            else:
                assert wait["condition"] == "service_completed_successfully"
                assert services[other]["restart"] == "on-failure"


def test_the_tables_are_there_before_anything_uses_them(services):
    assert services["migrate"]["depends_on"].keys() == {"postgres"}
    assert all("migrate" in services[name]["depends_on"] for name in ("api", "worker"))


def test_secrets_come_from_the_environment_and_have_no_default(services):
    for service in services.values():
        for name, value in service["environment"].items():
            if re.search("PASSWORD|MASTER_KEY|DATABASE_URL", name):
                assert re.search(r"\$\{[A-Z_]+:\?[^}]+\}", value), name


def test_the_image_runs_as_an_ordinary_user_from_the_lock_with_hashes():
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER (?!root)\w+$", text, re.MULTILINE)
    assert "--require-hashes" in text
    assert text.count("\nFROM ") == 2 or text.count("FROM ") == 2
