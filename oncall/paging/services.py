"""Which services of apprise a page may use, and what kind of way each is. Pure.

It is a list of what is allowed: what reaches only this very machine (desktops, D-Bus, syslog), what pages by itself
(other on-call products) and what posts publicly is not on it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    PUSH = "push"
    CHAT = "chat"
    HOOK = "hook"
    MAIL = "mail"
    SMS = "sms"
    VOICE = "voice"


@dataclass(frozen=True)
class Service:
    """`module` and `made` name its class in apprise; `own_host`: the address says where its server is.

    `loud` is the priority that wakes somebody, for a page that may, unless the address names one.
    """

    name: str
    kind: Kind
    module: str
    made: str
    own_host: bool = False
    loud: str = ""


def _twice(scheme: str, service: Service) -> dict[str, Service]:
    """The scheme over http, and with an s over https."""
    return {scheme: service, f"{scheme}s": service}


SERVICES: dict[str, Service] = {
    **_twice("ntfy", Service("ntfy", Kind.PUSH, "ntfy", "NotifyNtfy", own_host=True, loud="max")),
    **_twice("gotify", Service("Gotify", Kind.PUSH, "gotify", "NotifyGotify", own_host=True, loud="emergency")),
    **_twice("bark", Service("Bark", Kind.PUSH, "bark", "NotifyBark", own_host=True)),
    "pover": Service("Pushover", Kind.PUSH, "pushover", "NotifyPushover", loud="high"),
    "pbul": Service("Pushbullet", Kind.PUSH, "pushbullet", "NotifyPushBullet"),
    "prowl": Service("Prowl", Kind.PUSH, "prowl", "NotifyProwl"),
    "slack": Service("Slack", Kind.CHAT, "slack", "NotifySlack"),
    **_twice("mmost", Service("Mattermost", Kind.CHAT, "mattermost", "NotifyMattermost", own_host=True)),
    "workflows": Service("Teams", Kind.CHAT, "workflows", "NotifyWorkflows", own_host=True),
    "tgram": Service("Telegram", Kind.CHAT, "telegram", "NotifyTelegram"),
    "discord": Service("Discord", Kind.CHAT, "discord", "NotifyDiscord"),
    **_twice("matrix", Service("Matrix", Kind.CHAT, "matrix", "NotifyMatrix", own_host=True)),
    **_twice("rocket", Service("Rocket.Chat", Kind.CHAT, "rocketchat", "NotifyRocketChat", own_host=True)),
    **_twice("nctalk", Service("Nextcloud Talk", Kind.CHAT, "nextcloudtalk", "NotifyNextcloudTalk", own_host=True)),
    **_twice("signal", Service("Signal", Kind.CHAT, "signal_api", "NotifySignalAPI", own_host=True)),
    "gchat": Service("Google Chat", Kind.CHAT, "google_chat", "NotifyGoogleChat"),
    "webex": Service("Webex", Kind.CHAT, "webexteams", "NotifyWebexTeams"),
    "zulip": Service("Zulip", Kind.CHAT, "zulip", "NotifyZulip"),
    "threema": Service("Threema", Kind.CHAT, "threema", "NotifyThreema"),
    "whatsapp": Service("WhatsApp", Kind.CHAT, "whatsapp", "NotifyWhatsApp"),
    **_twice("json", Service("the JSON hook", Kind.HOOK, "custom_json", "NotifyJSON", own_host=True)),
    **_twice("mailto", Service("mail", Kind.MAIL, "email", "NotifyEmail", own_host=True)),
    "twilio": Service("Twilio", Kind.SMS, "twilio", "NotifyTwilio"),  # with method=call it is voice
    "vonage": Service("Vonage", Kind.SMS, "vonage", "NotifyVonage"),
    "sns": Service("Amazon SNS", Kind.SMS, "sns", "NotifySNS"),
    "msgbird": Service("MessageBird", Kind.SMS, "messagebird", "NotifyMessageBird"),
    "clicksend": Service("ClickSend", Kind.SMS, "clicksend", "NotifyClickSend"),
    "bulksms": Service("BulkSMS", Kind.SMS, "bulksms", "NotifyBulkSMS"),
    "d7sms": Service("D7 Networks", Kind.SMS, "d7networks", "NotifyD7Networks"),
    "plivo": Service("Plivo", Kind.SMS, "plivo", "NotifyPlivo"),
    "sinch": Service("Sinch", Kind.SMS, "sinch", "NotifySinch"),
    "telnyx": Service("Telnyx", Kind.SMS, "telnyx", "NotifyTelnyx"),
    "infobip": Service("Infobip", Kind.SMS, "infobip", "NotifyInfobip"),
}
# fmt: off
LOCAL = frozenset([
    "file", "exec", "dbus", "kde", "qt", "glib", "gio", "gnome", "macosx", "windows", "syslog", "rsyslog",
    "blink1", "growl", "unix", "http", "https", "ftp",
])
# fmt: on
PERSONAL = (Kind.PUSH, Kind.CHAT, Kind.HOOK)  # what a person may write down as a URL; the rest needs a provider
