"""Names: every reference resolves, and no name becomes too long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rules.register import Faults, rule
from template import Template, as_list, literal, references

# Amazon SQS quotas: a queue's name has 80 characters at most, .fifo among them. Half of them belong
# to the stack's name.
ADDED_TO_THE_STACK = 40

PSEUDO_PARAMETERS = {
    f"AWS::{name}"
    for name in (
        "AccountId",
        "NoValue",
        "NotificationARNs",
        "Partition",
        "Region",
        "StackId",
        "StackName",
        "URLSuffix",
    )
}

# The attributes of the resource types that the template takes attributes of (AWS CloudFormation
# template reference, "Return values").
ATTRIBUTES = {
    "AWS::ApiGatewayV2::Api": {"ApiEndpoint", "ApiId"},
    "AWS::DynamoDB::Table": {"Arn", "StreamArn", "TableId"},
    "AWS::Events::Rule": {"Arn"},
    "AWS::IAM::Role": {"Arn", "RoleId"},
    "AWS::KMS::Key": {"Arn", "KeyId"},
    "AWS::Lambda::Function": {"Arn"},
    "AWS::Logs::LogGroup": {"Arn"},
    "AWS::SNS::Topic": {"TopicArn", "TopicName"},
    "AWS::SQS::Queue": {"Arn", "QueueName", "QueueUrl"},
    "AWS::StepFunctions::StateMachine": {"Arn", "Name", "StateMachineRevisionId"},
}


@rule
def every_reference_resolves(template: Template) -> Faults:
    known = {*template.resources, *template.parameters, *PSEUDO_PARAMETERS}
    for path, name, _ in all_references(template):
        if name not in known:
            yield (
                f"{path} refers to {name}, which is neither a resource nor a parameter: correct the"
                " name"
            )


@rule
def every_attribute_exists(template: Template) -> Faults:
    for path, name, attribute in all_references(template):
        if attribute is None or name not in template.resources:
            continue
        kind = template.resources[name]["Type"]
        if kind not in ATTRIBUTES:
            yield (
                f"{path} takes {attribute} of {name}: list the attributes of {kind} in"
                " infra/lint/rules/references.py"
            )
        elif attribute not in ATTRIBUTES[kind]:
            yield (
                f"{path} takes {attribute} of {name}, but {kind} has"
                f" {', '.join(sorted(ATTRIBUTES[kind]))}: correct the attribute"
            )


@rule
def every_dependency_resolves(template: Template) -> Faults:
    for name, resource in template.resources.items():
        for dependency in as_list(resource.get("DependsOn")):
            if dependency not in template.resources:
                yield f"{name} depends on {dependency}, which does not exist: correct the name"


@rule
def every_condition_resolves(template: Template) -> Faults:
    for name, thing in {**template.resources, **template.outputs}.items():
        used = [thing["Condition"]] if "Condition" in thing else []
        used += [inner[0] for inner in values_of("Fn::If", thing)]
        for condition in used:
            if condition not in template.conditions:
                yield (
                    f"{name} uses the condition {condition}, which does not exist: correct the name"
                )


@rule
def names_leave_room_for_the_stack_s(template: Template) -> Faults:
    for name, resource in template.resources.items():
        for key, value in resource.get("Properties", {}).items():
            if not key.endswith("Name") or "${AWS::StackName}" not in literal(value):
                continue
            added = len(literal(value).replace("${AWS::StackName}", ""))
            if added > ADDED_TO_THE_STACK:
                yield (
                    f"{name} adds {added} characters to the stack's name in {key}: shorten them to"
                    f" {ADDED_TO_THE_STACK}, or AWS fails late for a long stack name"
                )


def all_references(template: Template) -> Iterator[tuple[str, str, str | None]]:
    for section in ("resources", "outputs", "conditions"):
        for name, value in getattr(template, section).items():
            yield from references(value, name)


def values_of(key: str, value: Any) -> Iterator[Any]:
    """The values of `key` at any depth of `value`."""
    if isinstance(value, Mapping):
        if key in value:
            yield value[key]
        for inner in value.values():
            yield from values_of(key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from values_of(key, inner)
