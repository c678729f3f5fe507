"""What must hold of the template beyond what a general linter knows.

Each rule is a function that yields one sentence for each fault: what is wrong, where, and what to do. `lint.py` runs
them all; `test_rules.py` plants each fault and sees that its rule finds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from template import ROOT, Template, as_list, literal, references, target

Faults = Iterator[str]

RULES: list[Callable[[Template], Faults]] = []

TWELVE_HOURS_S = 12 * 60 * 60
# Amazon API Gateway quotas: an HTTP API waits 30 seconds for an integration; one second is kept for the way.
HTTP_TIMEOUT_S = 29
# AWS Lambda guide, "Configuring an Amazon SQS queue": the visibility time-out is six times the function's at least.
VISIBILITY_FACTOR = 6


def rule(check: Callable[[Template], Faults]) -> Callable[[Template], Faults]:
    """Register a rule."""
    RULES.append(check)
    return check


# ---------------------------------------------------------------------------------------------------- References

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


# ------------------------------------------------------------------------------------------------ Functions and logs


@rule
def every_function_is_a_crate(template: Template) -> Faults:
    crates = {folder.parent.name for folder in ROOT.glob("functions/*/Cargo.toml")}
    deployed = set()
    for name, resource in template.raw["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        code = resource["Properties"].get("CodeUri", "")
        match = re.fullmatch(r"\.\./target/lambda/([a-z0-9-]+)/", code)
        if not match:
            yield f"{name}.CodeUri is {code!r}: it must be ../target/lambda/<function>/, where `make build` puts the function"
        elif match[1] not in crates:
            yield f"{name}.CodeUri names {match[1]}, but functions/{match[1]} is no crate: correct the name"
        else:
            deployed.add(match[1])
    for crate in sorted(crates - deployed):
        yield f"functions/{crate} is in no function's CodeUri: add the function to the template"


@rule
def every_function_logs_to_a_group_that_forgets(template: Template) -> Faults:
    for name, function in template.of_type("AWS::Lambda::Function"):
        group = target(function.get("LoggingConfig", {}).get("LogGroup"))
        if template.resources.get(group or "", {}).get("Type") != "AWS::Logs::LogGroup":
            yield f"{name} has no log group in the template: add one and name it in LoggingConfig.LogGroup"
    for name, group in template.of_type("AWS::Logs::LogGroup"):
        if "RetentionInDays" not in group:
            yield f"{name} keeps its logs for ever: set RetentionInDays"


@rule
def every_function_has_an_alarm_on_errors(template: Template) -> Faults:
    watched = {
        target(dimension["Value"])
        for _, alarm in template.of_type("AWS::CloudWatch::Alarm")
        if alarm.get("MetricName") == "Errors"
        for dimension in alarm.get("Dimensions", [])
    }
    for name, _ in template.of_type("AWS::Lambda::Function"):
        if name not in watched:
            yield f"nobody is told when {name} fails: add an alarm on its Errors"


# ------------------------------------------------------------------------------------------------------- Permissions

# All that any function may do to the events table: read, append, and read its stream.
ON_EVENTS = {
    f"dynamodb:{action}".lower()
    for action in (
        *("GetItem", "BatchGetItem", "Query", "PutItem", "ConditionCheckItem"),
        *("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"),
    )
}

# Actions for which IAM knows no narrower resource.
WITHOUT_RESOURCE = {"dynamodb:ListStreams"}


@rule
def no_function_can_delete_or_update_events(template: Template) -> Faults:
    for role, statement in allowed(template):
        if not any(may_be_events(resource) for resource in as_list(statement.get("Resource"))):
            continue
        for action in as_list(statement.get("Action")):
            if could_be_dynamodb(action) and action.lower() not in ON_EVENTS:
                yield f"{role} may {action} on the events table: events are only read and appended; take the action away"


@rule
def no_role_has_permissions_that_are_not_written_out(template: Template) -> Faults:
    for name, role in template.of_type("AWS::IAM::Role"):
        if role.get("ManagedPolicyArns"):
            yield f"{name} has managed policies: write out in Policies what it may do"
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
        for name, _ in template.of_type(kind):
            yield f"{name} is a policy of its own, which no rule here reads: write it into its role's Policies"
    for name, function in template.of_type("AWS::Lambda::Function"):
        if template.resources.get(target(function.get("Role")) or "", {}).get("Type") != "AWS::IAM::Role":
            yield f"{name} has no role in the template: add one and name it in Role"
    for role, statement in allowed(template):
        if "NotAction" in statement or "NotResource" in statement:
            yield f"{role} is allowed all but something: say what it may do instead"
        for resource in as_list(statement.get("Resource")):
            if resource == "*" and not set(as_list(statement.get("Action"))) <= WITHOUT_RESOURCE:
                yield f"{role} may {statement.get('Action')} on every resource of the account: name the resource"


@rule
def every_function_has_a_role_of_its_own(template: Template) -> Faults:
    users: dict[str | None, str] = {}
    for name, function in template.of_type("AWS::Lambda::Function"):
        role = target(function.get("Role"))
        if role in users:
            yield f"{name} and {users[role]} share the role {role}: give each its own"
        users[role] = name


def allowed(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each statement that allows a role something, with the role's name."""
    for name, role in template.of_type("AWS::IAM::Role"):
        for policy in role.get("Policies", []):
            for statement in as_list(policy["PolicyDocument"]["Statement"]):
                if statement["Effect"] == "Allow":
                    yield name, statement


def could_be_dynamodb(action: str) -> bool:
    service = action.lower().partition(":")[0]
    return service == "dynamodb" or "*" in service or "?" in service


def may_be_events(resource: Any) -> bool:
    """Whether a statement's resource can be the events table: only a reference to something else surely is not."""
    return target(resource) in (None, "EventsTable")


# ------------------------------------------------------------------------------------------------------------ Tables


@rule
def every_table_is_encrypted_and_backed_up(template: Template) -> Faults:
    for name, table in template.of_type("AWS::DynamoDB::Table"):
        if table.get("SSESpecification", {}).get("SSEEnabled") is not True:
            yield f"{name} is not encrypted with a key of the account: set SSESpecification.SSEEnabled"
        if table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled") is not True:
            yield f"{name} cannot be restored: set PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled"
        if table.get("BillingMode") != "PAY_PER_REQUEST":
            yield f"{name} has a fixed capacity: set BillingMode to PAY_PER_REQUEST"


@rule
def the_events_outlive_the_stack(template: Template) -> Faults:
    events = template.resources.get("EventsTable", {})
    if events.get("DeletionPolicy") not in ("Retain", "RetainExceptOnCreate"):
        yield "EventsTable goes with the stack: set DeletionPolicy to RetainExceptOnCreate"
    if events.get("UpdateReplacePolicy") != "Retain":
        yield "EventsTable goes when an update replaces it: set UpdateReplacePolicy to Retain"


# ------------------------------------------------------------------------------------------------ The stream, the relay


@rule
def one_function_reads_the_stream_and_loses_nothing(template: Template) -> Faults:
    view = template.properties("EventsTable").get("StreamSpecification", {}).get("StreamViewType")
    if view != "NEW_IMAGE":
        yield f"the stream of EventsTable carries {view}: the relay needs NEW_IMAGE"
    sources = [(name, source) for name, source in event_sources(template) if queue_of(template, source) is None]
    if len(sources) != 1:
        yield f"{len(sources)} functions read the stream of EventsTable: one does, the relay (more would delay each other)"
    for name, source in sources:
        if source.get("StartingPosition") != "TRIM_HORIZON":
            yield f"{name} starts at {source.get('StartingPosition')}: TRIM_HORIZON, or the first commits are never relayed"
        if [pattern["Pattern"] for pattern in source.get("FilterCriteria", {}).get("Filters", [])] != ['{"eventName": ["INSERT"]}']:
            yield f"{name} must have one filter, on eventName INSERT: an append is an insert"
        for limit in ("BisectBatchOnFunctionError", "DestinationConfig", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts"):
            if limit in source:
                yield f"{name} gives up a commit by {limit}: take it away; the relay is retried until it succeeds"
        if "FunctionResponseTypes" in source:
            yield f"{name} reports partial failures: take FunctionResponseTypes away; the relay fails a batch whole"


@rule
def the_relay_s_lag_calls_a_person(template: Template) -> Faults:
    for _, alarm in template.of_type("AWS::CloudWatch::Alarm"):
        if alarm.get("MetricName") == "IteratorAge" and alarm.get("AlarmActions"):
            return
    yield "nobody is told when the relay lags behind: add an alarm on its IteratorAge (the stream forgets after 24 hours)"


def event_sources(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from template.of_type("AWS::Lambda::EventSourceMapping")


def queue_of(template: Template, source: Mapping[str, Any]) -> str | None:
    """The queue that an event source takes from, if it takes from one."""
    name = target(source.get("EventSourceArn"))
    return name if template.resources.get(name or "", {}).get("Type") == "AWS::SQS::Queue" else None


# ------------------------------------------------------------------------------------------------- Topics and queues


@rule
def fifo_is_in_the_name(template: Template) -> Faults:
    for kind, flag, label in (("AWS::SNS::Topic", "FifoTopic", "TopicName"), ("AWS::SQS::Queue", "FifoQueue", "QueueName")):
        for name, properties in template.of_type(kind):
            if (properties.get(flag) is True) != literal(properties.get(label, "")).endswith(".fifo"):
                yield f"{name} has {flag} {properties.get(flag)} and {label} {literal(properties.get(label, ''))!r}: FIFO names, and only they, end in .fifo"


@rule
def every_queue_is_fifo_and_encrypted(template: Template) -> Faults:
    for name, queue in template.of_type("AWS::SQS::Queue"):
        if queue.get("FifoQueue") is not True:
            yield f"{name} is not FIFO, and would take a stream's commits out of order: set FifoQueue"
        if queue.get("SqsManagedSseEnabled") is not True:
            yield f"{name} is not encrypted: set SqsManagedSseEnabled"


@rule
def the_commits_topic_is_encrypted(template: Template) -> Faults:
    for name, topic in template.of_type("AWS::SNS::Topic"):
        if topic.get("FifoTopic") and "KmsMasterKeyId" not in topic:
            yield f"{name} carries commits and is not encrypted: set KmsMasterKeyId"


@rule
def what_a_function_takes_from_a_queue_is_never_lost(template: Template) -> Faults:
    for name, source in event_sources(template):
        queue = queue_of(template, source)
        if queue is None:
            continue
        properties = template.properties(queue)
        visibility_s = properties.get("VisibilityTimeout", 30)
        timeout_s = template.properties(target(source.get("FunctionName"))).get("Timeout", 3)
        if visibility_s < VISIBILITY_FACTOR * timeout_s:
            yield f"{queue} shows a message again after {visibility_s} s, its function takes up to {timeout_s} s: set VisibilityTimeout to {VISIBILITY_FACTOR * timeout_s} at least"
        redrive = properties.get("RedrivePolicy")
        if not redrive:
            yield f"{queue} has no RedrivePolicy: what can never be applied would come back for ever; add one"
            continue
        dead_letters = target(redrive.get("deadLetterTargetArn"))
        if template.resources.get(dead_letters or "", {}).get("Type") != "AWS::SQS::Queue":
            yield f"{queue} has dead letters that are no queue of the template: name one in RedrivePolicy.deadLetterTargetArn"
        elif properties.get("FifoQueue") != template.properties(dead_letters).get("FifoQueue"):
            yield f"{queue} and its dead letters {dead_letters} must both be FIFO"
        patience_s = redrive.get("maxReceiveCount", 0) * visibility_s
        if patience_s < TWELVE_HOURS_S:
            yield f"{queue} gives a message up after {patience_s} s: raise maxReceiveCount, so that 12 hours remain to mend what fails"


@rule
def what_lies_in_a_queue_calls_a_person(template: Template) -> Faults:
    watched: dict[str, set[str | None]] = {"ApproximateAgeOfOldestMessage": set(), "ApproximateNumberOfMessagesVisible": set()}
    for _, alarm in template.of_type("AWS::CloudWatch::Alarm"):
        if alarm.get("MetricName") in watched and alarm.get("AlarmActions"):
            watched[alarm["MetricName"]] |= {target(dimension["Value"]) for dimension in alarm.get("Dimensions", [])}
    consumed = {queue_of(template, source) for _, source in event_sources(template)}
    for name, _ in template.of_type("AWS::SQS::Queue"):
        metric = "ApproximateAgeOfOldestMessage" if name in consumed else "ApproximateNumberOfMessagesVisible"
        if name not in watched[metric]:
            yield f"nobody is told what waits in {name}: add an alarm on its {metric}"


@rule
def queue_event_sources_report_each_failure_and_filter_nothing(template: Template) -> Faults:
    for name, source in event_sources(template):
        if queue_of(template, source) is None:
            continue
        if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name} repeats whole batches: set FunctionResponseTypes to [ReportBatchItemFailures]"
        if source.get("BatchSize", 10) > 10:
            yield f"{name} has a BatchSize of {source['BatchSize']}: a FIFO queue gives 10 at most"
        if "FilterCriteria" in source:
            yield f"{name} has a filter: Lambda deletes what does not match, malformed messages too; filter in the subscription"


@rule
def subscriptions_filter_on_category_alone(template: Template) -> Faults:
    for name, subscription in template.of_type("AWS::SNS::Subscription"):
        if subscription.get("Protocol") != "sqs":
            continue
        if subscription.get("RawMessageDelivery") is not True:
            yield f"{name} wraps the commits: set RawMessageDelivery"
        policy = subscription.get("FilterPolicy", {})
        if set(policy) != {"category"} or not policy["category"]:
            yield f"{name} filters on {sorted(policy) or 'nothing'}: on category, and nothing else, or a skipped type looks like a gap"
        if subscription.get("FilterPolicyScope", "MessageAttributes") != "MessageAttributes":
            yield f"{name} filters on the body: set FilterPolicyScope to MessageAttributes"


@rule
def only_the_topic_sends_to_its_queues(template: Template) -> Faults:
    subscribed = {target(sub.get("Endpoint")) for _, sub in template.of_type("AWS::SNS::Subscription") if sub.get("Protocol") == "sqs"}
    for role, statement in allowed(template):
        for queue in {target(resource) for resource in as_list(statement.get("Resource"))} & subscribed:
            if any(action.lower() in ("*", "sqs:*", "sqs:sendmessage") for action in as_list(statement.get("Action"))):
                yield f"{role} may send to {queue}, which only the topic may: take sqs:SendMessage away"
    for queue in sorted(name for name in subscribed if name):
        statements = queue_statements(template, queue)
        senders = [each for each in statements if each["Effect"] == "Allow"]
        if not senders:
            yield f"the topic may not send to {queue}: allow it in an AWS::SQS::QueuePolicy"
        for each in senders:
            topic = target(each.get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn"))
            if each.get("Principal") != {"Service": "sns.amazonaws.com"} or topic is None:
                yield f"others than the topic may send to {queue}: allow sns.amazonaws.com, with ArnEquals aws:SourceArn"


@rule
def queues_and_topic_refuse_plain_http(template: Template) -> Faults:
    for name, _ in template.of_type("AWS::SQS::Queue"):
        if not any(denies_plain_http(statement) for statement in queue_statements(template, name)):
            yield f"{name} can be used without TLS: deny it in an AWS::SQS::QueuePolicy"
    for name, topic in template.of_type("AWS::SNS::Topic"):
        policies = [p for _, p in template.of_type("AWS::SNS::TopicPolicy") if name in map(target, p.get("Topics", []))]
        if topic.get("FifoTopic") and not any(denies_plain_http(s) for p in policies for s in p["PolicyDocument"]["Statement"]):
            yield f"{name} can be used without TLS: deny it in an AWS::SNS::TopicPolicy"


def queue_statements(template: Template, queue: str) -> list[Mapping[str, Any]]:
    """The statements of the policies of one queue."""
    return [
        statement
        for _, policy in template.of_type("AWS::SQS::QueuePolicy")
        if queue in map(target, policy.get("Queues", []))
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def denies_plain_http(statement: Mapping[str, Any]) -> bool:
    return (
        statement["Effect"] == "Deny"
        and statement.get("Principal") == "*"
        and statement.get("Condition", {}).get("Bool") == {"aws:SecureTransport": "false"}
    )


# ----------------------------------------------------------------------------------------------------------- The API


@rule
def every_call_is_answered_in_time(template: Template) -> Faults:
    for name, integration in template.of_type("AWS::ApiGatewayV2::Integration"):
        function = target(integration.get("IntegrationUri"))
        timeout_s = template.properties(function).get("Timeout", 3)
        patience_s = integration.get("TimeoutInMillis", 30_000) / 1000
        if patience_s > HTTP_TIMEOUT_S:
            yield f"{name} waits {patience_s:g} s: set TimeoutInMillis to {HTTP_TIMEOUT_S * 1000} at most"
        if timeout_s >= patience_s:
            yield f"{name} waits {patience_s:g} s, but {function} may take {timeout_s} s: the function must end first"
        if integration.get("PayloadFormatVersion") != "2.0":
            yield f"{name} has no PayloadFormatVersion 2.0, which the functions read"


@rule
def every_route_leads_to_a_function_that_may_be_called(template: Template) -> Faults:
    integrations = dict(template.of_type("AWS::ApiGatewayV2::Integration"))
    callable_by_api = {
        target(permission.get("FunctionName"))
        for _, permission in template.of_type("AWS::Lambda::Permission")
        if permission.get("Principal") == "apigateway.amazonaws.com" and "HttpApi" in literal(permission.get("SourceArn", ""))
    }
    reached, keys = set(), []
    for name, route in template.of_type("AWS::ApiGatewayV2::Route"):
        keys.append(route.get("RouteKey"))
        integration = target(route.get("Target"))
        reached.add(integration)
        if integration not in integrations:
            yield f"{name} leads to no integration: set Target to integrations/${{…}}"
            continue
        function = target(integrations[integration].get("IntegrationUri"))
        if function not in callable_by_api:
            yield f"{name} leads to {function}, which the API may not call: add an AWS::Lambda::Permission for it"
    for key in {key for key in keys if keys.count(key) > 1}:
        yield f"two routes have the key {key!r}: keep one"
    for name in sorted(set(integrations) - reached):
        yield f"{name} is the target of no route: remove it, or add the route"
    if "$default" not in keys:
        yield "no route has the key $default: what matches nothing would be answered without a problem and a correlation id"


@rule
def the_api_is_limited_logged_and_has_one_address(template: Template) -> Faults:
    for name, stage in template.of_type("AWS::ApiGatewayV2::Stage"):
        if stage.get("StageName") != "$default" or stage.get("AutoDeploy") is not True:
            yield f"{name} must be the stage $default with AutoDeploy, so that addresses have no prefix and changes go live"
        if not {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= set(stage.get("DefaultRouteSettings", {})):
            yield f"{name} lets everything through: set both limits in DefaultRouteSettings"
        if target(stage.get("AccessLogSettings", {}).get("DestinationArn")) is None:
            yield f"{name} keeps no access log: set AccessLogSettings"
    for name, api in template.of_type("AWS::ApiGatewayV2::Api"):
        if not re.fullmatch("[0-9a-f]{8}", str(api.get("Tags", {}).get("ms-custom-id"))):
            yield f"{name} has no address of its own in the local cloud: tag it ms-custom-id, 8 hexadecimal digits"
    for kind in ("AWS::Serverless::HttpApi", "AWS::Serverless::Api"):
        for name, resource in template.raw["Resources"].items():
            if resource["Type"] == kind:
                yield f"{name} is a {kind}, which the local cloud deploys without its routes: write AWS::ApiGatewayV2 resources"
