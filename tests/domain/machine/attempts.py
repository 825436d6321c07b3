"""Everything that people try."""

from datetime import timedelta

from tests.domain.machine.model import FINISHED, LEVELS, Ticket, Who
from tests.domain.machine.people import INTERNAL, PUBLIC, RELATIONS, SECRET, STATUSES, Asked, People, tries
from tests.domain.machine.world import RITA, SAM, STAFF, id_of


def _draft(ticket: Ticket) -> bool:
    return bool(ticket["draft_by"] and not ticket["opened"] and not ticket["erased"])


def _unfinished(ticket: Ticket) -> bool:
    return ticket["kind"] not in FINISHED


@tries(4)
def opening(people: People) -> None:
    if not people.full():
        who = people.who()
        people.game.begin("open", who, **people.form(who), files=people.files())


@tries(4)
def drafting(people: People) -> None:
    if not people.full():
        who = people.who()
        untitled = {"title": ""} if people.chance(3) else {}
        people.game.begin("draft", who, **people.form(who) | untitled)


@tries(4)
def writing_a_draft(people: People) -> None:
    number = people.number(_draft)
    who = (not people.chance(4) and people.ticket(number)["draft_by"]) or people.who()
    match people.dice.randrange(8):
        case 0:
            people.act("discard", who, number)
        case 1 | 2 | 3:
            people.act("submit", who, number, files=people.files())
        case _:
            people.game.save(who, number, **people.form(who))


@tries(6)
def editing(people: People) -> None:
    to = people.some(
        title=people.one(["Printer", "Scanner"]),
        type=people.one(["incident", "question"]),
        category=people.category(),
        requester_id=people.one([RITA.id, RITA.id, SAM.id]),
        due_at=people.game.now + timedelta(hours=people.dice.randint(1, 2)),
    )
    clear = people.some(type=1, category=1, due_at=1, requester_id=1, description=1) if people.chance(3) else {}
    people.act("edit", **to, fields=people.fields(), clear=frozenset(clear) - set(to))


@tries(3)
def prioritising(people: People) -> None:
    people.act("prioritise", priority=people.one(LEVELS))


@tries(3)
def tagging(people: People) -> None:
    add = people.tags()
    people.act("tag", add=add, remove=people.tags() - add)


@tries(2)
def looking(people: People) -> None:
    people.act(people.one(["look", "accept"]))


@tries(6)
def going_on_as_usual(people: People) -> None:
    number = people.number(lambda ticket: ticket["kind"] != "closed")
    requester = people.requester(number)
    match people.ticket(number)["kind"]:
        case "new":
            people.act("claim", STAFF["ann"], number, accept_too=True)
        case "open" | "pending":
            people.act("resolve", STAFF["ann"], number)
        case "resolved":
            people.act("confirm", requester, number)
        case "confirmed":
            people.act("rate", requester, number, stars=people.dice.randint(1, 5), comment=people.one(["", PUBLIC]))
        case _:
            people.act("archive", STAFF["lead"], number, on=True)


@tries(3)
def putting_away(people: People) -> None:
    number = people.number(lambda ticket: ticket["kind"] in FINISHED)
    people.act("archive", STAFF["lead"], number, on=True)


@tries(5)
def claiming(people: People) -> None:
    number = people.number(lambda ticket: ticket["assignee"][1] is None)
    people.act("claim", number=number, accept_too=people.chance(2))


@tries(5)
def assigning(people: People) -> None:
    people.act("assign", to=people.given())


@tries(4)
def transferring(people: People) -> None:
    people.act("transfer", to=people.given(), note=people.one(["", INTERNAL]))


@tries(4)
def returning(people: People) -> None:
    number = people.number(lambda ticket: ticket["previous"] and ticket["assignee"][1])
    people.act("return", people.one([people.handler(number), STAFF["lead"], people.who()]), number)


@tries(3)
def urging(people: People) -> None:
    number = people.number(_unfinished)
    who = people.one([people.requester(number), people.who()])
    people.act("urge", who, number, body=PUBLIC if who.kind == "requester" else INTERNAL)


@tries(5)
def moving(people: People) -> None:
    people.act("move", status=people.one(STATUSES))


@tries(4)
def settling(people: People) -> None:
    people.act(people.one(["resolve", "reopen", "close", "confirm"]))


@tries(3)
def taking_up_again(people: People) -> None:
    number = people.number(lambda ticket: ticket["archived"] or ticket["snoozed"])
    match people.dice.randrange(4):
        case 0:
            people.act("reopen", STAFF["ann"], number)
        case 1:
            people.act("archive", STAFF["lead"], number, on=False)
        case _:
            people.act("reply", people.requester(number), number, body=PUBLIC)


@tries(3)
def settling_ones_own(people: People) -> None:
    number = people.number()
    who = people.requester(number)
    match people.dice.randrange(3):
        case 0:
            number = people.number(lambda ticket: ticket["kind"] in ("confirmed", "rated"))
            people.act("rate", people.requester(number), number, stars=1)
        case _:
            people.act(people.one(["close", "confirm", "look"]), who, number)


@tries(6)
def writing(people: People) -> None:
    number = people.number()
    who = people.one([people.requester(number), people.who()])
    mentions = () if who.kind == "requester" and not people.chance(8) else people.people(2)
    people.act(people.one(["reply", "reply", "remark"]), who, number, **_said(people, PUBLIC), mentions=mentions)


def _said(people: People, body: str) -> Asked:
    return {"body": body, "files": people.files()}


@tries(3)
def noting(people: People) -> None:
    people.act("note", **_said(people, INTERNAL), mentions=people.people(2))


@tries(2)
def attaching(people: People) -> None:
    people.act("attach", files=people.files() or (id_of(f"{len(people.game.commands)}"),), internal=people.chance(3))


@tries(2)
def taking_out_of_sight(people: People) -> None:
    admin = STAFF["admin"] if people.chance(2) else people.who()
    if people.chance(2):
        number = people.number(lambda ticket: ticket["files"])
        known = [*(people.ticket(number)["files"] or ()), id_of("no file")]
        people.act("detach", admin, number, file=people.one(known))
    else:
        number = people.number(lambda ticket: ticket["messages"])
        people.act("redact", admin, number, message=people.message(number))


@tries(4)
def following(people: People) -> None:
    people.act(people.one(["follow", "follow", "unfollow"]), person=people.person())


@tries(4)
def putting_aside(people: People) -> None:
    number = people.number(lambda ticket: ticket["snoozed"]) if people.chance(3) else people.number()
    hours = people.one([None, -1, 1, 24])
    until = None if hours is None else people.game.now + timedelta(hours=hours)
    match people.dice.randrange(3):
        case 0:
            people.act("wake", number=number)
        case _:
            people.act("snooze", number=number, until=until)


@tries(5)
def marking(people: People) -> None:
    match people.dice.randrange(4):
        case 0:
            people.act("pin", on=people.chance(2))
        case 1:
            number = people.number(lambda ticket: ticket["kind"] in FINISHED)
            people.act("archive", number=number, on=not people.chance(3))
        case 2:
            people.act("spam", block=people.chance(2))
        case _:
            people.act("unspam", number=people.number(lambda ticket: ticket["spam"]))


@tries(3)
def hiding(people: People) -> None:
    if people.chance(3):
        people.act("show")
    else:
        people.act("hide", text=people.one([None, SECRET, SECRET + "2"]))


@tries(6)
def doing_several_things(people: People) -> None:
    who = people.who()
    actions = [_step(people, who) for _ in range(people.dice.randint(1, 4))]
    people.act("act", who, actions=[*actions, ("erase", {})] if people.chance(25) else actions)


def _step(people: People, who: Who) -> tuple[str, Asked]:
    plain = [(name, {}) for name in ("resolve", "reopen", "close", "accept", "wake", "spam", "unspam", "return")]
    said = {"body": PUBLIC if who.kind == "requester" else INTERNAL}
    offered: list[tuple[str, Asked]] = [
        people.one(plain),
        people.one(plain),
        ("pin", {"on": people.chance(2)}),
        ("archive", {"on": people.chance(2)}),
        ("move", {"status": people.one(STATUSES)}),
        ("prioritise", {"priority": people.one(LEVELS)}),
        ("tag", {"add": people.tags(1)}),
        ("edit", {"category": people.category() or ("Vault",)}),
        ("assign", {"to": people.given()}),
        ("transfer", {"to": people.given(), "note": INTERNAL}),
        ("claim", {"accept_too": people.chance(2)}),
        (people.one(["follow", "unfollow"]), {"person": people.person()}),
        ("urge", said),
        ("reply", {"body": PUBLIC, "mentions": people.people(2)}),
        ("note", {**said, "mentions": people.people(2)}),
        ("snooze", {}),
    ]
    return people.one(offered)


@tries(2)
def erasing(people: People) -> None:
    """Seldom by somebody who may: nothing more can be done to it."""
    who = people.who()
    people.act("erase", STAFF["lead"] if who == STAFF["admin"] and not people.chance(4) else who)


@tries(12)
def undoing(people: People) -> None:
    """Mostly what was done a moment ago, by whoever did it."""
    game = people.game
    known = [command for command in game.commands if command in game.model.done and game.model.done[command].changed][
        -8:
    ]
    undoes = people.one(game.commands if people.chance(8) or not known else known)
    done = game.model.done.get(undoes)
    who = done.by if done and not people.chance(3) else people.who()
    game.undo(who, done.number if done and not people.chance(10) else people.number(), undoes)


@tries(5)
def merging(people: People) -> None:
    people.game.tie("merge", people.who(), people.number(), cut=people.chance(3), into=people.number())


@tries(4)
def merging_no_more(people: People) -> None:
    number = people.number(lambda ticket: ticket["merged_into"])
    people.game.tie("undo_merge", people.who(), number, cut=people.chance(3))


@tries(3)
def splitting(people: People) -> None:
    number = people.number(lambda ticket: ticket["messages"] and not ticket["erased"])
    if not people.full():
        people.game.tie(
            "split", people.who(), number, cut=people.chance(3), message_id=people.message(number), title="Else"
        )


@tries(3)
def splitting_no_more(people: People) -> None:
    into = people.number(lambda ticket: ticket["split_from"])
    number = people.ticket(into)["split_from"] or people.number()
    people.game.tie("undo_split", people.who(), number, cut=people.chance(3), into=into)


@tries(5)
def linking(people: People) -> None:
    relation = people.one(RELATIONS)
    number, other = people.number(), people.number()
    people.game.tie("link", people.who(), number, cut=people.chance(3), relation=relation, other=other)


@tries(3)
def linking_no_more(people: People) -> None:
    number = people.number(lambda ticket: ticket["links"])
    tied = sorted(people.ticket(number)["links"]) or [(people.one(RELATIONS), people.number())]
    relation, other = people.one(tied)
    people.game.tie("unlink", people.who(), number, cut=people.chance(3), relation=relation, other=other)
