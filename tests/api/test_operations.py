"""Health and metrics, with the database there and away."""

import psycopg

from eventstore.migrate import migrate
from tests.api.conftest import Server, prepared, serving


def test_a_service_with_its_database_and_read_models_is_live_and_ready(followed):
    with followed.client() as anybody:
        assert anybody.get("/health/live").json() == {"status": "ok"}
        assert anybody.get("/health/ready").json() == {"status": "ok"}


def test_it_is_not_ready_before_its_read_models_are_built(server):
    with server.client() as anybody:
        assert anybody.get("/health/live").status_code == 200
        answer = anybody.get("/health/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert "ticket_list" in answer.json()["detail"]


def test_a_stopped_read_model_makes_it_not_ready(followed, superuser_url):
    with psycopg.connect(superuser_url, autocommit=True) as db:
        db.execute("UPDATE ops.builds SET error = 'ValueError' WHERE name = 'ticket_list'")
    with followed.client() as anybody:
        answer = anybody.get("/health/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert "ticket_list" in answer.json()["detail"]
        assert 'ledgerdesk_read_model_failed{read_model="ticket_list",state="live"} 1.0' in anybody.get("/metrics").text


def test_metrics_count_requests_by_route_and_commands_by_verdict(followed, admin, opened):
    opened()
    text = admin.get("/metrics").text
    assert 'ledgerdesk_http_requests_total{method="POST",route="/api/v1/tickets",status="201"}' in text
    assert 'ledgerdesk_commands_total{command="OpenTicket",verdict="done"}' in text
    assert 'ledgerdesk_read_model_lag_events{read_model="ticket_list",state="live"}' in text


def test_without_its_database_it_says_when_to_come_back(make_cluster):
    # A durable one: a server that is killed forgets the newest of what it was only asked to write some time.
    cluster = make_cluster()
    url = cluster.url()
    migrate(url)
    offices = prepared(url)
    with serving(url) as address:
        server = Server(address, url, *offices)
        with server.acting() as admin:
            assert admin.post("/tickets", json={"title": "before"}).status_code == 201
            cluster.kill()
            answers = [admin.get("/health/ready"), admin.post("/tickets", json={"title": "meanwhile"})]
            assert [a.status_code for a in answers] == [503, 503], [a.text for a in answers]
            assert all(int(a.headers["retry-after"]) >= 1 for a in answers)
            told = "".join(a.text for a in answers)
            assert not [name for name in ("DATABASE_URL", str(cluster.folder)) if name in told]
            assert admin.get("/health/live").status_code == 200
            cluster.start()
            assert admin.post("/tickets", json={"title": "after"}).status_code == 201
