"""Sign a model in the format of OpenSSF Model Signing v1.0, with a second signature where one is asked for."""

from dataclasses import dataclass
from typing import NamedTuple

from strongroom.app import seal_model
from strongroom.app.seal_signers import Signer
from strongroom.kit import dsse, model_key, oms, sigstore_bundle
from strongroom.kit.oms_comparing import Tree
from strongroom.model.errors import Malformed, TooLarge
from strongroom.model.ports import Progress
from strongroom.seal import hashing


@dataclass(frozen=True, slots=True)
class SignOptions:
    """How a model is signed. `outputs` are where the signatures will lie: inside the model they are left out of it.

    `compat` names a model of one file as model-signing 1.1.1 does, which takes no other name. `name` is what the model
    is called, where that is not the name of its folder.
    """

    outputs: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    allow_symlinks: bool = False
    shard_size: int | None = None  # octets; None hashes each file whole
    hash_type: str = "sha256"
    compat: bool = False
    workers: int = 0  # 0: as many as there are cores
    name: str = ""


class Signed(NamedTuple):
    """The bundles, one for each signer, and what they are over."""

    bundles: tuple[bytes, ...]
    payload: bytes
    model: str
    files: int
    octets: int
    notes: tuple[str, ...]


def sign(path: str, signers: tuple[Signer, ...], options: SignOptions, tell: Progress | None = None) -> Signed:
    """The bundles of a model; nothing is written.

    Raises:
        BadInput: the model has a link, a device or a name that may not be signed, changed meanwhile, or is empty.
        NotFound: the hash wants a package that is not installed.
    """
    model = seal_model.model(path)
    how = _serialization(model, options)
    tree = seal_model.tree(model, how.ignore_paths, allow_symlinks=options.allow_symlinks)
    _refuse_strange(model, tree)
    cut = (p for file, size in tree.files.items() for p in oms.pieces(file, size, options.shard_size))
    parts = seal_model.longest_first(cut, tree)
    links = options.allow_symlinks or model.single is not None
    digests = hashing.digests(
        model.root, parts, how.hash_type, allow_symlinks=links, workers=options.workers, tell=tell
    )
    by_reference = options.compat and model.single is not None
    payload = oms.statement(options.name or model.name, how, digests, as_reference=by_reference)
    bundles = tuple(bundle(signer, payload, path) for signer in signers)
    return Signed(bundles, payload, model.name, len(tree.files), sum(tree.files.values()), tree.remarks)


def _serialization(model: seal_model.Model, options: SignOptions) -> oms.Serialization:
    own = filter(None, (model.inside(path) for path in options.outputs))
    given = seal_model.ignored(model, options.ignore)
    always = () if model.single is not None else oms.ALWAYS_IGNORED
    method = oms.FILES if options.shard_size is None else oms.SHARDS
    paths = tuple(dict.fromkeys((*always, *given, *own)))
    return oms.Serialization(method, options.hash_type, options.shard_size, options.allow_symlinks, paths)


def _refuse_strange(model: seal_model.Model, tree: Tree) -> None:
    for path in tree.links:
        hint = "--allow-symlinks signs what it leads to, --ignore PATH leaves it out"
        raise Malformed(str(model.root / path), "a symbolic link", "files and folders alone", hint)
    for path in tree.specials:
        raise Malformed(str(model.root / path), "neither a file nor a folder", "files and folders alone")
    for path in tree.unnamed:
        raise Malformed(str(model.root / path), "a name that is not UTF-8", "a name that JSON can hold")


def bundle(signer: Signer, payload: bytes, subject: str) -> bytes:
    """The bundle of one signer, whose signature is verified first: a faulty token must not hand out a useless one."""
    signature = signer.signed(dsse.pae(dsse.IN_TOTO, payload))
    envelope = dsse.Envelope(dsse.IN_TOTO, payload, signature)
    model_key.verified(signer.public_key, envelope, f"new signature of {subject}")
    data = sigstore_bundle.written(signer.material, envelope)
    if len(data) > sigstore_bundle.MOST:
        raise TooLarge(subject, f"a signature of {len(data)} octets", f"at most {sigstore_bundle.MOST}: larger shards")
    return data
