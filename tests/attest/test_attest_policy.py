"""Appraisal policies as files: the default that is printed, and what a file may not say."""

from pathlib import Path

import msgspec
import pytest
from in_process import run

from strongroom.app import attest_policy_words as words
from strongroom.app.attest_policy import check, load, parse, waivable
from strongroom.app.evidence import verifiers
from strongroom.attest.policy import SCHEMA, Policy, SnpTcb
from strongroom.model.errors import Malformed, TooLarge, Unreadable

HEAD = f'schema = "{SCHEMA}"\n'


def fields() -> set[str]:
    """Every field of a policy, by its path."""
    own = {f.name for f in msgspec.structs.fields(Policy)} - set(words.SECTIONS)
    below = {f"{s}.{f.name}" for s, (kind, _) in words.SECTIONS.items() for f in msgspec.structs.fields(kind)}
    return own | below


def test_the_printed_default_is_the_default(tmp_path: Path) -> None:
    """What the command prints, read again, demands what is demanded where no policy is named."""
    done = run("attest", "policy", cwd=tmp_path)
    assert (done.returncode, parse(done.stdout.encode(), "x")) == (0, Policy())


def test_every_field_is_in_the_printed_default() -> None:
    """A field that is added without a sentence in the file, or removed and left in it, fails here."""
    assert set(words.ABOUT) == fields()
    text = words.template()
    for path, about in words.ABOUT.items():
        assert path == "schema" or f"# {about}" in text, path
        assert f"{path.rpartition('.')[2]}" in text, path


def test_what_is_commented_out_may_be_said() -> None:
    """Each line of the default that is only an example is one that the reader takes."""
    lines = [line.removeprefix("# ") if " = " in line else line for line in words.template().splitlines()]
    examples = [line for line in lines if line and not line.startswith("#")]
    made = parse("\n".join(x for x in examples if "snp.crl" not in x).encode(), "x")
    assert (made.snp.smt, made.snp.min_abi, made.tdx.min_evaluation, made.sgx.isv_prod_id) == (False, "1.55", 17, 1)
    assert made.snp.min_tcb == {"Milan": SnpTcb()}


@pytest.mark.parametrize(
    ("text", "found", "wanted"),
    [
        ("", "no schema", "schema = "),
        ('schema = "strongroom.attest-policy/9"', "strongroom.attest-policy/9", SCHEMA),
        (HEAD + "[snp]\ndebgu = true", "'debgu' in [snp]", "perhaps 'debug'"),
        (HEAD + "max_age_hour = 1", "'max_age_hour'", "perhaps 'max_age_hours'"),
        (HEAD + "[sev]\ndebug = true", "'sev'", "snp"),
        (HEAD + "[snp.min_tcb.Milan]\nboot = 1", "'boot' in [snp.min_tcb.Milan]", "bootloader"),
        (HEAD + "[snp.min_tcb.milan]\nsnp = 1", "'milan'", "perhaps 'Milan'"),
        (HEAD + "[snp.min_tcb.Milan]\nsnp = 256", "snp.min_tcb.Milan.snp = 256", "0 to 255"),
        (HEAD + "[snp]\nmax_vmpl = -1", "snp.max_vmpl = -1", "0 to 3"),
        (HEAD + '[snp]\nsmt = "yes"', "Expected `bool | null`", "a field"),
        (HEAD + '[snp]\nmin_abi = "latest"', "'latest'", "1.55"),
        (HEAD + '[snp]\nhost_data = ["xyz"]', "'xyz' in snp.host_data", "hexadecimal"),
        (HEAD + '[tdx]\ntcb_status = ["uptodate"]', "'uptodate'", "perhaps 'UpToDate'"),
        (HEAD + '[unchecked]\n"snp.crls" = "no way out"', "'snp.crls'", "perhaps 'snp.crl'"),
        (HEAD + '[unchecked]\n"snp.signature" = "no way out"', "snp.signature", "one of"),
        (HEAD + '[unchecked]\n"snp.crl" = "because"', "no reason", "a sentence"),
        (HEAD + "max_age_hours = 0", "max_age_hours 0", "more than 0"),
        (HEAD + "[snp]\n[snp]", "cannot declare", "TOML"),
    ],
)
def test_a_policy_that_may_be_misunderstood_is_refused(text: str, found: str, wanted: str) -> None:
    """A word that is misspelt, out of range or of the wrong kind is told with what was meant, and demands nothing."""
    with pytest.raises(Malformed) as e:
        parse(text.encode(), "policy.toml")
    assert found in e.value.found
    assert wanted in e.value.wanted


def test_exactly_the_waivable_steps_may_be_unchecked() -> None:
    """Every step of every verifier: it is taken where the verifier says so, and refused where not."""
    steps = [s for v in verifiers().values() for s in v.steps]
    for step in steps:
        text = f'{HEAD}[unchecked]\n"{step.id}" = "decided by Ada"'.encode()
        if step.waivable:
            assert parse(text, "x").unchecked == {step.id: "decided by Ada"}
        else:
            with pytest.raises(Malformed):
                parse(text, "x")
    assert set(waivable()) == {s.id for s in steps if s.waivable}


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A policy that is missing, a folder, or far too long is never the default."""
    (tmp_path / "long.toml").write_bytes(HEAD.encode() + b"#" * (1 << 20))
    for name, error in (("none.toml", Unreadable), ("", Unreadable), ("long.toml", TooLarge)):
        with pytest.raises(error):
            load(tmp_path / name)


def test_check_says_in_words_what_is_allowed_and_left_out(tmp_path: Path) -> None:
    """What a policy allows beyond the default, and each step that it leaves unchecked with its reason, is said."""
    path = tmp_path / "p.toml"
    more = '[snp]\ndebug = true\nmin_guest_svn = 3\n[tdx]\ngrace_days = 5\n[unchecked]\n"snp.crl" = "decided by Ada"\n'
    path.write_text(HEAD + 'require = ["claims.debug == false"]\n' + more)
    said = run("attest", "policy", "check", str(path), cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    for text in ("ALLOWED: debug", "guest SVN at least 3", "OutOfDate for 5 days", "claims.debug == false", "Ada"):
        assert text in said.stdout
    assert "ALLOWED" not in "".join(d for _, d in words.demands(Policy(), waivable()))


def test_check_compiles_the_expressions(tmp_path: Path) -> None:
    """An expression that is none is found before any evidence comes."""
    path = tmp_path / "p.toml"
    path.write_text(HEAD + 'require = ["claims.debug =="]\n')
    with pytest.raises(Malformed, match="no expression"):
        check(path)
