"""The template as CloudFormation sees it: loops expanded, then transformed by SAM, in this process.

The local cloud's own code expands the loops (`Fn::ForEach`), so the rules see what it deploys.
`test_template.py` compares the result with that of cfn-lint.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

logging.getLogger("kms").setLevel(logging.ERROR)  # the local cloud's, which is not used here
logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns that its metrics are lost

from ministack.services.cloudformation import language_extensions  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / "infra" / "template.yaml"

STATE_MACHINE = "AWS::Serverless::StateMachine"
SAM = "AWS::Serverless-2016-10-31"

Resource = Mapping[str, Any]


class Template:
    """A SAM template without loops (`raw`) and its plain CloudFormation (`plain` and its sections).

    `definitions` has the definition of each state machine by the machine's name. `plain` has the
    same as text, so that cfn-lint checks it, too.
    """

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.definitions = {
            name: resource["Properties"]["Definition"]
            for name, resource in raw["Resources"].items()
            if resource["Type"] == STATE_MACHINE
        }
        self.plain: dict[str, Any] = transform(with_code_in_a_bucket(raw), {}, NoManagedPolicies())
        for name, definition in self.definitions.items():
            properties = self.plain["Resources"][name]["Properties"]
            properties["DefinitionString"] = json.dumps(definition)
        self.parameters: Mapping[str, Any] = self.plain.get("Parameters", {})
        self.conditions: Mapping[str, Any] = self.plain.get("Conditions", {})
        self.resources: Mapping[str, Resource] = self.plain["Resources"]
        self.outputs: Mapping[str, Any] = self.plain.get("Outputs", {})

    def of_type(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Name and properties of each resource of one type."""
        for name, resource in self.resources.items():
            if resource["Type"] == kind:
                yield name, resource.get("Properties", {})

    def properties(self, name: str | None) -> Mapping[str, Any]:
        """The properties of one resource; empty if there is no such resource."""
        return self.resources.get(name or "", {}).get("Properties", {})


class NoManagedPolicies:
    """No role of the template names a managed policy, so SAM needs no list of them."""

    def load(self) -> dict[str, str]:
        return {}


def read(path: Path = PATH) -> dict[str, Any]:
    """The template in a file, in the form that `parsed` returns."""
    return parsed(path.read_text(encoding="utf-8"))


def parsed(text: str) -> dict[str, Any]:
    """A template without loops, with the definition of each state machine in place of its file's
    name."""
    raw = without_loops(yaml_parse(text))
    for resource in raw["Resources"].values():
        if resource["Type"] == STATE_MACHINE:
            file = PATH.parent / resource["Properties"].pop("DefinitionUri")
            resource["Properties"]["Definition"] = json.loads(file.read_text(encoding="utf-8"))
    return raw


def without_loops(written: dict[str, Any]) -> dict[str, Any]:
    """The template after `AWS::LanguageExtensions`, before SAM. Nothing in it uses a mapping."""
    expanded = language_extensions.apply(written, {})
    expanded.pop("Mappings", None)
    return with_constants_filled_in({**expanded, "Transform": SAM})


def with_constants_filled_in(value: Any) -> Any:
    """A copy in which each `Fn::Sub` has the constants that a mapping gave it in its text."""
    if isinstance(value, list):
        return [with_constants_filled_in(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    copy = {key: with_constants_filled_in(inner) for key, inner in value.items()}
    if isinstance(copy.get("Fn::Sub"), list):
        text, own = copy["Fn::Sub"]
        for name, constant in own.items():
            if isinstance(constant, str):
                text = text.replace(f"${{{name}}}", constant)
        own = {name: inner for name, inner in own.items() if not isinstance(inner, str)}
        if not own and "${" not in text:
            return text
        copy["Fn::Sub"] = [text, own] if own else text
    return copy


def with_code_in_a_bucket(raw: dict[str, Any]) -> dict[str, Any]:
    """A copy whose code is in a bucket, as SAM requires."""
    # SAM needs a region; which one has no effect.
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    copy = deepcopy(raw)
    for resource in copy["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return copy


def walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Each value inside `value`, itself included, with its path."""
    yield path, value
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from walk(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, f"{path}[{index}]")


SUBSTITUTION = re.compile(r"\$\{([^!][^}]*)\}")


def references(value: Any, path: str) -> Iterator[tuple[str, str, str | None]]:
    """Each reference inside `value`: its path, the name that it refers to, and the attribute
    (`None` for the resource or parameter itself)."""
    for where, inner in walk(value, path):
        if not isinstance(inner, Mapping):
            continue
        if "Ref" in inner:
            yield f"{where}.Ref", inner["Ref"], None
        if "Fn::GetAtt" in inner:
            name, attribute = split(inner["Fn::GetAtt"])
            yield f"{where}.Fn::GetAtt", name, attribute or ""
        if "Fn::Sub" in inner:
            text, own = inner["Fn::Sub"], {}
            if isinstance(text, list):
                text, own = text
            for found in SUBSTITUTION.findall(text):
                name, _, attribute = found.partition(".")
                if found not in own:
                    yield f"{where}.Fn::Sub", name, attribute or None


def split(attribute: str | list[str]) -> tuple[str, str]:
    """Both ways to write `Fn::GetAtt`: `Name.Attribute` and `[Name, Attribute]`."""
    parts = attribute.split(".") if isinstance(attribute, str) else attribute
    return parts[0], ".".join(parts[1:])


def target(value: Any) -> str | None:
    """The resource that `value` refers to, if it refers to exactly one."""
    names = {name for _, name, _ in references(value, "") if not name.startswith("AWS::")}
    return names.pop() if len(names) == 1 else None


def literal(value: Any) -> str:
    """The text of a string or a `Fn::Sub`, as it is written."""
    if isinstance(value, Mapping):
        value = value.get("Fn::Sub", "")
    return value[0] if isinstance(value, list) else str(value)


def written(value: Any) -> str:
    """A value in one line: `Name.Attribute` for a reference, with the text around it."""
    if isinstance(value, Mapping) and "Ref" in value:
        return value["Ref"]
    if isinstance(value, Mapping) and "Fn::GetAtt" in value:
        return ".".join(split(value["Fn::GetAtt"]))
    return SUBSTITUTION.sub(r"\1", literal(value))


def as_list(value: Any) -> list[Any]:
    """A list as it is, one value as a list of one, `None` as an empty list."""
    return value if isinstance(value, list) else [] if value is None else [value]
