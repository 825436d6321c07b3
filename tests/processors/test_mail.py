"""Mail to a real server: once for what happened, again when the server fails, never what is gone or not for one's eyes."""

import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from psycopg.rows import TupleRow

from domain.event import SYSTEM
from domain.inbox.preferences import Channel, Digest, Kind, Preferences
from domain.permissions import RoleName
from domain.receivers import Receivers
from domain.requester import EraseRequester, RegisterRequester
from domain.setup.notifications import SetNotifications
from domain.ticket.commands import EraseTicket, NoteOnTicket
from domain.ticket.messages import RedactMessage
from domain.ticket.telling import NotifyPeople
from domain.workspace import AddPerson, DeactivatePerson
from eventstore.erasure import erase
from eventstore.keyring import Keyring
from processors import channels, deliveries
from processors.channels import Sender
from processors.following import Follower
from processors.mail.channel import Mail
from processors.mail.settings import MailSettings
from processors.notifications import Notifications
from tests.desks import MASTER, Office
from tests.processors.greeter import connected
from tests.processors.mail_server import hanging, nobody, only, taking
from tests.waiting import wait_until

Db = psycopg.Connection[TupleRow]
KEYRING = Keyring(MASTER)
BOB, ZOE = uuid4(), uuid4()
# A busy machine has its time; it is short only where a server says nothing for ever.
PATIENCE, SHORT = 20.0, 0.5


def settings(port: int | None, **given: Any) -> MailSettings:
    host = None if port is None else "127.0.0.1"
    usual = {"smtp_host": host, "smtp_port": port or 25, "smtp_security": "none", "smtp_timeout": PATIENCE}
    return MailSettings(
        **usual | {"mail_from": "客服 <desk@acme.example>", "public_url": "https://desk.acme.example"} | given
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A server's TLS for 127.0.0.1, and the file of who vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = (
        builder.not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(host, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "cert.pem"
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(signed.public_bytes(Encoding.PEM) + plain)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context, str(path)


class Post:
    """The process that tells people, and the channel; the clock is a number."""

    def __init__(self, url: str) -> None:
        self.now, self._url = datetime.now(UTC), url
        self.tell()

    def tell(self) -> None:
        """All that happened leads to deliveries."""
        self.now = max(self.now, datetime.now(UTC))
        with connected(self._url) as db:
            follower = Follower(Notifications(), KEYRING, db, lambda: self.now)
            while follower.step():
                pass

    def send(self, port: int | None, **given: Any) -> bool:
        """What is due goes out; whether the server was away."""
        with connected(self._url) as db:
            sender = Sender(db, Mail(settings(port, **given), KEYRING), lambda: self.now)
            while sender.step() and not sender.away:
                pass
            return sender.away

    def states(self) -> list[tuple[str, str | None, int]]:
        """Of each delivery how it stands, why, and after how many attempts."""
        with connected(self._url) as db:
            query = "SELECT state, outcome, attempts FROM processes.deliveries ORDER BY asked_at, delivery_id"
            return db.execute(query).fetchall()


@pytest.fixture
async def post(office: Office, database_url: str) -> Post:
    """Bob works here, Zoe is a customer with a ticket."""
    await office.do(
        AddPerson, person_id=BOB, person_name="Bob", email="bob@acme.example", role=RoleName.AGENT, by=SYSTEM
    )
    await office.do(RegisterRequester, requester_id=ZOE, requester_name="Zoe", email="zoe@example.com")
    await office.ticket("T-1", title="打印机坏了", requester_id=ZOE)
    return Post(database_url)


async def mentioned(office: Office, post: Post, body: str = "Please look.", **more: Any) -> None:
    await office.do(NoteOnTicket, number="T-1", body=body, mentions=(BOB,), **more)
    post.tell()


async def test_who_is_mentioned_gets_a_mail_with_what_was_written(office: Office, post: Post) -> None:
    await mentioned(office, post)
    with taking() as (server, port):
        post.send(port)
    (mail,) = server.messages
    assert (mail["To"], mail["From"]) == ("bob@acme.example", "客服 <desk@acme.example>")
    assert mail["Subject"] == "[Acme T-1] 打印机坏了"
    text = mail.get_content()
    for part in (
        "mentioned you on ticket T-1",
        "> Please look.",
        "https://desk.acme.example/tickets/T-1",
        "Status: New",
    ):
        assert part in text
    assert post.states() == [("sent", "sent", 1)]


async def test_mails_are_in_the_readers_language(office: Office, post: Post) -> None:
    wishes = Preferences(language="zh-CN")
    await office.do(SetNotifications, person_id=BOB, preferences=wishes)
    await mentioned(office, post)
    with taking() as (server, port):
        post.send(port)
    assert "在工单 T-1 中提到了您" in server.messages[0].get_content()


async def test_a_mail_that_failed_comes_again_under_the_same_id(office: Office, post: Post) -> None:
    await mentioned(office, post)
    with taking() as (server, port):
        server.failing_after = "451 try later"
        post.send(port)
        assert post.states() == [("waiting", "refused_for_now", 1)]
        post.send(port)
        assert len(server.messages) == 1
        server.failing_after = None
        post.now += timedelta(hours=1)
        post.send(port)
    first, second = server.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert post.states() == [("sent", "sent", 2)]


async def test_what_is_refused_for_good_is_dead_and_does_not_hold_up_the_others(office: Office, post: Post) -> None:
    await mentioned(office, post)
    await office.do(NotifyPeople, number="T-1", requester=True, text="Soon.")
    post.tell()
    with taking() as (server, port):
        server.refusing["bob@acme.example"] = "550 no such user"
        post.send(port)
    assert [mail["To"] for mail in server.messages] == ["zoe@example.com"]
    assert sorted(post.states()) == [("dead", "refused", 1), ("sent", "sent", 1)]


@contextmanager
def _nobody() -> Iterator[int]:
    yield nobody()


@pytest.mark.parametrize(
    ("away", "outcome"), [(_nobody, "no_connection"), (hanging, "no_answer")], ids=["refused", "hangs"]
)
async def test_a_server_that_is_away_is_waited_for(
    office: Office, post: Post, away: Callable[[], Any], outcome: str
) -> None:
    await mentioned(office, post)
    await mentioned(office, post)
    with away() as port:
        assert post.send(port, smtp_timeout=SHORT)
    assert post.states() == [("waiting", outcome, 1)] * 2
    with taking() as (server, port):
        post.now += timedelta(hours=1)
        assert not post.send(port)
    assert len(server.messages) == 2


async def test_after_too_many_attempts_it_is_dead_until_somebody_asks_for_it(
    office: Office, post: Post, database_url: str
) -> None:
    await mentioned(office, post)
    for _ in range(deliveries.ATTEMPTS):
        post.send(nobody())
        post.now += timedelta(hours=12)
    assert post.states() == [("dead", "no_connection", deliveries.ATTEMPTS)]
    with closing(psycopg.connect(database_url, autocommit=True)) as db, db.transaction():
        db.execute("SET LOCAL ROLE ledgerdesk_writer")
        db.execute("SELECT set_config('ledgerdesk.workspace', %s, true)", [str(office.workspace)])
        assert db.execute("SELECT processes.deliver_again(%s, NULL)", [office.workspace]).fetchone() == (1,)
    post.now += timedelta(hours=1)
    with taking() as (server, port):
        post.send(port)
    assert len(server.messages) == 1


async def test_without_a_server_nothing_waits(office: Office, post: Post) -> None:
    await mentioned(office, post)
    post.send(None)
    assert post.states() == [("dropped", "not_set_up", 1)]


async def _erase_ticket(office: Office) -> None:
    await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked"))


async def _leave(office: Office) -> None:
    await office.do(DeactivatePerson, person_id=BOB)


async def _want_none(office: Office) -> None:
    wishes = Preferences(channels={Kind.MENTIONED: (Channel.INBOX,), Kind.FOLLOWED: ()})
    await office.do(SetNotifications, person_id=BOB, preferences=wishes)


@pytest.mark.parametrize(
    ("meanwhile", "why"), [(_erase_ticket, "out_of_reach"), (_leave, "left"), (_want_none, "not_wanted")]
)
async def test_a_mail_whose_reason_is_gone_is_not_sent(office: Office, post: Post, meanwhile: Any, why: str) -> None:
    await mentioned(office, post)
    await meanwhile(office)
    with taking() as (server, port):
        post.send(port)
    assert (server.messages, post.states()) == ([], [("dropped", why, 1)])


async def test_what_was_taken_back_is_in_no_mail(office: Office, post: Post) -> None:
    await mentioned(office, post, body="My PIN is 4711.", command_id=UUID(int=9))
    await office.do(RedactMessage, number="T-1", message_id=UUID(int=9), reason="x")
    with taking() as (server, port):
        post.send(port)
    assert "4711" not in server.messages[0].get_content()


async def test_a_customer_gets_the_notice_and_nothing_else(office: Office, post: Post) -> None:
    await office.do(NoteOnTicket, number="T-1", body="They are difficult.")
    notice = {"to": Receivers(people=(BOB,)), "requester": True, "text": "We come on Friday."}
    await office.do(NotifyPeople, number="T-1", **notice)
    post.tell()
    with taking() as (server, port):
        post.send(port)
    (mail,) = [mail for mail in server.messages if mail["To"] == "zoe@example.com"]
    assert "We come on Friday." in mail.get_content()
    assert "difficult" not in mail.get_content()


async def test_a_customer_who_was_forgotten_gets_no_mail(office: Office, post: Post) -> None:
    await office.do(NotifyPeople, number="T-1", requester=True, text="Soon.")
    post.tell()
    await erase(office.desk, office.command(EraseRequester, requester_id=ZOE, reason="asked"))
    with taking() as (server, port):
        post.send(port)
    assert (server.messages, post.states()) == ([], [("dropped", "no_address", 1)])


async def test_a_digest_is_one_mail(office: Office, post: Post) -> None:
    wishes = Preferences(digest=Digest(every="hour"))
    await office.do(SetNotifications, person_id=BOB, preferences=wishes)
    for _ in range(3):
        await mentioned(office, post)
    with taking() as (server, port):
        post.send(port)
        assert server.messages == []
        post.now += timedelta(hours=1)
        post.send(port)
    (mail,) = server.messages
    assert mail["Subject"] == "[Acme] 3 notifications"
    assert mail.get_content().count("· ") == 3
    assert post.states() == [("sent", "sent", 1)] * 3


async def test_an_address_that_is_none_stops_nobody_else(office: Office, post: Post) -> None:
    bad = uuid4()
    await office.do(AddPerson, person_id=bad, person_name="Bad", email="no address @@", role=RoleName.AGENT, by=SYSTEM)
    await office.do(NoteOnTicket, number="T-1", body="x", mentions=(bad, BOB))
    post.tell()
    with taking() as (server, port):
        post.send(port)
    assert [mail["To"] for mail in server.messages] == ["bob@acme.example"]
    assert sorted(state for state, _, _ in post.states()) == ["dead", "sent"]


async def test_a_password_goes_over_an_encrypted_connection_only(
    office: Office, post: Post, certificate: tuple[ssl.SSLContext, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, authority = certificate
    signing_in = {"smtp_security": "starttls", "smtp_user": "desk", "smtp_password": "secret"}
    options = {"tls_context": context, "authenticator": only("desk", "secret"), "auth_required": True}
    await mentioned(office, post)
    with taking(**options) as (server, port):
        assert post.send(port, **signing_in)
        assert post.states() == [("waiting", "not_secure", 1)]
        monkeypatch.setenv("SSL_CERT_FILE", authority)
        post.now += timedelta(hours=1)
        assert post.send(port, **signing_in | {"smtp_password": "wrong"})
        assert post.states() == [("waiting", "not_signed_in", 2)]
        post.now += timedelta(hours=1)
        assert not post.send(port, **signing_in)
    assert len(server.messages) == 1
    with pytest.raises(ValueError, match="in clear"):
        settings(25, **signing_in | {"smtp_security": "none"})


async def test_the_loop_sends_what_is_due_and_ends_when_told(office: Office, post: Post, database_url: str) -> None:
    await mentioned(office, post)
    stop = threading.Event()
    with taking() as (server, port):
        mail = Mail(settings(port), KEYRING)
        loop = threading.Thread(target=channels.run, args=[database_url, mail, stop])
        loop.start()
        wait_until(lambda: post.states() == [("sent", "sent", 1)])
        stop.set()
        loop.join(10)
    assert len(server.messages) == 1
    assert not loop.is_alive()


async def test_two_senders_send_each_once(office: Office, post: Post, database_url: str) -> None:
    for _ in range(30):
        await office.do(NoteOnTicket, number="T-1", body="x", mentions=(BOB,))
    post.tell()
    stop = threading.Event()
    with taking() as (server, port):
        loops = [
            threading.Thread(target=channels.run, args=[database_url, Mail(settings(port), KEYRING), stop])
            for _ in range(2)
        ]
        for loop in loops:
            loop.start()
        wait_until(lambda: {state for state, _, _ in post.states()} == {"sent"})
        stop.set()
        for loop in loops:
            loop.join(10)
    assert len(server.messages) == len({mail["Message-ID"] for mail in server.messages}) == 30


async def test_who_claimed_and_died_is_followed_by_another(office: Office, post: Post, database_url: str) -> None:
    await mentioned(office, post)
    with connected(database_url) as db:
        assert len(deliveries.claim(db.cursor(), "mail", post.now, 20, 20)) == 1
        assert deliveries.claim(db.cursor(), "mail", post.now, 20, 20) == []
    with taking() as (server, port):
        post.send(port)
        assert server.messages == []
        post.now += deliveries.LEASE
        post.send(port)
    assert len(server.messages) == 1
