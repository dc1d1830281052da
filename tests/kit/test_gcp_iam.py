"""Google Cloud IAM in words: members, roles, and conditions on attestation tokens."""

import pytest

from strongroom.kit.gcp_iam import (
    administers,
    genuine,
    impersonates,
    is_default_account,
    is_public,
    is_service_account,
    is_service_agent,
    pinned,
)

DIGEST = "sha256:" + "a1" * 32
SPACE = "assertion.swname == 'CONFIDENTIAL_SPACE'"
STABLE = "'STABLE' in assertion.submods.confidential_space.support_attributes"
IMAGE = f"assertion.submods.container.image_digest == '{DIGEST}'"


@pytest.mark.parametrize(
    ("condition", "is_genuine", "is_pinned"),
    [
        (f"{SPACE} && {STABLE} && {IMAGE}", True, True),
        (f"({IMAGE}) && (({STABLE}) && {SPACE})", True, True),
        (f"({SPACE} && {STABLE} && {IMAGE})", True, True),
        (f'{SPACE.replace(chr(39), chr(34))} && "LATEST" in {STABLE.partition(" in ")[2]} && {IMAGE}', True, True),
        (f"{SPACE} && assertion.dbgstat == 'disabled-since-boot' && {IMAGE}", True, True),
        (f"{SPACE} && {STABLE} && assertion.submods.container.image_digest in ['{DIGEST}', '{DIGEST}']", True, True),
        (
            f"{SPACE} && {STABLE} && assertion.submods.container.image_signatures.exists(s, s.key_id == '{'0f' * 32}')",
            True,
            True,
        ),
        (f"{SPACE} && {STABLE}", True, False),
        (f"{SPACE} && {IMAGE}", False, False),
        (f"{STABLE} && {IMAGE}", False, False),
        (f"{SPACE} && {STABLE} && ({IMAGE} || true)", True, False),
        (f"({SPACE} && {STABLE} && {IMAGE}) || {SPACE}", False, False),
        (f"({SPACE} && {STABLE} && {IMAGE}) || ({SPACE} && {STABLE} && {IMAGE})", True, True),
        (f"{SPACE} && {STABLE} && assertion.submods.container.image_digest == 'sha256:{'0' * 64}'", True, False),
        (f"{SPACE} && {STABLE} && assertion.submods.container.image_digest != '{DIGEST}'", True, False),
        (f"{SPACE} && {STABLE} && !({IMAGE})", True, False),
        (f"{SPACE} && {STABLE} && assertion.note == ' && {IMAGE.replace(chr(39), '')}'", True, False),
        (f"assertion.swname == 'GCE' && {STABLE} && {IMAGE}", False, False),
        ("true", False, False),
        ("", False, False),
    ],
)
def test_conditions_are_read_conservatively(condition: str, is_genuine: bool, is_pinned: bool) -> None:
    """A condition counts only when every branch of it demands the genuine image, and for a pin the workload too."""
    assert (genuine(condition), pinned(condition)) == (is_genuine, is_pinned)


@pytest.mark.parametrize(
    ("member", "public", "account", "agent"),
    [
        ("allUsers", True, False, False),
        ("allAuthenticatedUsers", True, False, False),
        ("user:jane@example.com", False, False, False),
        ("serviceAccount:t@p.iam.gserviceaccount.com", False, True, False),
        ("user:t@p.iam.gserviceaccount.com", False, True, False),
        ("serviceAccount:service-1@gcp-sa-aiplatform.iam.gserviceaccount.com", False, True, True),
        ("serviceAccount:service-1@container-engine-robot.iam.gserviceaccount.com", False, True, True),
        ("serviceAccount:1@cloudservices.gserviceaccount.com", False, True, True),
        ("serviceAccount:1-compute@developer.gserviceaccount.com", False, True, False),
    ],
)
def test_members_are_told_apart(member: str, public: bool, account: bool, agent: bool) -> None:
    """Anybody, people, programs of the owner's and Google's own agents are four different things."""
    assert (is_public(member), is_service_account(member), is_service_agent(member)) == (public, account, agent)


@pytest.mark.parametrize(
    ("role", "admin", "takes"),
    [
        ("roles/owner", True, False),
        ("roles/editor", True, False),
        ("roles/viewer", False, False),
        ("roles/storage.objectAdmin", True, False),
        ("roles/compute.instanceAdmin.v1", True, False),
        ("roles/storage.objectViewer", False, False),
        ("roles/iam.serviceAccountUser", False, True),
        ("roles/iam.serviceAccountTokenCreator", False, True),
        ("roles/aiplatform.serviceAgent", False, True),
        ("roles/iam.serviceAccountAdmin", True, True),
    ],
)
def test_roles_are_known_by_what_they_open(role: str, admin: bool, takes: bool) -> None:
    """A role administers, lets its holder be another, both, or neither."""
    assert (administers(role), impersonates(role)) == (admin, takes)


def test_default_accounts_are_known_by_their_form() -> None:
    """The default accounts of Compute Engine and App Engine have addresses of a fixed form."""
    assert is_default_account("123-compute@developer.gserviceaccount.com")
    assert is_default_account("p@appspot.gserviceaccount.com")
    assert not is_default_account("trainer@p.iam.gserviceaccount.com")
