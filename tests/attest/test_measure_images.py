"""Firmware of TDs and enclave images: what they measure to, held against what other programs computed."""

import base64
import contextlib
import hashlib
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import eif, eif_signature, tdvf
from strongroom.model.errors import BadInput, Malformed, TooLarge

# Firmware of TDs


def firmware(*sections: tuple[int, int, int, int, int, int], octets: int = 0x3000) -> bytearray:
    """An image with TDX metadata and the table of GUIDs at its end."""
    data = bytearray(0x1000) + bytearray((i * 7 + 3) & 0xFF for i in range(octets - 0x1000))
    descriptor = bytes.fromhex("f3f9eae98e16d544a8eb7f4d8738f6ae") + b"TDVF"
    descriptor += struct.pack("<III", 16 + 32 * len(sections), 1, len(sections))
    descriptor += b"".join(struct.pack("<IIQQII", *s) for s in sections)
    at = octets - 0x400
    data[at - 16 : at - 16 + len(descriptor)] = descriptor
    entry = struct.pack("<IH", octets - at, 22) + bytes.fromhex("35657ae44a989847865e4685a7bf8ec2")
    table = entry + struct.pack("<H", 18 + len(entry)) + bytes.fromhex("de82b596b21ff745baeaa366c55a082d")
    data[octets - 32 - len(table) : octets - 32] = table
    return data


CODE = (0x1000, 0x2000, 0xFFFFE000, 0x2000, 0, 1)  # measured
VARIABLES = (0, 0x1000, 0xFFFFD000, 0x1000, 1, 0)  # added only
SCRATCH, HOB = (0, 0, 0x810000, 0x2000, 3, 0), (0, 0, 0x809000, 0x1000, 2, 0)


def test_mrtd_is_what_another_program_computes() -> None:
    """The MRTD of a made-up firmware equals what google/gce-tcb-verifier computes for it."""
    made = tdvf.mrtd(bytes(firmware(CODE, VARIABLES, SCRATCH, HOB)))
    assert made.hex() == (
        "432670b300e1c75a880f734f313556070586154571783e03e913468b95614a51cb33426ddf8c0c95fbfbe39763d27d87"
    )


def test_mrtd_of_debians_firmware() -> None:
    """The MRTD of Debian's own OVMF equals what google/gce-tcb-verifier computes for it."""
    path = Path("/usr/share/ovmf/OVMF.fd")
    if not path.exists():
        pytest.skip(f"no {path}: apt install ovmf")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != "7b456907dd0786d415999e801a1ac4637b8ed4d7cf5378cfc6edbe5e574dd773":
        pytest.skip("another build of OVMF than 2022.11-6+deb12u2, for which the value is known")
    assert tdvf.mrtd(data).hex() == (
        "4c7206f0f483c524f12c366c711e9049030a8d47c471ee5aa9c4999a08de4057fb887fed0744d5631a212967fb231c47"
    )


def test_mrtd_covers_what_it_must_and_no_more() -> None:
    """Measured contents, addresses and the order count; contents that are only added, and later pages, do not."""
    base = tdvf.mrtd(bytes(firmware(CODE, VARIABLES)))
    code = firmware(CODE, VARIABLES)
    code[0x1800] ^= 1
    variables = firmware(CODE, VARIABLES)
    variables[0x10] ^= 1
    moved = (0, 0x1000, 0xFFFFC000, 0x1000, 1, 0)
    later = (0, 0, 0x10000000, 0x100000, 4, 2)
    assert tdvf.mrtd(bytes(code)) != base
    assert tdvf.mrtd(bytes(variables)) == base
    assert tdvf.mrtd(bytes(firmware(CODE, moved))) != base
    assert tdvf.mrtd(bytes(firmware(CODE, VARIABLES)), tdvf.Order.SECTION) != base
    with_later = [s.added for s in tdvf.sections(bytes(firmware(CODE, VARIABLES, later)))]
    assert with_later == [True, True, False]


@pytest.mark.parametrize(
    "section",
    [
        (0x1000, 0x2000, 0xFFFFE001, 0x2000, 0, 1),
        (0x1000, 0x2000, 0xFFFFE000, 0x2001, 0, 1),
        (0x2000, 0x2000, 0xFFFFE000, 0x2000, 0, 1),
        (0x1000, 0x1000, 0xFFFFE000, 0x2000, 0, 1),
        (0x1000, 0x2000, 0xFFFFE000, 0x1000, 0, 1),
        (0, 0, 0xFFFFE000, 0, 3, 0),
        (0, 0, 0, 1 << 40, 3, 0),
    ],
)
def test_sections_that_do_not_fit_are_refused(section: tuple[int, int, int, int, int, int]) -> None:
    """A section outside of the file, of part of a page, or of all memory is refused."""
    with pytest.raises((Malformed, TooLarge)):
        tdvf.mrtd(bytes(firmware(section)))


def test_firmware_without_metadata_is_refused() -> None:
    """An image that is not built for TDX has no MRTD that could be told beforehand."""
    image = firmware(CODE)
    image[-0x40:] = bytes(0x40)
    for data in (bytes(image), b"", bytes(100)):
        with pytest.raises(Malformed):
            tdvf.mrtd(data)


@given(st.lists(st.tuples(st.integers(0, 0x2FFF), st.integers(0, 255)), max_size=8))
def test_no_octets_make_the_reader_of_firmware_fall(edits: list[tuple[int, int]]) -> None:
    """Whatever the octets, firmware is measured or refused."""
    image = firmware(CODE, SCRATCH)
    for at, octet in edits:
        image[0x2B00 + at % 0x500] = octet
    with contextlib.suppress(BadInput):
        tdvf.mrtd(bytes(image))


# Enclave images

# Written by AWS's eif_build 0.3.1: kernel = bytes(range(200)), `quiet`, two ramdisks, signed. Compressed, in base 85.
SIGNED = (
    "c-q~SX>3$g6vs=U6$SxC#p8m)fPj>i*}5Xav@>*Ly6-43%)CxtJ4-t=?Mz$Q6j5B*RTh=S1r=EoL}hV9g=k_TDpAxA#%Mx}F;PFD"
    "ChG6K4y7iN@R^zX@44@sd(QcvbMBkTP}Jt6AxZjYc2fT*8Kfq*6BF`WpBy}_PYxNCkW&&eKk4%PoJ`1+g#0rhM<nFPK9PFrax6Z+"
    "^31%XK?8a*D0%RZl+-JR4l@kDa>U3{S6w~&nrp8cbG_Vf<4re@z2(+%<Bbz0-Zp9Sl-sAKO-s+1ZZcb}w#=;ToZP$_cg(zV)@*xz"
    "fx|hcu&B7CbgrwcyrQzIx~8_SzM-*c-d%UkU$D@<$m3O-eJyHhn?Dc?wReOg(ax?|yt}9Op2bU+E?a)@eJk!?`M`s#9(wqZM^~>|"
    "yKeo4jgLM4#HP(#wm$jP)7!T1*!j$}&pp5Eg%@Ai{qml@`}V)`>Vbo=9eVwZHxC~<dhD&Y-+A}F<L`g);R*eQC+6DGsVdR_@iO3E"
    "V{yRkQ_9={#h7PoGfwM!u2aGhH55c;&M=|O?^OL>mlAb*-BGtOueVQ8qv~E3lO-$NY)-dWYfRQWOIDuAl3~uuv1VFLnOSKjQ=X|m"
    "L`^8<$AdR<!6NN>p#DNmQ-(FejH$d`3A>|e&{y3Zi7EjsbJbvH980MZ4k`mYY#C--h9xu0xOke;5%RPt;o@L($e0)G^!uk73pyjw"
    "P~ZZ6O}jX0aDNv@G^@0JT-Y7(s*$z<hLI7)6AF6!Ekn*5Qco@48HuRAAmkQ!lyFpSRz2>hvN^d|()+*p;*>%umNFS91?;P&hNn58"
    "K<w<D7tR{Qg}NA*4h#i}0|nwk#&o@%eX-PvN8I9-c2UJ45#4JJCmW<qx?~Y(!CEA9(Pje^XR`2&>9HC)T`D1ILiR{2R;M1{B{2ix"
    "96XltprtBgHIuIIKnwz2>~>KI8pE-hs#>weIp3-U06m1YARSTy$^V|~zUVoZo*{04VJlm$Rv%7vdd)7~+#r=4@#^+U-R_}JE!5m9"
    "<x+u8^V0OS5@xOBt3}e{sO;>tz5z=u>0(qLl4^Way^~h@<fe=g1BOQ0)r4~!!A&&Ij#EHv@N8$FkET#^+4sQRhqUPw>ZvacB5u5M"
    "B?r%1o?>|VNaaE2W-t+=c!*xZS_f$hJ1^QY);LkD28q)0E{vJ_d?K(8LBNluj;CVMwGh-#!XDfs1d2ne32g~Pg3?I@D@Ekf{BqC&"
    "fjZLH5k3HF@yjQwi`CRWVy|9IrPLerCRQ^D2f>242RZDdQN^^cn$QKXb>g0;KXpknnl5$~1h(^Zeso3HUHa|U?o2(}ONwi_NZ^VA"
    "f&18N$#QVXr-^nwNhP-F`fUl3R(pdwkQxme9q7AD+Bpkd)AogU6d;SxcGFXj);$AZ+h}H#c9lb>f^@kwxt3|F&<S9(p%2ky2UD%0"
    "`PvM<`si9nsp3;a=t9VtIh##j2Q=(>1Svs5Yi7VsYOf)Elm1%Ah&z{&SPXj2+Fj4ZwSg<v0VQpsjU+SauitcZS_Kxqae9)2tAm}N"
    "1l4>!(Cmhgif%euJFz@;Q@i_B#Me4$gP<S(FtKc8@f!yGZaF#NxP;#<Rr>{WM?1sHrn9mFmmPy3W0dU>Um`o96Na!4A`$2)JS|`!"
    "q&P+5N&josSo)cSBAcjIWEt26z6Vaw1Xh8);Kzhq4$gqH;3JR?(m>--mhoUJ*aWtL@4)`iEOxLcfrBY56TnyC6Yve#GLq#tP?nH)"
    "CJvdwNpKEK0h2%w8~~qD`a&6>DtlxpgtBFZd@hq=;gYprpUjkvjPisWqC=+#%W0}L%HQ(K=oI;VDE3*rre&P?6fR-;S-zlKljJz>"
    "&?%WOhw(ZlTjg8%Oa72AlV!tjs2!2rye3=ZC+^)whCWt)mDSv_cI|(~Ifg4zDmz%aIP;HuEI-If?&x}1BVTLLlVu$Yj{XZ=a66v"
)
PCRS = {
    "pcr0": "80a7e3455a89aee6ae81dae9ca372b5908212a989fe1b012416262b40523d9cedc9a0ef34ef33e2331c8f828266eb3d3",
    "pcr1": "b0f516a1a3282aa8644367228c7bd3ee18947d6d29e2bba441d2add45d9c09a407793962eeba387f0cd3552a5059e6a0",
    "pcr2": "ce19d22a3254eb42d44040f172c0a45fac31aa7c61e10702f95a23228e9c285951752cf9a43889687fc1e7335d3ee594",
    "pcr8": "66335d227793eb29120bbd80cd4a508657dbd2edca12a27c077988dc47dc892161e2f6842a6d47f521ba940fb130ed4e",
}
# PCR2 of an image with one ramdisk, as eif_build prints it: a register extended with the hash of nothing.
NO_APPLICATION = "21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a"


def signed() -> bytes:
    """The image that AWS's own program wrote."""
    return zlib.decompress(base64.b85decode(SIGNED))


def image(*sections: tuple[int, bytes], version: int = 4) -> bytes:
    """An image of sections, with a header that fits."""
    at, offsets, sizes, body = eif.HEADER, [], [], b""
    for kind, data in sections:
        offsets.append(at)
        sizes.append(len(data))
        body += struct.pack(">HHQ", kind, 0, len(data)) + data
        at += 12 + len(data)
    fixed = struct.pack(">4sHHQQHH", b".eif", version, 0, 0, 0, 0, len(sections))
    spare = [0] * (32 - len(sections))
    head = fixed + struct.pack(">32Q", *offsets, *spare) + struct.pack(">32Q", *sizes, *spare) + bytes(4)
    return head + zlib.crc32(head + body).to_bytes(4, "big") + body


def pcrs(data: bytes) -> dict[str, str]:
    """The PCRs of an image."""
    return eif.pcrs(data, eif.parse(data), eif_signature.certificate)


def test_pcrs_are_what_awss_program_prints() -> None:
    """An image that AWS's builder wrote measures to the PCRs that it printed, PCR8 included."""
    assert pcrs(signed()) == PCRS
    assert b"BuildTool" in eif.metadata(signed(), eif.parse(signed()))


def test_a_made_up_image_measures_alike() -> None:
    """The same kernel, command line and ramdisks give the same PCRs, whatever the metadata says."""
    parts = [(1, bytes(range(200))), (2, b"quiet"), (5, b"{}"), (3, b"first ramdisk"), (3, b"second ramdisk")]
    assert pcrs(image(*parts)) == {k: v for k, v in PCRS.items() if k != "pcr8"}


def test_an_image_without_application() -> None:
    """With one ramdisk PCR0 is PCR1, and PCR2 is that of nothing."""
    found = pcrs(image((1, b"k"), (2, b"c"), (3, b"r")))
    assert found["pcr0"] == found["pcr1"]
    assert found["pcr2"] == NO_APPLICATION


@pytest.mark.parametrize(
    "data",
    [
        b".eif",
        signed()[:-1],
        signed() + b"\0",
        b"x" + signed()[1:],
        signed()[:600] + bytes([signed()[600] ^ 1]) + signed()[601:],
        image((1, b"k"), (2, b"c")),
        image((1, b"k"), (3, b"r"), (2, b"c")),
        image((1, b"k"), (1, b"k"), (2, b"c"), (3, b"r")),
        image((1, b"k"), (2, b"c"), (3, b"r"), (4, b"\x80"), (4, b"\x80")),
        image((1, b"k"), (2, b"c"), (3, b"r"), (6, b"")),
        image((1, b"k"), (2, b"c"), (3, b"r"), version=9),
    ],
)
def test_images_that_are_none_are_refused(data: bytes) -> None:
    """An image that is cut, extended, changed, out of order or of an unknown version is refused."""
    with pytest.raises(Malformed):
        pcrs(data)


@pytest.mark.parametrize(
    "section",
    [
        b"",
        b"\x80",
        b"\xa0",
        b"\x9f\xff",
        b"\x81\xa0",
        b"\x81\xa1\x61a\x40",
        b"\x81\xa2\x73signing_certificate\x40\x69signature\x40",
        b"\x81\xa2\x73signing_certificate\x81\x19\x01\x00\x69signature\x40",
        b"\x81\xa2\x69signature\x40\x69signature\x40",
    ],
)
def test_signature_sections_that_are_none_are_refused(section: bytes) -> None:
    """A signature section without a certificate, or of another shape, gives no PCR8 at all."""
    with pytest.raises(Malformed):
        pcrs(image((1, b"k"), (2, b"c"), (3, b"r"), (4, section)))


@given(st.lists(st.tuples(st.integers(0, 2847), st.integers(0, 255)), max_size=4))
def test_no_octets_make_the_reader_of_images_fall(edits: list[tuple[int, int]]) -> None:
    """Whatever the octets, an image with a right checksum is measured or refused."""
    data = bytearray(signed())
    for at, octet in edits:
        data[at] = octet
    data[544:548] = zlib.crc32(data[548:], zlib.crc32(data[:544])).to_bytes(4, "big")
    with contextlib.suppress(BadInput):
        pcrs(bytes(data))
