"""Tickets of the demo desk in situations that its ordinary week does not bring: one scene each, told by commands."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid5

from cli.demo.furniture import PURCHASE, WORKSPACE
from cli.demo.stories import ACCOUNTS, APPLICATIONS, DESK, HARDWARE, NETWORK, REQUESTERS
from domain.command import Command
from domain.conditions import parse
from domain.event import SYSTEM, Actor
from domain.ids import person_id, requester_id, team_id
from domain.saved_view import SaveView, Sharing
from domain.ticket import commands as c
from domain.ticket import flowing as f
from domain.ticket import handling as h
from domain.ticket import marking as m
from domain.ticket import settling as s
from domain.ticket import ties as t
from domain.ticket.confidential import SetConfidential
from domain.ticket.drafting import DraftTicket
from domain.ticket.messages import AttachToTicket, RemarkOnTicket
from domain.values import Assignee, Attachment, Priority

# The week's own numbers end before these.
FIRST = 1183
TICKETS = 16
# A draft and what is split off get theirs from the desk: the first ticket that a visitor opens is 1201.
UNNUMBERED = 2
LIU, ANNA = (requester_id(WORKSPACE, name) for name in (REQUESTERS[0], REQUESTERS[8]))
LOG = "08:10 db01 disk 97%\n08:14 db01 disk 99%\n08:15 db01 read-only file system\n"


def person(login: str) -> Actor:
    """A colleague as who acts."""
    return Actor(kind="person", id=str(person_id(WORKSPACE, login)))


def customer(requester: UUID) -> Actor:
    """A requester as who acts."""
    return Actor(kind="requester", id=str(requester))


def to(team: str | None = None, *people: str) -> Assignee:
    """A team, somebody of it, or several people of whom one must claim it."""
    ids = tuple(person_id(WORKSPACE, login) for login in people)
    named = {"person": ids[0]} if len(ids) == 1 else {"people": ids}
    return Assignee(team=team_id(WORKSPACE, team) if team else None, **named if ids else {})


@dataclass
class Scene:
    """What happens one after the other, a quarter of an hour apart."""

    name: str
    at: datetime
    steps: list[Command] = field(default_factory=list)

    def do(self, command: Callable[..., Command], by: Actor, **wants: Any) -> UUID:
        """The next step; its id, which is that of the message that it may write."""
        self.at += timedelta(minutes=15)
        step = uuid5(WORKSPACE, f"demo scene {self.name} {len(self.steps)}")
        common = {"workspace_id": WORKSPACE, "by": by, "at": self.at, "command_id": step, "channel": "web"}
        self.steps.append(command(**common, **wants))
        return step


class Scenes:
    """All scenes, each with ticket numbers of its own."""

    def __init__(self, now: datetime, log: Attachment) -> None:
        self.now, self._log, self._free = now, log, count(FIRST)

    def all(self) -> Iterator[list[Command]]:
        """The commands of every scene; none of them later than now."""
        for place, tell in enumerate(_TOLD):
            scene = Scene(tell.__name__, self.now - timedelta(hours=60 - 3 * place))
            tell(self, scene)
            yield scene.steps

    def opened(self, scene: Scene, title: str, requester: UUID | None = None, **wants: Any) -> str:
        """A new ticket's number."""
        number = str(next(self._free))
        asker = customer(requester) if requester else None
        told = {"type": "incident", "fields": {"impact": "one"}, "requester_id": requester, "on_behalf_of": asker}
        scene.do(c.OpenTicket, SYSTEM, number=number, title=title, **told | wants)
        return number

    def claimed(self, scene: Scene) -> None:
        """Claimed, handed on, given back, and waiting to be claimed by several."""
        number = self.opened(scene, "三楼会议室投影仪没有信号", LIU, assignee=to(HARDWARE), tags=("硬件",))
        scene.do(h.ClaimTicket, person("tom"), number=number, accept=True)
        scene.do(h.TransferTicket, person("tom"), number=number, to=to(DESK, "chenjing"), note="可能是线缆，请先检查。")
        scene.do(h.ReturnTicket, person("chenjing"), number=number, reason="线缆正常，请检查投影仪本身。")
        scene.do(c.MoveTicket, person("tom"), number=number, status="on_site")
        several = self.opened(scene, "Who can help with the SAP printer queue?", ANNA)
        scene.do(c.AssignTicket, person("chenjing"), number=several, to=to(None, "sofia", "tom", "chenjing"))

    def urged(self, scene: Scene) -> None:
        """Urged twice, and pinned."""
        number = self.opened(
            scene, "报销系统无法提交", LIU, assignee=to(APPLICATIONS, "sofia"), priority=Priority.NORMAL
        )
        scene.do(h.UrgeTicket, customer(LIU), number=number, body="月底前必须提交，请尽快！")
        scene.do(h.UrgeTicket, customer(LIU), number=number, body="还没有消息吗？")
        scene.do(m.PinTicket, person("sofia"), number=number)

    def asleep(self, scene: Scene) -> None:
        """Waiting for parts, and put aside until they come."""
        number = self.opened(scene, "Docking station: spare part ordered", ANNA, assignee=to(HARDWARE, "tom"))
        scene.do(c.MoveTicket, person("tom"), number=number, status="parts")
        scene.do(m.SnoozeTicket, person("tom"), number=number, until=self.now + timedelta(days=2))

    def unwanted(self, scene: Scene) -> None:
        """Spam; and what was archived long ago."""
        number = self.opened(scene, "You have won a fitness tracker")
        scene.do(m.MarkSpam, person("lina"), number=number)
        old = self.opened(scene, "更换工牌照片", LIU, assignee=to(DESK, "lina"))
        scene.do(c.CloseTicket, person("lina"), number=old)
        scene.do(m.ArchiveTicket, person("chenjing"), number=old)

    def merged(self, scene: Scene) -> None:
        """Two that are the same, and one that is another's child."""
        kept = self.opened(scene, "All scanners offline at gate 4", ANNA, assignee=to(NETWORK, "wangwei"))
        twin = self.opened(scene, "Scanners offline again!", ANNA)
        scene.do(t.MergeTicket, person("wangwei"), number=twin, into=kept)
        child = self.opened(
            scene, "Replace the access point at gate 4", assignee=to(NETWORK, "kim"), category=("网络", "无线")
        )
        scene.do(t.LinkTicket, person("wangwei"), number=kept, relation="child", other=child)
        other = self.opened(scene, "Labels are printed twice at gate 4", ANNA)
        scene.do(t.LinkTicket, person("chenjing"), number=kept, relation="related", other=other)

    def split(self, scene: Scene) -> None:
        """A reply that is about something else goes on as a ticket of its own."""
        number = self.opened(scene, "Mailbox is full", ANNA, assignee=to(DESK, "lina"))
        reply = scene.do(
            c.ReplyToTicket, customer(ANNA), number=number, body="And the door badge stopped working, too."
        )
        scene.do(t.SplitTicket, person("lina"), number=number, message_id=reply, title="Door badge stopped working")

    def rated(self, scene: Scene) -> None:
        """Resolved, confirmed and rated by the requester."""
        number = self.opened(
            scene, "无法连接访客无线网", LIU, assignee=to(NETWORK, "wangwei"), category=("网络", "无线")
        )
        scene.do(h.AcceptTicket, person("wangwei"), number=number)
        scene.do(c.ReplyToTicket, person("wangwei"), number=number, body="访客证书已更新，请重新连接。")
        scene.do(c.ResolveTicket, person("wangwei"), number=number)
        scene.do(s.ConfirmTicket, customer(LIU), number=number)
        scene.do(s.RateTicket, customer(LIU), number=number, stars=5, comment="很快，谢谢！")

    def secret(self, scene: Scene) -> None:
        """With a file, a remark, a follower, a mention, and a confidential note."""
        number = self.opened(
            scene, "Database host db01 is read-only", priority=Priority.URGENT, assignee=to(APPLICATIONS)
        )
        scene.do(AttachToTicket, person("sofia"), number=number, attachments=(self._log,), internal=True)
        scene.do(RemarkOnTicket, person("sofia"), number=number, body="Began after the backup at 08:00.")
        scene.do(m.FollowTicket, person("chenjing"), number=number, person_id=person_id(WORKSPACE, "maria"))
        mentioned = (person_id(WORKSPACE, "tom"),)
        scene.do(
            c.NoteOnTicket, person("sofia"), number=number, body="@Tom: is a larger disk in stock?", mentions=mentioned
        )
        scene.do(SetConfidential, person("chenjing"), number=number, text="Console: root / see the sealed envelope 7")

    def requested(self, scene: Scene) -> None:
        """A request with its form, and a draft that nobody has submitted yet."""
        fields = {"systems": ["crm", "wiki"], "seats": 4, "needed_by": f"{self.now + timedelta(days=7):%Y-%m-%d}"}
        wants = {"type": "request", "fields": fields, "category": ("应用", "权限"), "assignee": to(ACCOUNTS)}
        self.opened(scene, "CRM access for the new sales team", ANNA, **wants)
        scene.do(DraftTicket, person("lina"), title="周报：重复出现的 VPN 问题", description="先收集一周的工单再提交。")

    def purchased(self, scene: Scene) -> None:
        """一线 → 二线: one waits for approval, another is through."""
        fields = {"product": ["laptop", "t14"], "price": {"amount": "8999.00", "currency": "CNY"}, "delivery": "desk"}
        wants = {"type": "request", "category": PURCHASE, "fields": fields}
        for title, approved in (("新同事的笔记本电脑", True), ("设计部的第二台显示器", False)):
            number = self.opened(scene, title, LIU, **wants)
            scene.do(h.ClaimTicket, person("tom"), number=number, accept=True)
            submitted = scene.do(f.SubmitStep, person("tom"), number=number, next="second", note="预算内。")
            scene.do(h.ClaimTicket, person("sofia"), number=number)
            if approved:
                asked = uuid5(submitted, "approval of second")
                scene.do(f.GiveApproval, person("chenjing"), number=number, approval_id=asked, note="同意")
                scene.do(f.SubmitStep, person("sofia"), number=number, next="end", note="已下单。")


_TOLD: tuple[Callable[[Scenes, Scene], None], ...] = (
    Scenes.claimed,
    Scenes.urged,
    Scenes.asleep,
    Scenes.unwanted,
    Scenes.merged,
    Scenes.split,
    Scenes.rated,
    Scenes.secret,
    Scenes.requested,
    Scenes.purchased,
)

_VIEWS: tuple[tuple[str, str, Sharing, str | None, dict[str, Any]], ...] = (
    ("maria", "催单 Urged", Sharing.SHARED, None, {"field": "urges", "op": "gte", "value": 1}),
    (
        "chenjing",
        "采购 Purchases",
        Sharing.TEAM,
        HARDWARE,
        {"field": "category", "op": "under", "value": list(PURCHASE)},
    ),
    ("lina", "我的 VPN", Sharing.PRIVATE, None, {"field": "tags", "op": "has_any", "value": ["vpn"]}),
)


def views(at: datetime) -> list[SaveView]:
    """Everybody's view, a team's and one's own."""
    return [
        SaveView(
            workspace_id=WORKSPACE,
            by=person(login),
            at=at,
            command_id=uuid5(WORKSPACE, f"demo view {title}"),
            channel="web",
            view_id=uuid5(WORKSPACE, f"view {title}"),
            title=title,
            condition=parse(condition),
            sharing=sharing,
            team=team_id(WORKSPACE, team) if team else None,
        )
        for login, title, sharing, team, condition in _VIEWS
    ]
