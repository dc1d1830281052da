"""The interface of a broker, described (OpenAPI 3.1): what is asked and answered, so that others can hold it to that."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

import strongroom
from strongroom.attest.members import KBS_KINDS
from strongroom.kit import kbs, runtime_data
from strongroom.kit.canonical import Json
from strongroom.kit.jwk import ECDH, MLKEM, OAEP

Table: TypeAlias = dict[str, Json]
_JWT = r"^[\w-]+\.[\w-]+\.[\w-]+$"
_B64 = "^[A-Za-z0-9_-]*$"
_SEGMENT = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
_NAME = "/{repository}/{type}/{tag}"
_DIGEST: Json = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_TEXT: Json = {"type": "string"}


def document(title: str, paths: Table, schemas: Table, security: Table) -> bytes:
    """A document of paths, with the schemas that they refer to."""
    held: Table = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": strongroom.__version__},
        "paths": paths,
        "components": {"schemas": {**schemas, "Problem": problem()}, "securitySchemes": security},
    }
    return msgspec.json.encode(held)


def problem() -> Table:
    """A problem (RFC 7807), of the protocol's own types."""
    return {
        "type": "object",
        "required": ["type", "detail"],
        "properties": {"type": {"type": "string", "pattern": f"^{kbs.ERRORS}/"}, "detail": _TEXT},
    }


def ref(name: str) -> Table:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def said(about: str, schema: Table, kind: str = "application/json") -> Table:
    """An answer."""
    return {"description": about, "content": {kind: {"schema": schema}}}


def operation(ident: str, about: str, good: Table, *statuses: int, **more: Json) -> Table:
    """What a method of a path does: its good answer, and with which statuses problems come."""
    problems: Table = {str(s): said(_STATUSES[s], ref("Problem"), "application/problem+json") for s in statuses}
    return {"operationId": ident, "summary": about, "responses": {"200": good, **problems}, **more}


def body(name: str) -> Table:
    """A body of JSON."""
    return {"required": True, "content": {"application/json": {"schema": ref(name)}}}


_STATUSES: Mapping[int, str] = {
    400: "The message is none.",
    401: "Not let in.",
    403: "None of the caller's roles may do this.",
    404: "There is no such thing.",
    405: "Another method is wanted.",
    408: "The body took too long.",
    409: "It stands otherwise.",
    413: "The body is too large.",
    429: "Too many requests of one address; Retry-After says when.",
    503: "Nothing can be released now; Retry-After says when to try again.",
}
_COOKIE: Table = {"name": kbs.COOKIE, "in": "cookie", "schema": _TEXT, "description": "the session, as auth set it"}


def public(algorithm: str) -> bytes:
    """The interface for everybody; `algorithm` is the hash that the policy in force binds by."""
    paths: Table = {
        "/kbs/v0/auth": {"post": _auth()},
        "/kbs/v0/attest": {"post": _attest()},
        f"/kbs/v0/resource{_NAME}": {"get": _resource()},
        f"/strongroom/v0/certificate{_NAME}": {"post": _certificate()},
        f"/strongroom/v0/recipients{_NAME}": {
            "get": _named("recipients", "Who may get outputs", said("who", ref("Stated")))
        },
        f"/strongroom/v0/output{_NAME}": {"post": _output()},
        "/strongroom/v0/evidence": {"get": _evidence()},
        "/.well-known/jwks.json": {"get": operation("keys", "The key of tokens", said("keys", ref("KeySet")), 405)},
        **alive(),
    }
    schemas: Table = {
        "Opening": _opening(algorithm),
        "Challenge": _challenge(),
        "Answer": _answer(),
        "Token": _object({"token": {"type": "string", "pattern": _JWT}}),
        "Resource": _jwe(),
        "KeySet": _object({"keys": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["kty"]}}}),
        "Certified": _object({"certificate": _TEXT, "decision": _TEXT, "policy": _TEXT, "ends": _TEXT}),
        "Stated": _object({"statement": {"type": "string", "pattern": _JWT}}),
        "Handed": {
            **_object({"output": _DIGEST, "policy": _DIGEST}),
            "additionalProperties": False,
        },
        "Noted": _object({"decision": _TEXT, "entry": {"type": "integer"}, "policy": _TEXT}),
        "Evidence": _object({"schema": _TEXT, "runtime_data": _TEXT, "members": {"type": "array", "minItems": 1}}),
    }
    bearing: Table = {"token": {"type": "http", "scheme": "bearer", "description": "the token that attest gave"}}
    return document("Strongroom broker", paths, schemas, bearing)


def alive() -> Table:
    """The paths that say whether it lives, and this description."""
    text: Table = {"type": "string"}
    return {
        "/healthz": {"get": operation("healthz", "It lives", said("ok", text, "text/plain"), 405)},
        "/readyz": {"get": operation("readyz", "It could release", said("ready", text, "text/plain"), 405, 503)},
        "/openapi.json": {"get": operation("openapi", "This", said("this", {"type": "object"}), 405, 503)},
    }


def _object(properties: Table) -> Table:
    return {"type": "object", "required": list(properties), "properties": properties}


def _auth() -> Table:
    good = said("a challenge", ref("Challenge"))
    good["headers"] = {"Set-Cookie": {"schema": {"type": "string", "pattern": f"^{kbs.COOKIE}="}}}
    return operation("auth", "Begin", good, 400, 405, 408, 413, 429, 503, requestBody=body("Opening"))


def _attest() -> Table:
    good = said("a token", ref("Token"))
    more: Table = {"requestBody": body("Answer"), "parameters": [_COOKIE]}
    return operation("attest", "Answer the challenge", good, 400, 401, 405, 408, 413, 429, 503, **more)


def _named(ident: str, about: str, good: Table, *statuses: int, **more: Json) -> Table:
    """What is asked of a resource by name, by whoever was attested."""
    parameters: list[Json] = [
        {"name": n, "in": "path", "required": True, "schema": {"type": "string", "pattern": _SEGMENT}}
        for n in ("repository", "type", "tag")
    ]
    given: Table = {"parameters": [*parameters, _COOKIE], "security": [{}, {"token": []}], **more}
    return operation(ident, about, good, *statuses, 401, 404, 405, 429, 503, **given)


def _resource() -> Table:
    good = said("for the key", ref("Resource"))
    about = "How many seconds it may be held until the workload has attested again."
    good["headers"] = {kbs.LEASE: {"description": about, "schema": {"type": "integer", "minimum": 0}}}
    return _named("resource", "Get it", good)


def _certificate() -> Table:
    asked: Json = {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}
    about = "A certificate for the attested key, asked for with PKCS#10"
    good = said("the certificate", ref("Certified"))
    return _named("certificate", about, good, 400, 408, 413, requestBody=asked)


def _output() -> Table:
    good = said("it is in the log", ref("Noted"))
    return _named("output", "Say that an output is handed out", good, 400, 408, 413, requestBody=body("Handed"))


def _evidence() -> Table:
    asked: Table = {"name": "nonce", "in": "query", "required": True}
    asked["schema"] = {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}
    good = said("evidence", ref("Evidence"))
    return operation("evidence", "Who attests the broker", good, 400, 404, 405, 429, 503, parameters=[asked])


def _opening(algorithm: str) -> Table:
    hashes: Table = {"type": "array", "items": {"type": "string"}}
    hashes["anyOf"] = [{"maxItems": 0}, {"contains": {"const": algorithm}}]
    extra: Table = {"type": "object", "properties": {"supported-hash-algorithms": hashes}}
    either: Table = {"anyOf": [extra, _TEXT]} if algorithm == runtime_data.HASHES[1] else extra
    tees: list[Json] = [*KBS_KINDS]
    opening = _object({"version": {"type": "string", "pattern": r"^0\.4\.[0-9]{1,4}$"}, "tee": {"enum": tees}})
    properties: Json = opening["properties"]
    assert isinstance(properties, dict)
    opening["properties"] = {**properties, "extra-params": either}
    return opening


def _challenge() -> Table:
    selected: Table = _object({"selected-hash-algorithm": {"enum": [*runtime_data.HASHES]}})
    return _object({"nonce": {"type": "string", "pattern": "^[A-Za-z0-9+/]{43}=$"}, "extra-params": selected})


def _answer() -> Table:
    keys: list[Json] = [ECDH, OAEP, MLKEM]
    key: Json = {"type": "object", "required": ["kty"], "properties": {"kty": _TEXT, "alg": {"enum": keys}}}
    runtime = _object({"nonce": _TEXT, "tee-pubkey": key})
    evidence: Table = {"type": "object", "required": ["primary_evidence"]}
    evidence["properties"] = {"primary_evidence": {}, "additional_evidence": _TEXT}
    init = _object({"format": {"enum": ["toml", "json"]}, "body": _TEXT})
    found: Table = {"type": "object", "required": ["runtime-data", "tee-evidence"]}
    found["properties"] = {"runtime-data": runtime, "tee-evidence": evidence, "init-data": {"anyOf": [init, _NULL]}}
    return found


_NULL: Table = {"type": "null"}


def _jwe() -> Table:
    octets: Table = {"type": "string", "pattern": _B64}
    return _object(dict.fromkeys(("protected", "encrypted_key", "iv", "ciphertext", "tag"), octets))
