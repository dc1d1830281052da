"""What checks say of the logins of an AWS account."""

from datetime import UTC, datetime

import pytest
from aws_report import REPORT

from strongroom.app.assess import assess

NOW = datetime(2026, 11, 23, tzinfo=UTC)
VERDICTS = """
iam.root.mfa <root_account> fail
iam.root.no-keys <root_account> fail
iam.user.mfa <root_account> not-applicable
iam.user.unused <root_account> not-applicable
iam.user.key-age <root_account> fail
iam.user.mfa plain fail
iam.user.mfa guarded pass
iam.user.mfa-kind guarded unknown
iam.user.mfa robot not-applicable
iam.user.key-age robot fail
iam.user.key-age fresh pass
iam.user.key-age plain not-applicable
iam.user.unused guarded pass
iam.user.unused gone fail
iam.user.unused never fail
iam.user.unused empty not-applicable
iam.user.mfa odd unknown
iam.user.mfa-kind plain -
iam.root.mfa plain -
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    path = tmp_path_factory.mktemp("aws") / "report.csv"
    path.write_text(REPORT)
    done = assess([str(path)], NOW)
    names = {a.id: a.name for a in done.assets}
    return {(f.check, names[f.asset]): f.status.value for f in done.findings}


@pytest.mark.parametrize("line", VERDICTS.strip().splitlines())
def test_logins_are_judged(line: str, said: dict[tuple[str, str], str]) -> None:
    """Second factors, keys and unused logins, of users and of root; what the report does not tell is unknown."""
    check, name, status = line.split()
    assert said.get((check, name), "-") == status
