"""Hands messages to a mail server: one connection for several, every answer waited for with a deadline."""

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from enum import StrEnum

from processors.mail.settings import MailSettings

# Answers that no later attempt would change.
_FOR_GOOD = 500


class Outcome(StrEnum):
    """What came of handing over a message, as operators see it: never what the server said, which may name people."""

    SENT = "sent"
    REFUSED = "refused"
    REFUSED_FOR_NOW = "refused_for_now"
    NO_CONNECTION = "no_connection"
    NO_ANSWER = "no_answer"
    NOT_SECURE = "not_secure"
    NOT_SIGNED_IN = "not_signed_in"


# These say nothing of the message: the next one would fare alike.
OF_THE_SERVER = frozenset({Outcome.NO_CONNECTION, Outcome.NO_ANSWER, Outcome.NOT_SECURE, Outcome.NOT_SIGNED_IN})


def hand_over(settings: MailSettings, messages: Sequence[EmailMessage]) -> Iterator[Outcome]:
    """What came of each; ends early where the server is to blame, for the rest would fare alike. Blocks: for a thread."""
    server: smtplib.SMTP | None = None
    try:
        server = _connected(settings)
        for message in messages:
            outcome = _sent(server, message)
            yield outcome
            if outcome in OF_THE_SERVER:
                return
    except (OSError, smtplib.SMTPException) as error:
        yield _blamed(error)
    finally:
        if server is not None:
            _quit(server)


def _connected(settings: MailSettings) -> smtplib.SMTP:
    host, port, patience = str(settings.smtp_host), settings.smtp_port, settings.smtp_timeout
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=patience, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(host, port, timeout=patience)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user is not None and settings.smtp_password is not None:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
    except BaseException:
        server.close()
        raise
    return server


def _sent(server: smtplib.SMTP, message: EmailMessage) -> Outcome:
    try:
        server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        return _refused(*(code for code, _ in error.recipients.values()))
    except (smtplib.SMTPServerDisconnected, OSError) as error:
        return _blamed(error)
    except smtplib.SMTPResponseException as error:
        return _refused(error.smtp_code)
    except (smtplib.SMTPException, ValueError):
        # Nothing that a server can take, such as letters in an address that it does not know.
        return Outcome.REFUSED
    return Outcome.SENT


def _refused(*codes: int) -> Outcome:
    return Outcome.REFUSED if min(codes) >= _FOR_GOOD else Outcome.REFUSED_FOR_NOW


def _blamed(error: Exception) -> Outcome:
    match error:
        case smtplib.SMTPAuthenticationError():
            return Outcome.NOT_SIGNED_IN
        case smtplib.SMTPNotSupportedError() | ssl.SSLError():
            return Outcome.NOT_SECURE
        case TimeoutError() | smtplib.SMTPServerDisconnected():
            return Outcome.NO_ANSWER
        case smtplib.SMTPResponseException():
            return Outcome.REFUSED_FOR_NOW
        case _:
            return Outcome.NO_CONNECTION


def _quit(server: smtplib.SMTP) -> None:
    # What is sent is sent; a server that does not say goodbye changes nothing of it.
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()
