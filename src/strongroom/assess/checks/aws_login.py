"""People who sign in to a cloud, and the root of an AWS account: second factors, old keys, logins that nobody uses."""

from datetime import datetime, timedelta

from strongroom.model.codes import Effort, GapCode, Severity, Status
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

KINDS = (Kind.IDENTITY,)
DAYS = 90  # IAM-01 and IAM-02 of the catalogue
SEE = "aws iam generate-credential-report && aws iam get-credential-report --query Content --output text | base64 -d"
STRONG = frozenset({"security-key", "passkey", "fido2", "webauthn", "smart-card"})
ASK = (
    "AWS: let people come through IAM Identity Center, and give whoever stays a security key (aws iam enable-mfa-device). "
    "Entra ID: require multifactor authentication of all users for all resources in Conditional Access. Google: enforce "
    "2-Step Verification for every organisational unit."
)


NOT_TOLD = Unknown(GapCode.ABSENT, "when it was last used is not told")


def _root(v: View) -> bool:
    return v.has("login.root") and v.raw("login.root") is True


@check(
    id="iam.user.mfa",
    title="Signing in asks the user for a second factor",
    clause="IAM-01.admin-mfa",
    kinds=KINDS,
    needs=("auth.password", "auth.mfa"),
    severity=Severity.HIGH,
    fix=Fix(ASK, (), "", SEE, Effort.MEDIUM),
    broken="it signs in with a password, and no second factor is asked for",
    equivalents=("prowler:iam_user_mfa_enabled_console_access",),
)
def user_mfa(v: View) -> Answer:
    """A password that is phished, reused or found in a notebook is then all that it takes to be this user."""
    if _root(v):
        return not_applicable("it is the root of the account, which iam.root.mfa asks about")
    if not v.flag("auth.password"):
        return not_applicable("it does not sign in with a password")
    return holds() if v.flag("auth.mfa") else broken()


@check(
    id="iam.root.mfa",
    title="The root of the account has a second factor",
    clause="IAM-01.admin-mfa",
    kinds=KINDS,
    needs=("login.root", "auth.mfa"),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Register two security keys for root, and lock them away; or manage root centrally in the organisation.",
        (),
        "",
        "aws iam get-account-summary --query SummaryMap.AccountMFAEnabled",
    ),
    broken="the root of the account has no second factor",
    equivalents=("prowler:iam_root_mfa_enabled",),
)
def root_mfa(v: View) -> Answer:
    """No policy binds root: with its password alone the trail, the keys, and the account itself can be taken."""
    if not v.flag("login.root"):
        return not_applicable("it is not the root of the account")
    return holds() if v.flag("auth.mfa") else broken()


@check(
    id="iam.user.mfa-kind",
    title="The second factor cannot be relayed by a phishing page",
    clause="IAM-01.admin-mfa",
    kinds=KINDS,
    needs=("auth.mfa_kind",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Replace one-time codes by security keys or passkeys.",
        (),
        "aws iam list-mfa-devices --user-name <user>",
        "aws iam list-mfa-devices --user-name <user> --query 'MFADevices[].SerialNumber'",
        Effort.MEDIUM,
    ),
    broken="its factor is {kind}, which a phishing page passes on",
)
def mfa_kind(v: View) -> Answer:
    """Codes and prompts are typed into whatever page asks for them; a security key answers to the right page only."""
    kind = v.text("auth.mfa_kind")
    return holds() if kind.lower() in STRONG else broken(kind=kind or "none")


@check(
    id="iam.root.no-keys",
    title="The root of the account has no access key",
    clause="IAM-01.no-old-admin-keys",
    kinds=KINDS,
    needs=("login.root", "login.keys"),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Delete the keys; nothing needs to sign requests as root.",
        (),
        "aws iam delete-access-key --access-key-id <id>",
        "aws iam get-account-summary --query SummaryMap.AccountAccessKeysPresent",
    ),
    broken="{count} access keys of root work",
    equivalents=("prowler:iam_no_root_access_key",),
)
def root_keys(v: View) -> Answer:
    """A key of root is the whole account in one line of text, without a second factor and without an end."""
    if not v.flag("login.root"):
        return not_applicable("it is not the root of the account")
    count = v.number("login.keys")
    return holds() if count == 0 else broken(count=f"{count:g}")


def _older(v: View, fact: str) -> Answer | int:
    """The days since a time that a fact tells; an answer where it tells none."""
    said = v.text(fact)
    if not said:
        return not_applicable("there is none")
    try:
        then = datetime.fromisoformat(said)
    except ValueError:
        return unknown(Unknown(GapCode.MALFORMED, f"{fact}: {said[:40]!r} is no time"))
    if then.tzinfo is None:
        return unknown(Unknown(GapCode.MALFORMED, f"{fact}: {said[:40]!r} names no zone"))
    return (v.now - then) // timedelta(days=1)


@check(
    id="iam.user.key-age",
    title="No access key is older than 90 days",
    clause="IAM-01.no-old-admin-keys",
    kinds=KINDS,
    needs=("login.oldest_key",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Replace the key by a role; where a key has to stay, make a new one and delete the old one.",
        (),
        "aws iam create-access-key --user-name <user>; aws iam delete-access-key --user-name <user> --access-key-id <id>",
        "aws iam list-access-keys --user-name <user>",
        Effort.MEDIUM,
    ),
    broken="an access key that works was made {days} days ago",
    equivalents=("prowler:iam_rotate_access_key_90_days",),
)
def key_age(v: View) -> Answer:
    """The longer a key exists, the more images, histories and laptops it lies in; a report does not say whose rights are
    an administrator's, so every user's key is asked for.
    """
    found = _older(v, "login.oldest_key")
    if isinstance(found, Answer):
        return found
    return holds() if found <= DAYS else broken(days=str(found))


@check(
    id="iam.user.unused",
    title="The login was used within 90 days",
    clause="IAM-02.unused-removed",
    kinds=KINDS,
    needs=("login.last_used", "auth.password", "login.keys"),
    severity=Severity.LOW,
    fix=Fix(
        "Take the password and the keys away, and delete the user if nobody objects.",
        (),
        "aws iam delete-login-profile --user-name <user>",
        SEE,
    ),
    broken="its password or keys work and were not used for {days} days",
    equivalents=("prowler:iam_user_console_access_unused", "prowler:iam_user_accesskey_unused"),
)
def unused(v: View) -> Answer:
    """Nobody notices when a login is taken over that nobody uses."""
    if _root(v):
        return not_applicable("it is the root of the account, which should not be used")
    if not v.flag("auth.password") and v.number("login.keys") == 0:
        return not_applicable("it has neither password nor key")
    found = _older(v, "login.last_used")
    if isinstance(found, Answer):
        return unknown(NOT_TOLD) if found.status is Status.NOT_APPLICABLE else found
    return holds() if found <= DAYS else broken(days=str(found))


CHECKS = (user_mfa, root_mfa, mfa_kind, root_keys, key_age, unused)
