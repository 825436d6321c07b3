"""Mails from what deliveries are about: plain text, in the reader's language, one thread for each ticket."""

from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from uuid import UUID

from domain.catalogue import Catalogue, shown
from domain.event import Actor, Content, Erased
from domain.inbox.preferences import Language
from domain.ticket.state import Ticket
from processors.mail import words
from processors.mail.finding import Found
from processors.mail.settings import MailSettings

# Letters of what was written that a mail quotes, and things that a digest tells of.
LONGEST_QUOTE, MOST_LINES = 2_000, 100


def rendered(found: Sequence[Found], settings: MailSettings) -> EmailMessage:
    """The message about one thing, or about several that were gathered; the same Message-ID however often it is made."""
    first = found[0]
    several = len(found) > 1
    message = EmailMessage(policy=SMTP if first.address.isascii() else SMTPUTF8)
    message["From"] = _sender(settings)
    message["To"] = _recipient(first.address)
    message["Subject"] = _digest_subject(found) if several else _subject(first)
    message["Date"] = format_datetime(first.delivery.asked_at)
    message["Message-ID"] = f"<{first.delivery.delivery_id}@{settings.domain}>"
    if first.ticket and not several:
        message["References"] = f"<ticket.{first.delivery.stream_id}@{settings.domain}>"
    # So that no out-of-office answers it.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_digest(found, settings) if several else _body(first, settings))
    return message


def _sender(settings: MailSettings) -> Address:
    name, address = parseaddr(settings.mail_from)
    return Address(display_name=name, addr_spec=address)


def _recipient(address: str) -> Address:
    """One address and nothing else; ValueError where it is none."""
    found = Address(addr_spec=address)
    if not found.username or not found.domain:
        raise ValueError("no address")
    return found


def _language(found: Found) -> Language:
    return found.preferences.language if found.preferences else "en"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _subject(found: Found) -> str:
    if found.ticket is None:
        return _one_line(f"[{found.desk.name}] {_sentence(found)}")
    return _one_line(f"[{found.desk.name} {found.ticket.number}] {_title(found)}")


def _digest_subject(found: Sequence[Found]) -> str:
    text = words.DIGEST_SUBJECT[_language(found[0])]
    return _one_line(text.format(desk=found[0].desk.name, count=len(found)))


def _body(found: Found, settings: MailSettings) -> str:
    if found.preferences is None:
        return f"{found.text}\n\n-- \n{found.desk.name}\n"
    language = _language(found)
    parts = [_sentence(found)]
    if found.ticket:
        parts.append(words.FACTS[language].format(**_facts(found)))
    if found.text:
        parts.append(_quoted(found.text))
    parts += _link(settings, found.ticket.number if found.ticket else None)
    return "\n\n".join([*parts, f"-- \n{words.FOOTER[language]}"]) + "\n"


def _digest(found: Sequence[Found], settings: MailSettings) -> str:
    language = _language(found[0])
    lines = [f"· {_sentence(each)} {_title(each)}".rstrip() for each in found[:MOST_LINES]]
    if len(found) > MOST_LINES:
        lines.append(words.MORE[language].format(count=len(found) - MOST_LINES))
    return "\n\n".join(["\n".join(lines), *_link(settings), f"-- \n{words.FOOTER[language]}"]) + "\n"


def _sentence(found: Found) -> str:
    return words.REASONS[_language(found)][found.kinds[0]].format(**_facts(found))


def _facts(found: Found) -> dict[str, str]:
    language, ticket, desk = _language(found), found.ticket, found.desk
    doer = {"doer": _name(found.doer, desk) or words.SOMEBODY[language]}
    if ticket is None:
        return doer
    return doer | {
        "number": ticket.number,
        "title": _title(found),
        "status": desk.status(ticket.status).name,
        "priority": ticket.priority.value,
        "assignee": _handler(ticket, desk) or words.NOBODY[language],
    }


def _title(found: Found) -> str:
    return (shown(found.ticket.title) or "") if found.ticket else ""


def _name(actor: Actor | None, desk: Catalogue) -> str | None:
    if actor is not None and actor.kind == "webhook":
        return actor.id
    if actor is None or actor.kind != "person":
        return None
    person = desk.people.get(UUID(actor.id))
    return _shown(person.name) if person else None


def _handler(ticket: Ticket, desk: Catalogue) -> str | None:
    has = ticket.assignee
    if has.person is not None and has.person in desk.people:
        return _shown(desk.people[has.person].name)
    return desk.teams[has.team].name if has.team is not None and has.team in desk.teams else None


def _shown(name: Content[str]) -> str | None:
    return None if isinstance(name, Erased) else name


def _quoted(text: str) -> str:
    cut = text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]} …"
    return "\n".join(f"> {line}" for line in cut.splitlines())


def _link(settings: MailSettings, number: str | None = None) -> list[str]:
    if settings.public_url is None:
        return []
    return [f"{settings.public_url.rstrip('/')}/{f'tickets/{number}' if number else 'inbox'}"]
