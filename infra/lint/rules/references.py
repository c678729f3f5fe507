"""Names: every reference leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rules.register import Faults, rule
from template import Template, as_list, references


PSEUDO_PARAMETERS = {
    f"AWS::{name}" for name in ("AccountId", "NoValue", "NotificationARNs", "Partition", "Region", "StackId", "StackName", "URLSuffix")
}

# Of the resource types that we take attributes of (AWS CloudFormation template reference, "Return values").
ATTRIBUTES = {
    "AWS::ApiGatewayV2::Api": {"ApiEndpoint", "ApiId"},
    "AWS::DynamoDB::Table": {"Arn", "StreamArn", "TableId"},
    "AWS::IAM::Role": {"Arn", "RoleId"},
    "AWS::Lambda::Function": {"Arn"},
    "AWS::Logs::LogGroup": {"Arn"},
    "AWS::SNS::Topic": {"TopicArn", "TopicName"},
    "AWS::SQS::Queue": {"Arn", "QueueName", "QueueUrl"},
}


@rule
def every_reference_resolves(template: Template) -> Faults:
    known = {*template.resources, *template.parameters, *PSEUDO_PARAMETERS}
    for path, name, _ in all_references(template):
        if name not in known:
            yield f"{path} refers to {name}, which is neither a resource nor a parameter: correct the name"


@rule
def every_attribute_exists(template: Template) -> Faults:
    for path, name, attribute in all_references(template):
        if attribute is None or name not in template.resources:
            continue
        kind = template.resources[name]["Type"]
        if kind not in ATTRIBUTES:
            yield f"{path} takes {attribute} of {name}: list the attributes of {kind} in infra/lint/rules.py"
        elif attribute not in ATTRIBUTES[kind]:
            yield f"{path} takes {attribute} of {name}, but {kind} has {', '.join(sorted(ATTRIBUTES[kind]))}: correct it"


@rule
def every_dependency_resolves(template: Template) -> Faults:
    for name, resource in template.resources.items():
        for dependency in as_list(resource.get("DependsOn")):
            if dependency not in template.resources:
                yield f"{name} depends on {dependency}, which is no resource: correct the name"


@rule
def every_condition_resolves(template: Template) -> Faults:
    for name, thing in {**template.resources, **template.outputs}.items():
        used = [thing["Condition"]] if "Condition" in thing else []
        used += [inner[0] for inner in values_of("Fn::If", thing)]
        for condition in used:
            if condition not in template.conditions:
                yield f"{name} uses the condition {condition}, which does not exist: correct the name"


def all_references(template: Template) -> Iterator[tuple[str, str, str | None]]:
    for section in ("resources", "outputs", "conditions"):
        for name, value in getattr(template, section).items():
            yield from references(value, name)


def values_of(key: str, value: Any) -> Iterator[Any]:
    """What stands under `key`, wherever it stands in `value`."""
    if isinstance(value, Mapping):
        if key in value:
            yield value[key]
        for inner in value.values():
            yield from values_of(key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from values_of(key, inner)
