"""Signing in and out, API keys and their scopes."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from eventstore.database import Role, connect
from tests.api.conftest import PASSWORD, serving
from tests.waiting import wait_until

ANN = {"workspace": "acme", "login": " Ann", "password": PASSWORD}


def sign_in(client):
    answer = client.post("/session", json=ANN)
    assert answer.status_code == 200, answer.text
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return answer


def test_a_session_opens_tickets_and_is_named_as_web(server):
    with server.client() as browser:
        signed_in = sign_in(browser)
        cookie = signed_in.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert signed_in.json()["person"]["id"] == str(server.acme.people["agent"])
        assert browser.post("/tickets", json={"title": "from a browser"}).status_code == 201
    with server.acting() as admin:
        events = admin.get("/events", params={"wait": False, "types": "ticket.opened"}).text
    assert '"channel":"web"' in events


def test_a_page_of_another_site_cannot_write_with_the_cookie(server):
    with server.client() as browser:
        sign_in(browser)
        del browser.headers["X-CSRF-Token"]
        refused = browser.post("/tickets", json={"title": "forged"})
        assert (refused.status_code, refused.json()["code"]) == (403, "csrf_token_missing")
        assert browser.get("/me").status_code == 200


def test_signing_out_everywhere_ends_the_other_sessions_too(server):
    with server.client() as one, server.client() as two:
        sign_in(one)
        sign_in(two)
        assert two.get("/me").status_code == 200
        assert one.delete("/sessions").status_code == 204
        assert one.get("/me").status_code == 401
        wait_until(lambda: two.get("/me").status_code == 401, 5)


def test_signing_out_ends_the_session_on_the_server(server):
    with server.client() as browser:
        token = sign_in(browser).cookies["ledgerdesk_session"]
        browser.delete("/session")
        browser.cookies.set("ledgerdesk_session", token)
        assert browser.get("/me").status_code == 401


@pytest.mark.parametrize("wrong", [{"password": "wrong password"}, {"login": "nobody"}, {"workspace": "nowhere"}])
def test_guessing_is_slowed_down_and_tells_nothing(server, wrong):
    with server.client() as client:
        guesses = [client.post("/session", json={**ANN, **wrong}) for _ in range(6)]
        assert [g.status_code for g in guesses] == [401] * 5 + [429]
        assert len({g.text for g in guesses[:5]}) == 1
        assert guesses[0].json()["code"] == "wrong_password"
        assert int(guesses[5].headers["retry-after"]) >= 1


def test_many_guesses_at_once_are_counted_each(server):
    def guess(_):
        with server.client() as client:
            return client.post("/session", json={**ANN, "password": "wrong password"}).status_code

    with ThreadPoolExecutor(12) as many:
        answers = list(many.map(guess, range(24)))
    assert answers.count(401) < 24
    with connect(server.database_url, Role.OWNER) as db:
        assert db.execute("SELECT max(failures) FROM access.guesses").fetchone()[0] >= answers.count(401)


def test_good_sign_ins_never_lock_an_address(server):
    with server.client() as client:
        for _ in range(8):
            sign_in(client)


def test_a_key_does_only_what_its_scopes_and_its_role_allow(server, admin):
    reader = admin.post("/api-keys", json={"name": "r", "scopes": ["read"]}).json()["secret"]
    with server.client(reader) as client:
        refused = client.post("/tickets", json={"title": "x"})
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
        assert client.get("/teams").status_code == 200
    with server.acting("analyst") as client:
        assert client.post("/tickets", json={"title": "x"}).json()["code"] == "not_allowed"


def test_a_key_cannot_make_a_wider_key(server, admin):
    narrow = admin.post("/api-keys", json={"name": "n", "scopes": ["access.edit"]}).json()["secret"]
    with server.client(narrow) as client:
        refused = client.post("/api-keys", json={"name": "wide", "scopes": ["admin"]})
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_too_wide")
        login = {"login": "root", "password": "a password of mine"}
        refused = client.put(f"/people/{server.acme.people['admin']}/login", json=login)
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")


def test_a_revoked_key_ends_within_moments(server, admin):
    made = admin.post("/api-keys", json={"name": "brief", "scopes": ["read"]}).json()
    listed = {key["key_id"]: key for key in admin.get("/api-keys").json()}
    assert listed[made["key_id"]]["scopes"] == ["read"]
    assert made["secret"] not in str(listed)
    with server.client(made["secret"]) as client:
        assert client.get("/me").status_code == 200
        assert admin.delete(f"/api-keys/{made['key_id']}").status_code == 204
        wait_until(lambda: client.get("/me").status_code == 401, 5)


def test_a_deactivated_person_is_out(server, admin):
    person = server.acme.people["agent"]
    with server.client() as browser:
        sign_in(browser)
        assert admin.delete(f"/people/{person}").status_code == 200
        wait_until(lambda: browser.get("/me").status_code == 401, 5)
        assert browser.post("/session", json=ANN).status_code == 401


def test_a_new_person_can_sign_in(server, admin):
    made = admin.post("/people", json={"name": "李雷", "role": "lead"}).json()
    login = {"login": "lilei", "password": "a long password"}
    assert admin.put(f"/people/{made['id']}/login", json=login).status_code == 204
    with server.client() as browser:
        person = browser.post("/session", json={"workspace": "acme", **login}).json()["person"]
    assert (person["name"], person["role"]) == ("李雷", "lead")


def test_too_many_requests_are_told_when_to_come_back(database_url, offices):
    acme, _ = offices
    with serving(database_url, rate_limit=30, anonymous_rate_limit=12) as url:
        headers = {"Authorization": f"Bearer {acme.keys['admin']}"}
        answers = [httpx.get(f"{url}/api/v1/me", headers=headers) for _ in range(8)]
        assert answers[0].status_code == 200
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        strangers = [httpx.get(f"{url}/api/v1/me") for _ in range(4)]
        assert [s.status_code for s in strangers] == [401, 401, 429, 429]


def test_a_flood_of_made_up_tokens_is_refused_before_the_database_is_asked(database_url, offices):
    acme, other = offices
    with serving(database_url, anonymous_rate_limit=12) as url, httpx.Client(base_url=f"{url}/api/v1") as client:

        def status(key):
            return client.get("/me", headers={"Authorization": f"Bearer {key}"}).status_code

        assert {status(key) for key in acme.keys.values()} == {200}, "who is known is not charged as a stranger"
        assert [status(f"ldk_made_up_{n}") for n in range(4)] == [401, 401, 429, 429]
        assert status(other.keys["admin"]) == 429, "nobody looked whose it is"
        assert {status(key) for key in acme.keys.values()} == {200}
