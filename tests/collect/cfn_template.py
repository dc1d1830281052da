"""What the tests of CloudFormation share: write a template, read it, resolve a value in it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from strongroom.collect.cloudformation.stack import Stack
from strongroom.collect.cloudformation.template import read
from strongroom.collect.sources import cfn
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Estate
from strongroom.model.ports import Limits, Request

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def collected(path: Path, limits: Limits | None = None) -> Estate:
    """What the source makes of a path."""
    return cfn.collect(Request(f"cfn:{path}", str(path), NOW, limits or Limits()))


def estate(folder: Path, text: str | bytes | Mapping[str, object], name: str = "template.yaml") -> Estate:
    """Write one template and read it."""
    raw = text if isinstance(text, bytes) else text.encode() if isinstance(text, str) else json.dumps(text).encode()
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return collected(path)


def by_address(found: Estate) -> dict[str, Asset]:
    """The assets by their addresses."""
    return {a.address: a for a in found.assets}


def stack(text: str, gaps: list[tuple[str, GapCode, str]] | None = None, **passed: object) -> Stack:
    """A template as a stack, its gaps noted in a list."""
    noted = gaps if gaps is not None else []
    template = read(text.encode(), json_only=False)
    return Stack(template, "t.yaml", lambda s, c, d, _: noted.append((s, c, d)), lambda *_: None, passed)


def properties(text: str, name: str = "R", **passed: object) -> Mapping[str, object]:
    """The resolved properties of one resource of a template."""
    return next(r.properties for r in stack(text, None, **passed).resources() if r.address == name)


def value(expression: str, rest: str = "", **passed: object) -> object:
    """What an expression in YAML comes to, in a template with some parameters, mappings, conditions and resources."""
    body = f"""
Parameters:
  Name: {{Type: String, Default: trainer}}
  Open: {{Type: String}}
  Chosen: {{Type: String, AllowedValues: [dev, prod]}}
  Only: {{Type: String, AllowedValues: [one]}}
  Names: {{Type: CommaDelimitedList, Default: "a, b,c"}}
  Count: {{Type: Number, Default: 3}}
  Stored: {{Type: "AWS::SSM::Parameter::Value<String>", Default: /golden/image}}
  Secret: {{Type: String, NoEcho: true, Default: hunter2}}
  Hidden: {{Type: String, NoEcho: "true"}}
Mappings:
  Sizes:
    dev: {{type: m5.large, disk: 8}}
    prod: {{type: m5.large, disk: 64}}
Conditions:
  Sure: {{"Fn::Equals": [!Ref Name, trainer]}}
  Never: !Not [{{Condition: Sure}}]
  Maybe: !Equals [!Ref Open, x]
  Test: !Equals [!Ref Chosen, test]
  Ring: !And [{{Condition: Round}}, {{Condition: Sure}}]
  Round: !Or [{{Condition: Ring}}, {{Condition: Never}}]
{rest}
Resources:
  Bucket: {{Type: AWS::S3::Bucket, Properties: {{BucketName: weights}}}}
  Nameless: {{Type: AWS::S3::Bucket}}
  Key: {{Type: AWS::KMS::Key}}
  R:
    Type: Custom::Thing
    Properties:
      V: {expression}
"""
    found = properties(body, "R", **passed)
    return found.get("V", "(absent)")
