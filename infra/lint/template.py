"""The template as CloudFormation sees it: read, and transformed by SAM in this process."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / "infra" / "template.yaml"

STATE_MACHINE = "AWS::Serverless::StateMachine"

Resource = Mapping[str, Any]

logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns that nobody collects its metrics


class Template:
    """A SAM template (`raw`) and the CloudFormation that comes out of it (`plain`, and its sections).

    `definitions` has what each state machine does, by its name; in `plain` it stands as it is written, so that a linter
    sees it too.
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
            self.plain["Resources"][name]["Properties"]["DefinitionString"] = json.dumps(definition)
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
        """The properties of one resource; none if there is no such resource."""
        return self.resources.get(name or "", {}).get("Properties", {})


class NoManagedPolicies:
    """No role of ours names a managed policy, so SAM needs no list of them."""

    def load(self) -> dict[str, str]:
        return {}


def read(path: Path = PATH) -> dict[str, Any]:
    """The template as it is written, and the definition of each state machine in place of the name of its file."""
    raw = yaml_parse(path.read_text(encoding="utf-8"))
    for resource in raw["Resources"].values():
        if resource["Type"] == STATE_MACHINE:
            file = PATH.parent / resource["Properties"].pop("DefinitionUri")
            resource["Properties"]["Definition"] = json.loads(file.read_text(encoding="utf-8"))
    return raw


def with_code_in_a_bucket(raw: dict[str, Any]) -> dict[str, Any]:
    """A copy in which code lies where SAM insists that it lies when it transforms."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")  # SAM asks, and it does not matter here
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
    """Each reference inside `value`: its path, the name it refers to, and the attribute (none for the thing itself)."""
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
    """The one resource that `value` refers to, if it does."""
    names = {name for _, name, _ in references(value, "") if not name.startswith("AWS::")}
    return names.pop() if len(names) == 1 else None


def literal(value: Any) -> str:
    """The text of a string or a `Fn::Sub`, as it is written."""
    if isinstance(value, Mapping):
        value = value.get("Fn::Sub", "")
    return value[0] if isinstance(value, list) else str(value)


def written(value: Any) -> str:
    """A value in one line: `Name.Attribute` for a reference, with what stands around it."""
    if isinstance(value, Mapping) and "Ref" in value:
        return value["Ref"]
    if isinstance(value, Mapping) and "Fn::GetAtt" in value:
        return ".".join(split(value["Fn::GetAtt"]))
    return SUBSTITUTION.sub(r"\1", literal(value))


def as_list(value: Any) -> list[Any]:
    """One thing or several, as several; nothing as none."""
    return value if isinstance(value, list) else [] if value is None else [value]
