"""A credential report as the tests of AWS exports write it."""

ACCOUNT = "arn:aws:iam::111122223333"
HEAD = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,"
    "access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,"
    "cert_2_last_rotated"
)
NEW, OLD = "2026-11-01T08:00:00+00:00", "2024-01-01T08:00:00+00:00"


def row(
    name: str, password: str = "false", mfa: str = "false", key: str = "N/A", used: str = NEW, made: str = OLD
) -> str:
    arn = f"{ACCOUNT}:root" if name == "<root_account>" else f"{ACCOUNT}:user/{name}"
    active = "false" if key == "N/A" else "true"
    fields = (name, arn, made, password, used, "N/A", "N/A", mfa, active, key, "N/A", "N/A", "N/A")
    return ",".join((*fields, "false", "N/A", "N/A", "N/A", "N/A", "false", "N/A", "false", "N/A"))


ROWS = {
    "<root_account>": row("<root_account>", "not_supported", "false", OLD),
    "plain": row("plain", "true"),
    "guarded": row("guarded", "true", "true"),
    "robot": row("robot", key=OLD),
    "fresh": row("fresh", key=NEW),
    "gone": row("gone", "true", "true", used=OLD),
    "never": row("never", "true", "true", used="no_information", made=OLD),
    "empty": row("empty"),
    "odd": row("odd", "perhaps", "true"),
}
REPORT = "\n".join((HEAD, *ROWS.values())) + "\n"
