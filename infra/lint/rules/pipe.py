"""The tables, the stream, the topic and the queues: what a commit passes through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rules.alarms import watched
from rules.functions import allowed, event_sources
from rules.register import Faults, rule
from template import Template, as_list, literal, target

TWELVE_HOURS_S = 12 * 60 * 60
# AWS Lambda guide, "Configuring an Amazon SQS queue": the visibility timeout is at least six times
# the function's.
VISIBILITY_FACTOR = 6
# The time that the relay has for one request to the topic.
REQUEST_S = 1
# In a filter: the attribute is absent. A message about an unreadable item has no types.
ABSENT = {"exists": False}


@rule
def every_table_is_encrypted_and_backed_up(template: Template) -> Faults:
    for name, table in template.of_type("AWS::DynamoDB::Table"):
        if table.get("SSESpecification", {}).get("SSEEnabled") is not True:
            yield (
                f"{name} is not encrypted with a key of the account: set"
                " SSESpecification.SSEEnabled"
            )
        if (
            table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
            is not True
        ):
            yield (
                f"{name} cannot be restored: set"
                " PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled"
            )
        if table.get("BillingMode") != "PAY_PER_REQUEST":
            yield f"{name} has a fixed capacity: set BillingMode to PAY_PER_REQUEST"


@rule
def the_events_outlive_the_stack(template: Template) -> Faults:
    events = template.resources.get("EventsTable", {})
    if events.get("DeletionPolicy") not in ("Retain", "RetainExceptOnCreate"):
        yield "EventsTable is deleted with the stack: set DeletionPolicy to RetainExceptOnCreate"
    if events.get("UpdateReplacePolicy") != "Retain":
        yield "EventsTable is deleted when an update replaces it: set UpdateReplacePolicy to Retain"


@rule
def one_function_reads_the_stream_and_loses_nothing(template: Template) -> Faults:
    view = template.properties("EventsTable").get("StreamSpecification", {}).get("StreamViewType")
    if view != "NEW_IMAGE":
        yield f"the stream of EventsTable carries {view}: the relay needs NEW_IMAGE"
    sources = [
        (name, source)
        for name, source in event_sources(template)
        if queue_of(template, source) is None
    ]
    if len(sources) != 1:
        yield (
            f"{len(sources)} functions read the stream of EventsTable: let the relay alone read it"
            " (more would delay each other)"
        )
    for name, source in sources:
        if source.get("StartingPosition") != "TRIM_HORIZON":
            yield (
                f"{name} starts at {source.get('StartingPosition')}: set TRIM_HORIZON, or the first"
                " commits are never relayed"
            )
        if "FilterCriteria" in source:
            yield (
                f"{name} has a filter: remove it; a commit that is changed or removed must reach"
                " the relay, which reports it"
            )
        for limit in (
            "BisectBatchOnFunctionError",
            "DestinationConfig",
            "MaximumRecordAgeInSeconds",
            "MaximumRetryAttempts",
        ):
            if limit in source:
                yield (
                    f"{name} gives up a commit by {limit}: remove it; the relay is retried until it"
                    " succeeds"
                )
        if "FunctionResponseTypes" in source:
            yield (
                f"{name} reports partial failures: remove FunctionResponseTypes; the relay fails a"
                " batch as a whole"
            )


@rule
def the_relay_has_time_for_a_batch_of_one_stream(template: Template) -> Faults:
    for name, source in event_sources(template):
        if queue_of(template, source) is not None:
            continue
        requests = source.get("BatchSize", 100)
        relay = target(source.get("FunctionName"))
        timeout_s = template.properties(relay).get("Timeout", 3)
        if timeout_s < requests * REQUEST_S:
            yield (
                f"{relay} has {timeout_s} s, but {name} gives it up to {requests} commits of one"
                " stream, a request each: lower BatchSize or raise Timeout"
            )


@rule
def the_relay_s_lag_has_an_alarm(template: Template) -> Faults:
    known = watched(template, "IteratorAge")
    for name, source in event_sources(template):
        if queue_of(template, source) is None and target(source.get("FunctionName")) not in known:
            yield (
                f"no alarm goes off when {name} lags behind: add one on its function's IteratorAge"
                " (the stream keeps 24 hours)"
            )


def queue_of(template: Template, source: Mapping[str, Any]) -> str | None:
    """The queue that an event source takes from, if it takes from one."""
    name = target(source.get("EventSourceArn"))
    return name if template.resources.get(name or "", {}).get("Type") == "AWS::SQS::Queue" else None


@rule
def fifo_is_in_the_name(template: Template) -> Faults:
    for kind, flag, label in (
        ("AWS::SNS::Topic", "FifoTopic", "TopicName"),
        ("AWS::SQS::Queue", "FifoQueue", "QueueName"),
    ):
        for name, properties in template.of_type(kind):
            if (properties.get(flag) is True) != literal(properties.get(label, "")).endswith(
                ".fifo"
            ):
                yield (
                    f"{name} has {flag} {properties.get(flag)} and {label}"
                    f" {literal(properties.get(label, ''))!r}: FIFO names, and only they, end in"
                    " .fifo"
                )


@rule
def every_queue_is_fifo_and_encrypted(template: Template) -> Faults:
    for name, queue in template.of_type("AWS::SQS::Queue"):
        if queue.get("FifoQueue") is not True:
            yield (
                f"{name} is not FIFO, and would take a stream's commits out of order: set FifoQueue"
            )
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
            yield (
                f"{queue} shows a message again after {visibility_s} s, but its function may take"
                f" {timeout_s} s: set VisibilityTimeout to {VISIBILITY_FACTOR * timeout_s} at least"
            )
        redrive = properties.get("RedrivePolicy")
        if not redrive:
            yield (
                f"{queue} has no RedrivePolicy, so a message that cannot be applied would return"
                " forever: add one"
            )
            continue
        dead_letters = target(redrive.get("deadLetterTargetArn"))
        if template.resources.get(dead_letters or "", {}).get("Type") != "AWS::SQS::Queue":
            yield (
                f"{queue} names dead letters that are not a queue of the template: name one in"
                " RedrivePolicy.deadLetterTargetArn"
            )
        elif properties.get("FifoQueue") != template.properties(dead_letters).get("FifoQueue"):
            yield f"{queue} and its dead letters {dead_letters} must both be FIFO"
        patience_s = redrive.get("maxReceiveCount", 0) * visibility_s
        if patience_s < TWELVE_HOURS_S:
            yield (
                f"{queue} gives up a message after {patience_s} s: raise maxReceiveCount, so that a"
                " person has 12 hours to fix the cause"
            )


@rule
def every_queue_has_an_alarm(template: Template) -> Faults:
    consumed = {queue_of(template, source) for _, source in event_sources(template)}
    for name, _ in template.of_type("AWS::SQS::Queue"):
        metric = (
            "ApproximateAgeOfOldestMessage"
            if name in consumed
            else "ApproximateNumberOfMessagesVisible"
        )
        if name not in watched(template, metric):
            yield f"no alarm goes off when messages wait in {name}: add one on its {metric}"


@rule
def queue_event_sources_report_each_failure_and_filter_nothing(template: Template) -> Faults:
    for name, source in event_sources(template):
        if queue_of(template, source) is None:
            continue
        if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield (
                f"{name} repeats whole batches: set FunctionResponseTypes to"
                " [ReportBatchItemFailures]"
            )
        if source.get("BatchSize", 10) > 10:
            yield f"{name} has a BatchSize of {source['BatchSize']}: a FIFO queue gives 10 at most"
        if "FilterCriteria" in source:
            yield (
                f"{name} has a filter: Lambda deletes what does not match, malformed messages too;"
                " filter in the subscription"
            )


@rule
def subscriptions_filter_on_category_and_only_a_saga_s_on_type(template: Template) -> Faults:
    starters = saga_queues(template)
    for name, subscription in template.of_type("AWS::SNS::Subscription"):
        if subscription.get("Protocol") != "sqs":
            continue
        if subscription.get("RawMessageDelivery") is not True:
            yield f"{name} wraps the commits: set RawMessageDelivery"
        policy = subscription.get("FilterPolicy", {})
        if target(subscription.get("Endpoint")) in starters:
            if set(policy) != {"category", "types"} or not all(policy.values()):
                yield (
                    f"{name} filters on {sorted(policy) or 'nothing'}: filter on category and"
                    " types, or every commit would start a saga"
                )
            elif ABSENT not in policy["types"]:
                yield (
                    f"{name} does not deliver what the relay could not read, which has no types:"
                    " add {exists: false} to FilterPolicy.types"
                )
        elif set(policy) != {"category"} or not policy["category"]:
            yield (
                f"{name} filters on {sorted(policy) or 'nothing'}: filter on category alone, or a"
                " skipped type looks like a gap"
            )
        if subscription.get("FilterPolicyScope", "MessageAttributes") != "MessageAttributes":
            yield f"{name} filters on the body: set FilterPolicyScope to MessageAttributes"


def saga_queues(template: Template) -> set[str | None]:
    """The queues of functions that know a state machine. They start executions, and keep no version
    of any stream."""
    queues = set()
    for _, source in event_sources(template):
        variables = (
            template.properties(target(source.get("FunctionName")))
            .get("Environment", {})
            .get("Variables", {})
        )
        known = {
            template.resources.get(target(value) or "", {}).get("Type")
            for value in variables.values()
        }
        if "AWS::StepFunctions::StateMachine" in known:
            queues.add(queue_of(template, source))
    return queues - {None}


@rule
def subscriptions_wait_for_their_queues_and_lose_nothing(template: Template) -> Faults:
    for name, subscription in template.of_type("AWS::SNS::Subscription"):
        if subscription.get("Protocol") != "sqs":
            continue
        aside = set_aside_in(subscription)
        if template.properties(aside).get("FifoQueue") is not True:
            yield (
                f"{name} loses what it cannot deliver: name a FIFO queue in"
                " RedrivePolicy.deadLetterTargetArn"
            )
        awaited = as_list(template.resources[name].get("DependsOn"))
        policies = [
            properties
            for policy, properties in template.of_type("AWS::SQS::QueuePolicy")
            if policy in awaited
        ]
        ready = {target(queue) for policy in policies for queue in policy.get("Queues", [])}
        for queue in (target(subscription.get("Endpoint")), aside):
            if queue and queue not in ready:
                yield (
                    f"{name} may deliver before {queue} admits the topic: name that queue's policy"
                    " in DependsOn"
                )


@rule
def the_topic_s_failed_deliveries_have_an_alarm(template: Template) -> Faults:
    known = watched(template, "NumberOfNotificationsFailed")
    for name, topic in template.of_type("AWS::SNS::Topic"):
        if topic.get("FifoTopic") and name not in known:
            yield (
                f"no alarm goes off when {name} cannot deliver: add one on its"
                " NumberOfNotificationsFailed"
            )


@rule
def only_the_topic_sends_to_its_queues(template: Template) -> Faults:
    subscriptions = [
        sub for _, sub in template.of_type("AWS::SNS::Subscription") if sub.get("Protocol") == "sqs"
    ]
    subscribed = {
        queue for sub in subscriptions for queue in (target(sub.get("Endpoint")), set_aside_in(sub))
    }
    for role, statement in allowed(template):
        for queue in {
            target(resource) for resource in as_list(statement.get("Resource"))
        } & subscribed:
            if any(
                action.lower() in ("*", "sqs:*", "sqs:sendmessage")
                for action in as_list(statement.get("Action"))
            ):
                yield (
                    f"{role} may send to {queue}, which only the topic may: remove sqs:SendMessage"
                )
    for queue in sorted(name for name in subscribed if name):
        statements = queue_statements(template, queue)
        senders = [each for each in statements if each["Effect"] == "Allow"]
        if not senders:
            yield f"the topic may not send to {queue}: allow it in an AWS::SQS::QueuePolicy"
        for each in senders:
            topic = target(each.get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn"))
            if each.get("Principal") != {"Service": "sns.amazonaws.com"} or topic is None:
                yield (
                    f"not only the topic may send to {queue}: allow sns.amazonaws.com alone,"
                    " with ArnEquals aws:SourceArn"
                )


@rule
def queues_and_topic_refuse_plain_http(template: Template) -> Faults:
    for name, _ in template.of_type("AWS::SQS::Queue"):
        if not any(denies_plain_http(statement) for statement in queue_statements(template, name)):
            yield f"{name} can be used without TLS: deny it in an AWS::SQS::QueuePolicy"
    for name, topic in template.of_type("AWS::SNS::Topic"):
        policies = [
            p
            for _, p in template.of_type("AWS::SNS::TopicPolicy")
            if name in map(target, p.get("Topics", []))
        ]
        if topic.get("FifoTopic") and not any(
            denies_plain_http(s) for p in policies for s in p["PolicyDocument"]["Statement"]
        ):
            yield f"{name} can be used without TLS: deny it in an AWS::SNS::TopicPolicy"


def set_aside_in(origin: Mapping[str, Any]) -> str | None:
    """The queue of what a subscription cannot deliver, or of a queue's dead letters."""
    return target(origin.get("RedrivePolicy", {}).get("deadLetterTargetArn"))


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
