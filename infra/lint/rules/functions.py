"""The functions: their code, logs and alarms, and what each may do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rules.alarms import watched
from rules.register import Faults, rule
from template import ROOT, Template, as_list, target, written


@rule
def every_function_is_a_crate(template: Template) -> Faults:
    deployed = crates(template)
    for name, code in code_uris(template):
        match = CODE_URI.fullmatch(code)
        if not match:
            yield (
                f"{name}.CodeUri is {code!r}: it must be ../target/lambda/<function>/, where `make"
                " build` puts the function"
            )
        elif name not in deployed:
            yield (
                f"{name}.CodeUri names {match[1]}, but functions/{match[1]} is not a crate: correct"
                " the name"
            )
    for crate in sorted(existing_crates() - set(deployed.values())):
        yield f"functions/{crate} is in no function's CodeUri: add the function to the template"


@rule
def every_function_logs_to_a_group_with_a_retention(template: Template) -> Faults:
    for name, function in template.of_type("AWS::Lambda::Function"):
        group = target(function.get("LoggingConfig", {}).get("LogGroup"))
        if template.resources.get(group or "", {}).get("Type") != "AWS::Logs::LogGroup":
            yield (
                f"{name} has no log group in the template: add one and name it in"
                " LoggingConfig.LogGroup"
            )
    for name, group in template.of_type("AWS::Logs::LogGroup"):
        if "RetentionInDays" not in group:
            yield f"{name} keeps its logs forever: set RetentionInDays"


@rule
def every_function_has_an_alarm_on_errors(template: Template) -> Faults:
    known = watched(template, "Errors")
    for name, _ in template.of_type("AWS::Lambda::Function"):
        if name not in known:
            yield f"no alarm goes off when {name} fails: add one on its Errors"


@rule
def every_function_in_the_background_has_an_alarm_on_throttles(template: Template) -> Faults:
    known = watched(template, "Throttles")
    for name in sorted(
        {target(source.get("FunctionName")) or "" for _, source in event_sources(template)}
    ):
        if name not in known:
            yield (
                f"no alarm goes off when {name} is throttled, which is not an error: add one on its"
                " Throttles"
            )


# Everything that a function may do with the events table: read, append, check that a stream has not
# moved, and read its stream.
ON_EVENTS = {
    f"dynamodb:{action}".lower()
    for action in (
        *("GetItem", "Query", "PutItem", "ConditionCheckItem"),
        *("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"),
    )
}

# What each function may do with each table: what its code does, and nothing else.
READ = {"dynamodb:Query"}
APPEND = {
    "dynamodb:Query",
    "dynamodb:PutItem",
    "dynamodb:GetItem",
}  # GetItem reads the commit at a taken position
GUARD = APPEND | {"dynamodb:ConditionCheckItem"}
LOOK_UP = {"dynamodb:GetItem"}
KEEP = {"dynamodb:GetItem", "dynamodb:PutItem"}
ON_TABLES = {
    ("OrderCommandsRole", "EventsTable.Arn"): APPEND,
    ("OrderCommandsRole", "PersonKeysTable.Arn"): LOOK_UP,
    ("CatalogCommandsRole", "EventsTable.Arn"): GUARD,
    ("CatalogCommandsRole", "PersonKeysTable.Arn"): KEEP,
    ("OrderQueriesRole", "EventsTable.Arn"): READ,
    ("OrderQueriesRole", "OrderViewTable.Arn"): {"dynamodb:GetItem", "dynamodb:BatchGetItem"},
    ("OrderQueriesRole", "OrderViewTable.Arn/index/listing"): {"dynamodb:Query"},
    ("OrderQueriesRole", "OrderViewTable.Arn/index/worklist"): {"dynamodb:Query"},
    ("OrderQueriesRole", "StockViewTable.Arn"): {"dynamodb:BatchGetItem"},
    ("OrderQueriesRole", "PersonKeysTable.Arn"): LOOK_UP,
    ("EventRelayRole", "EventsTable.StreamArn"): {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
    },
    ("OrderViewRole", "EventsTable.Arn"): READ,
    ("OrderViewRole", "OrderViewTable.Arn"): KEEP,
    ("StockViewRole", "EventsTable.Arn"): READ,
    ("StockViewRole", "StockViewTable.Arn"): KEEP,
    ("SagaStarterRole", "EventsTable.Arn"): APPEND,
    ("SagaSweeperRole", "EventsTable.Arn"): APPEND,
    ("SagaSweeperRole", "EventsTable.Arn/index/commits"): READ,
    ("SagaSweeperRole", "SagaSweeperTable.Arn"): KEEP,
    ("SagaSweeperRole", "SagaSweeperTable.Arn/index/listing"): READ,
    ("ReservationStepsRole", "EventsTable.Arn"): GUARD,
    ("PaymentStepsRole", "EventsTable.Arn"): APPEND,
    ("PaymentStepsRole", "SandboxGatewayTable.Arn"): KEEP,
    ("PaymentStepsRole", "PersonKeysTable.Arn"): LOOK_UP,
    ("ShipmentStepsRole", "EventsTable.Arn"): APPEND,
    ("ShipmentStepsRole", "SandboxCarrierTable.Arn"): KEEP,
    ("ShipmentStepsRole", "PersonKeysTable.Arn"): LOOK_UP,
    ("OrderStepsRole", "EventsTable.Arn"): APPEND,
}

# Actions for which IAM knows no narrower resource.
WITHOUT_RESOURCE = {
    "dynamodb:ListStreams",
    # How a state machine logs and traces (AWS Step Functions guide, "Using CloudWatch Logs" and
    # "Using AWS X-Ray").
    *(f"logs:{action}LogDelivery" for action in ("Create", "Get", "Update", "Delete")),
    *(
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:DescribeResourcePolicies",
        "logs:DescribeLogGroups",
    ),
    *(
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
    ),
}


@rule
def no_function_can_delete_or_update_events(template: Template) -> Faults:
    for role, statement in allowed(template):
        if not any(may_be_events(resource) for resource in as_list(statement.get("Resource"))):
            continue
        for action in as_list(statement.get("Action")):
            if could_be_dynamodb(action) and action.lower() not in ON_EVENTS:
                yield (
                    f"{role} may {action} on the events table: events are only read and appended;"
                    " remove the action"
                )


def granted_on_tables(template: Template) -> Iterator[tuple[str, str, str]]:
    """What roles may do with tables: role, resource and action."""
    for role, statement in allowed(template):
        for action in as_list(statement.get("Action")):
            if could_be_dynamodb(action) and action not in WITHOUT_RESOURCE:
                for resource in map(written, as_list(statement.get("Resource"))):
                    yield role, resource, action


@rule
def every_function_may_do_with_tables_what_its_code_does(template: Template) -> Faults:
    for role, resource, action in granted_on_tables(template):
        if action not in ON_TABLES.get((role, resource), ()):
            yield (
                f"{role} may {action} on {resource}: remove it, or, if the function's code"
                " does that, add it to ON_TABLES in infra/lint/rules/functions.py"
            )


@rule
def every_function_may_do_with_tables_all_that_its_code_does(template: Template) -> Faults:
    granted = set(granted_on_tables(template))
    for (role, resource), actions in ON_TABLES.items():
        for action in sorted(actions):
            if (role, resource, action) not in granted:
                yield (
                    f"{role} may not {action} on {resource}, which its function does: add it to"
                    " the function's policy, or remove it from ON_TABLES in"
                    " infra/lint/rules/functions.py"
                )


@rule
def every_function_may_use_the_tables_that_it_is_given(template: Template) -> Faults:
    granted = {(role, resource) for role, resource, _ in granted_on_tables(template)}
    tables = dict(template.of_type("AWS::DynamoDB::Table"))
    for name, function in template.of_type("AWS::Lambda::Function"):
        role = target(function.get("Role"))
        variables = function.get("Environment", {}).get("Variables", {})
        for variable, table in ((each, target(value)) for each, value in variables.items()):
            if table in tables and (role, f"{table}.Arn") not in granted:
                yield (
                    f"{name} has the name of {table} in {variable}, but {role} may do nothing with"
                    " that table: add a statement to the function's policy and to ON_TABLES in"
                    " infra/lint/rules/functions.py, or remove the variable"
                )


@rule
def no_role_has_permissions_that_are_not_written_out(template: Template) -> Faults:
    for name, role in template.of_type("AWS::IAM::Role"):
        if role.get("ManagedPolicyArns"):
            yield f"{name} has managed policies: write its statements in an AWS::IAM::Policy"
    for name, resource in template.resources.items():
        kind = resource["Type"]
        if kind.startswith("AWS::IAM::") and kind not in ("AWS::IAM::Role", "AWS::IAM::Policy"):
            yield (
                f"{name} is an {kind}, which no rule here reads: write its statements in an"
                " AWS::IAM::Policy"
            )
    for name, policy in template.of_type("AWS::IAM::Policy"):
        roles = [
            template.resources.get(target(role) or "", {}).get("Type")
            for role in policy.get("Roles", [])
        ]
        if roles != ["AWS::IAM::Role"] or "Users" in policy or "Groups" in policy:
            yield (
                f"{name} is not the policy of one role of the template: name exactly one in Roles,"
                " and neither Users nor Groups"
            )
    for name, function in template.of_type("AWS::Lambda::Function"):
        if (
            template.resources.get(target(function.get("Role")) or "", {}).get("Type")
            != "AWS::IAM::Role"
        ):
            yield f"{name} has no role in the template: add one and name it in Role"
    for role, statement in allowed(template):
        if "NotAction" in statement or "NotResource" in statement:
            yield f"{role} is allowed everything except what a statement names: list what it may do"
        for resource in as_list(statement.get("Resource")):
            if resource == "*" and not set(as_list(statement.get("Action"))) <= WITHOUT_RESOURCE:
                yield (
                    f"{role} may {statement.get('Action')} on every resource of the account: name"
                    " the resource"
                )


@rule
def every_function_waits_for_its_policies(template: Template) -> Faults:
    for name, function in template.of_type("AWS::Lambda::Function"):
        awaited = as_list(template.resources[name].get("DependsOn"))
        for policy, properties in template.of_type("AWS::IAM::Policy"):
            roles = [target(role) for role in properties.get("Roles", [])]
            if target(function.get("Role")) in roles and policy not in awaited:
                yield f"{name} may run before {policy} allows what it does: name it in DependsOn"


@rule
def every_function_has_a_role_of_its_own(template: Template) -> Faults:
    users: dict[str | None, str] = {}
    for name, function in template.of_type("AWS::Lambda::Function"):
        role = target(function.get("Role"))
        if role in users:
            yield f"{name} and {users[role]} share the role {role}: give each its own"
        users[role] = name


CODE_URI = re.compile(r"\.\./target/lambda/([a-z0-9-]+)/")


def code_uris(template: Template) -> Iterator[tuple[str, str]]:
    """Each function, and the folder of its code."""
    for name, resource in template.raw["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            yield name, resource["Properties"].get("CodeUri", "")


def existing_crates() -> set[str]:
    """The crates in `functions`."""
    return {folder.parent.name for folder in ROOT.glob("functions/*/Cargo.toml")}


def crates(template: Template) -> dict[str, str]:
    """The crate of each function that has one, by the function's name."""
    matches = {name: CODE_URI.fullmatch(code) for name, code in code_uris(template)}
    return {
        name: match[1] for name, match in matches.items() if match and match[1] in existing_crates()
    }


def event_sources(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from template.of_type("AWS::Lambda::EventSourceMapping")


def allowed(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each statement that allows a role something, with the role's name."""
    inside = [
        (name, each)
        for name, role in template.of_type("AWS::IAM::Role")
        for each in role.get("Policies", [])
    ]
    beside = [
        (target(role) or str(role), policy)
        for _, policy in template.of_type("AWS::IAM::Policy")
        for role in policy.get("Roles", [])
    ]
    for role, policy in inside + beside:
        for statement in as_list(policy["PolicyDocument"]["Statement"]):
            if statement["Effect"] == "Allow":
                yield role, statement


def could_be_dynamodb(action: str) -> bool:
    return could_be("dynamodb", action)


def could_be(wanted: str, action: str) -> bool:
    """Whether an action can be one of this service."""
    service = action.lower().partition(":")[0]
    return service == wanted or "*" in service or "?" in service


def may_be_events(resource: Any) -> bool:
    """Whether a statement's resource can be the events table. Only a reference to another resource
    certainly cannot."""
    return target(resource) in (None, "EventsTable")
