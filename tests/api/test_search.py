"""GET /search: what people type, what they get, and who gets nothing."""

import pytest


@pytest.fixture
def desk(followed):
    with followed.acting() as client:
        yield client


def opened(client, **fields):
    answer = client.post("/tickets", json={"title": "打印机坏了", **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def searched(client, q, position=0, **more):
    answer = client.get("/search", params={"q": q, "min_position": position, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_hit_says_where_and_marks_it(desk):
    made = opened(desk, description="It blinks. " * 30 + "The Straße is closed & <b>dark</b>.")
    reply = desk.post(f"/tickets/{made['number']}/replies", json={"body": "我们正在修打印机"}).json()
    (hit,) = searched(desk, "打印", reply["position"])["tickets"]
    assert hit["ticket"]["number"] == made["number"]
    assert hit["title"] == {"text": "打印机坏了", "marks": [[0, 2]]}
    assert hit["part"].startswith("said:")
    (hit,) = searched(desk, "strasse dark")["tickets"]
    text, marks = hit["snippet"]["text"], hit["snippet"]["marks"]
    assert "Straße" in [text[start:end] for start, end in marks]
    assert len(text) < 250


def test_pages_go_on_where_the_last_ended(desk):
    position = [opened(desk, title=f"modem {n}") for n in range(5)][-1]["position"]
    seen, after = [], {}
    while True:
        page = searched(desk, "modem", position, limit=2, **after)
        seen += [hit["title"]["text"] for hit in page["tickets"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == [f"modem {n}" for n in reversed(range(5))]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"q": "!?"}, "nothing_to_search"),
        ({"q": "-word"}, "nothing_to_search"),
        ({"q": ""}, "invalid_request"),
        ({"q": "x" * 501}, "invalid_request"),
        ({"q": "x", "after": "nonsense"}, "invalid_input"),
        ({"q": "x", "after": "WzEsMiwzXQ"}, "invalid_input"),
    ],
)
def test_what_cannot_be_searched_is_said(desk, asked, code):
    answer = desk.get("/search", params=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_other_workspaces_and_strangers_find_nothing(followed, desk):
    made = opened(desk, title="unmistakable")
    assert len(searched(desk, "unmistakable", made["position"])["tickets"]) == 1
    with followed.acting(other=True) as foreign:
        assert searched(foreign, "unmistakable")["tickets"] == []
    with followed.client() as nobody:
        assert nobody.get("/search", params={"q": "unmistakable"}).status_code == 401


def test_a_deleted_ticket_is_found_no_more(desk):
    made = opened(desk, title="forgettable")
    assert searched(desk, "forgettable", made["position"])["tickets"]
    gone = desk.request("DELETE", f"/tickets/{made['number']}", json={"reason": "asked"}).json()
    assert searched(desk, "forgettable", gone["position"])["tickets"] == []
