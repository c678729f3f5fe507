"""Each rule finds the faults that are planted into a copy of the template."""

from __future__ import annotations

import re
import tempfile
import unittest
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest import mock

import rules
import template
from rules import agreement, alarms, api, functions, keys, pipe, references, saga

Properties = dict[str, Any]

OTHERS_FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:other"

WRITTEN = template.read()


def faults(
    rule: Callable[[template.Template], rules.Faults],
    plant: Callable[[dict[str, Properties]], None],
) -> list[str]:
    """What `rule` finds after `plant` has changed the properties of the template's resources."""
    raw = deepcopy(WRITTEN)
    plant(raw["Resources"])
    return list(rule(template.Template(raw)))


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Set the value at `path` in the resources, such as `EventsTable/Properties/BillingMode`. A
    number is an index into a list; the number after the last adds to the list."""

    def plant(resources: dict[str, Any]) -> None:
        holder, last = find(resources, path)
        if isinstance(holder, list) and last == len(holder):
            holder.append(value)
        holder[last] = value

    return plant


def drop(path: str) -> Callable[[dict[str, Any]], None]:
    """Remove the value at `path` in the resources."""

    def plant(resources: dict[str, Any]) -> None:
        holder, last = find(resources, path)
        del holder[last]

    return plant


def without(path: str, name: str) -> Callable[[dict[str, Any]], None]:
    """Remove from the list at `path` what refers to `name`."""

    def plant(resources: dict[str, Any]) -> None:
        holder, last = find(resources, path)
        kept = [each for each in holder[last] if template.target(each) != name]
        assert len(kept) < len(holder[last]), f"{path} does not have {name}"
        holder[last] = kept

    return plant


def find(resources: dict[str, Any], path: str) -> tuple[Any, Any]:
    """What holds the value at `path`, and the value's key or index in it."""
    *steps, last = path.split("/")
    here: Any = resources
    for step in steps:
        here = here[int(step)] if isinstance(here, list) else here[step]
    return here, int(last) if isinstance(here, list) else last


def rename(name: str, other: str) -> Callable[[dict[str, Any]], None]:
    """Call a resource by another name."""

    def plant(resources: dict[str, Any]) -> None:
        resources[other] = resources.pop(name)

    return plant


def more_metrics(alarm: str, count: int) -> Callable[[dict[str, Any]], None]:
    """Add `count` metrics to an alarm on several metrics."""

    def plant(resources: dict[str, Any]) -> None:
        metrics = resources[alarm]["Properties"]["Metrics"]
        metrics += [{**metrics[-1], "Id": f"more{number}"} for number in range(count)]

    return plant


def role(
    statement: dict[str, Any], name: str = "OrderViewRole"
) -> Callable[[dict[str, Any]], None]:
    """Add a statement that allows something to the role `name`."""

    def plant(resources: dict[str, Any]) -> None:
        policy = resources[name]["Properties"]["Policies"][0]["PolicyDocument"]
        policy["Statement"].append({"Effect": "Allow", **statement})

    return plant


def define(plant: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Change the definition of the saga's state machine. `plant` gets it as `Definition`, and some
    of its states by what they do, because their names are the generator's."""

    def plant_in_definition(resources: dict[str, Any]) -> None:
        definition = resources["OrderSaga"]["Properties"]["Definition"]
        plant({"Definition": definition, **saga_states(definition)})

    return plant_in_definition


def saga_states(definition: dict[str, Any]) -> dict[str, Any]:
    """The first state, which reserves stock; the one that pays; and one that parks the order."""
    states = definition["States"]
    by_step = {saga.step_of(state): state for state in states.values()}
    return {
        "First": states[definition["StartAt"]],
        "Paying": by_step["authorize_payment"],
        "Parking": by_step[saga.PARK],
    }


def metric(alarm: str, number: int) -> str:
    """The path of one metric of an alarm on several metrics."""
    return f"{alarm}/Properties/Metrics/{number}/MetricStat/Metric"


EVENTS = {"Fn::GetAtt": ["EventsTable", "Arn"]}
KEYS = {"Fn::GetAtt": ["PersonKeysTable", "Arn"]}
WRAPPING = {"Fn::GetAtt": ["PersonKeysKey", "Arn"]}
SQS_SOURCE = "OrderViewMessages/Properties"
STREAM_SOURCE = "EventRelay/Properties/Events/Commits/Properties"
ORDER_COMMANDS = "OrderCommandsPolicy/Properties/PolicyDocument/Statement/0"
READ_STOCK = "OrderQueriesPolicy/Properties/PolicyDocument/Statement/3"
STAGE = "HttpApiStage/Properties"
RECOVERY = "OrderViewTable/Properties/PointInTimeRecoverySpecification"
TLS_ONLY = "StockViewDeadLettersPolicy/Properties/PolicyDocument/Statement/0"
INTEGRATION = "OrderQueriesIntegration/Properties"
INVOKE = "OrderSagaRole/Properties/Policies/0/PolicyDocument/Statement/0"

# The faults that each rule must find, each with a part of the message.
PLANTED: dict[
    Callable[[template.Template], rules.Faults], list[tuple[Callable[[dict[str, Any]], None], str]]
] = {
    references.every_reference_resolves: [
        (
            put("OrderView/Properties/Environment/Variables/EVENTS_TABLE", {"Ref": "EventTable"}),
            "EventTable",
        ),
        (
            put(
                "PlaceOrderRoute/Properties/Target", {"Fn::Sub": "integrations/${OrderIntegration}"}
            ),
            "OrderIntegration",
        ),
        (
            put("OrderViewSubscription/Properties/Endpoint", {"Fn::GetAtt": ["OrderQueue", "Arn"]}),
            "OrderQueue",
        ),
        (put(f"{STREAM_SOURCE}/Stream", {"Fn::GetAtt": ["Events", "StreamArn"]}), "Events"),
    ],
    references.every_attribute_exists: [
        (put(f"{STREAM_SOURCE}/Stream", {"Fn::GetAtt": ["EventsTable", "StreamARN"]}), "StreamARN"),
        (
            put(f"{SQS_SOURCE}/EventSourceArn", {"Fn::GetAtt": ["OrderViewQueue", "QueueArn"]}),
            "QueueArn",
        ),
        (put(f"{INTEGRATION}/IntegrationUri", {"Fn::Sub": "${OrderQueries.ARN}"}), "ARN"),
        (
            put(f"{STAGE}/ApiId", {"Fn::GetAtt": ["PlaceOrderRoute", "RouteId"]}),
            "AWS::ApiGatewayV2::Route",
        ),
    ],
    references.every_dependency_resolves: [
        (put("OrderViewTable/DependsOn", "EventTable"), "EventTable")
    ],
    references.every_condition_resolves: [
        (put("AlarmEmailSubscription/Condition", "HasAlarmMail"), "HasAlarmMail"),
        (
            put("AlarmTopic/Properties", {"DisplayName": {"Fn::If": ["HasName", "a", "b"]}}),
            "HasName",
        ),
    ],
    references.names_leave_room_for_the_stack_s: [
        (
            put(
                "OrderViewQueue/Properties/QueueName",
                {"Fn::Sub": "${AWS::StackName}-" + 35 * "q" + ".fifo"},
            ),
            "41",
        ),
        (
            put(
                "OrderViewLogs/Properties/LogGroupName",
                {"Fn::Sub": "/aws/lambda/${AWS::StackName}-" + 28 * "l"},
            ),
            "OrderViewLogs",
        ),
    ],
    functions.every_function_is_a_crate: [
        (put("OrderView/Properties/CodeUri", "../target/lambda/orders-view/"), "orders-view"),
        (
            put("OrderView/Properties/CodeUri", "target/lambda/order-view/"),
            "target/lambda/order-view/",
        ),
        (drop("OrderView"), "functions/order-view"),
    ],
    functions.every_function_logs_to_a_group_with_a_retention: [
        (drop("OrderView/Properties/LoggingConfig"), "OrderView"),
        (
            put("OrderView/Properties/LoggingConfig/LogGroup", {"Ref": "OrderViewTable"}),
            "OrderView",
        ),
        (drop("OrderViewLogs/Properties/RetentionInDays"), "OrderViewLogs"),
    ],
    functions.every_function_has_an_alarm_on_errors: [
        (drop("BackgroundErrorsAlarm"), "EventRelay"),
        (drop("BackgroundErrorsAlarm/Properties/AlarmActions"), "EventRelay"),
        (drop("BackgroundErrorsAlarm/Properties/Metrics/1"), "EventRelay"),
        (drop("StepErrorsAlarm/Properties/Metrics/2"), "PaymentSteps"),
        (drop("HttpErrorsAlarm/Properties/Metrics/4"), "OrderQueries"),
    ],
    functions.every_function_in_the_background_has_an_alarm_on_throttles: [
        (drop("BackgroundThrottlesAlarm"), "EventRelay"),
        (drop("BackgroundThrottlesAlarm/Properties/AlarmActions"), "StockView"),
        (
            put(
                f"{metric('BackgroundThrottlesAlarm', 2)}/Dimensions/0/Value", {"Ref": "StockView"}
            ),
            "OrderView",
        ),
    ],
    functions.no_function_can_delete_or_update_events: [
        (role({"Action": "dynamodb:DeleteItem", "Resource": EVENTS}), "dynamodb:DeleteItem"),
        (
            role({"Action": ["dynamodb:Query", "dynamodb:UpdateItem"], "Resource": EVENTS}),
            "dynamodb:UpdateItem",
        ),
        (
            role({"Action": "dynamodb:BatchWriteItem", "Resource": [EVENTS]}),
            "dynamodb:BatchWriteItem",
        ),
        (
            role({"Action": "dynamodb:PartiQLUpdate", "Resource": EVENTS}),
            "dynamodb:PartiQLUpdate",
        ),
        (role({"Action": "DynamoDB:deleteitem", "Resource": EVENTS}), "DynamoDB:deleteitem"),
        (role({"Action": "dynamodb:Delete*", "Resource": EVENTS}), "dynamodb:Delete*"),
        (role({"Action": "dynamodb:*", "Resource": EVENTS}), "dynamodb:*"),
        (role({"Action": "*", "Resource": "*"}), "may *"),
        (role({"Action": "dynamodb:DeleteItem", "Resource": "*"}), "dynamodb:DeleteItem"),
        (
            role(
                {
                    "Action": "dynamodb:DeleteTable",
                    "Resource": {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:*:*:table/*"},
                }
            ),
            "DeleteTable",
        ),
        (
            role(
                {
                    "Action": "dynamodb:PartiQLDelete",
                    "Resource": {"Fn::Sub": "${EventsTable.Arn}/index/*"},
                }
            ),
            "PartiQLDelete",
        ),
    ],
    functions.every_function_may_do_with_tables_all_that_its_code_does: [
        (
            put(f"{ORDER_COMMANDS}/Action", ["dynamodb:Query", "dynamodb:GetItem"]),
            "OrderCommandsRole may not dynamodb:PutItem on EventsTable.Arn",
        ),
    ],
    functions.every_function_may_do_with_tables_what_its_code_does: [
        (
            role({"Action": "dynamodb:PutItem", "Resource": EVENTS}),
            "OrderViewRole may dynamodb:PutItem on EventsTable.Arn",
        ),
        (
            role({"Action": ["dynamodb:Query", "dynamodb:GetItem"], "Resource": EVENTS}),
            "dynamodb:GetItem",
        ),
        (
            role(
                {"Action": "dynamodb:Query", "Resource": {"Fn::Sub": "${EventsTable.Arn}/index/*"}}
            ),
            "EventsTable.Arn/index/*",
        ),
        (role({"Action": "dynamodb:Put*", "Resource": [EVENTS]}), "dynamodb:Put*"),
        (
            role(
                {
                    "Action": "dynamodb:PutItem",
                    "Resource": {"Fn::GetAtt": ["StockViewTable", "Arn"]},
                }
            ),
            "StockViewTable",
        ),
        (
            put(f"{ORDER_COMMANDS}/Action", ["dynamodb:ConditionCheckItem", "dynamodb:PutItem"]),
            "dynamodb:ConditionCheckItem",
        ),
        (
            put(f"{READ_STOCK}/Action", ["dynamodb:BatchGetItem", "dynamodb:GetItem"]),
            "dynamodb:GetItem on StockViewTable.Arn",
        ),
        (
            put(f"{READ_STOCK}/Action", ["dynamodb:PutItem"]),
            "dynamodb:PutItem on StockViewTable.Arn",
        ),
    ],
    functions.every_function_may_use_the_tables_that_it_is_given: [
        (
            put("OrderView/Properties/Environment/Variables/STOCK", {"Ref": "StockViewTable"}),
            "OrderView has the name of StockViewTable in STOCK",
        ),
        (
            put("EventRelay/Properties/Environment/Variables/EVENTS", {"Ref": "EventsTable"}),
            "EventRelay has the name of EventsTable in EVENTS",
        ),
        (
            put("StockView/Properties/Environment/Variables/ROWS", {"Ref": "OrderViewTable"}),
            "StockViewRole",
        ),
    ],
    functions.no_role_has_permissions_that_are_not_written_out: [
        (
            put(
                "OrderViewRole/Properties/ManagedPolicyArns",
                ["arn:aws:iam::aws:policy/AdministratorAccess"],
            ),
            "OrderViewRole",
        ),
        (
            put(
                "Stray",
                {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": []}}},
            ),
            "Stray",
        ),
        (put("Stray", {"Type": "AWS::IAM::ManagedPolicy", "Properties": {}}), "Stray"),
        (put("OrderViewPolicy/Properties/Roles/1", {"Ref": "StockViewRole"}), "OrderViewPolicy"),
        (put("OrderViewPolicy/Properties/Roles/0", "everything"), "OrderViewPolicy"),
        (put("OrderViewPolicy/Properties/Groups", ["all"]), "OrderViewPolicy"),
        (
            put("OrderView/Properties/Role", "arn:aws:iam::123456789012:role/everything"),
            "OrderView",
        ),
        (role({"NotAction": "iam:*", "Resource": EVENTS}), "everything except"),
        (role({"Action": "sqs:SendMessage", "Resource": "*"}), "every resource"),
    ],
    functions.every_function_waits_for_its_policies: [
        (drop("OrderQueries/DependsOn"), "OrderQueriesPolicy"),
        (put("OrderView/DependsOn", "StockViewPolicy"), "OrderViewPolicy"),
    ],
    functions.every_function_has_a_role_of_its_own: [
        (
            put("StockView/Properties/Role", {"Fn::GetAtt": ["OrderViewRole", "Arn"]}),
            "OrderViewRole",
        ),
    ],
    keys.only_the_catalog_s_commands_make_and_destroy_persons_keys: [
        (
            role({"Action": "dynamodb:PutItem", "Resource": KEYS}, "OrderCommandsRole"),
            "OrderCommandsRole may dynamodb:PutItem",
        ),
        (
            role({"Action": ["dynamodb:DeleteItem"], "Resource": KEYS}, "CatalogCommandsRole"),
            "CatalogCommandsRole may dynamodb:DeleteItem",
        ),
        (
            role(
                {"Action": "dynamodb:UpdateItem", "Resource": [EVENTS, KEYS]}, "CatalogCommandsRole"
            ),
            "dynamodb:UpdateItem",
        ),
        (
            role({"Action": "dynamodb:Query", "Resource": KEYS}, "OrderQueriesRole"),
            "OrderQueriesRole may dynamodb:Query",
        ),
        (
            role(
                {
                    "Action": "*",
                    "Resource": {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:*:*:table/*"},
                },
                "PaymentStepsRole",
            ),
            "PaymentStepsRole may *",
        ),
        (
            role({"Action": "kms:GenerateDataKey", "Resource": WRAPPING}, "OrderCommandsRole"),
            "OrderCommandsRole may kms:GenerateDataKey",
        ),
        (
            role({"Action": "kms:*", "Resource": "*"}, "CatalogCommandsRole"),
            "CatalogCommandsRole may kms:*",
        ),
        (
            role(
                {"Action": "kms:ScheduleKeyDeletion", "Resource": WRAPPING}, "CatalogCommandsRole"
            ),
            "kms:ScheduleKeyDeletion",
        ),
    ],
    keys.no_function_reads_persons_keys_without_a_reason: [
        (
            role({"Action": "dynamodb:GetItem", "Resource": KEYS}),
            "OrderViewRole may dynamodb:GetItem",
        ),
        (role({"Action": "kms:Decrypt", "Resource": WRAPPING}), "OrderViewRole may kms:Decrypt"),
        (role({"Action": "dynamodb:GetItem", "Resource": KEYS}, "OrderSagaRole"), "OrderSagaRole"),
        (
            role({"Action": "kms:Decrypt", "Resource": WRAPPING}, "PaymentStepsRole"),
            "without naming a person",
        ),
        (
            put(
                "OrderView/Properties/Environment/Variables/PERSON_KEYS_TABLE",
                {"Ref": "PersonKeysTable"},
            ),
            "OrderView gets",
        ),
        (put("StockView/Properties/Environment/Variables/KEY", WRAPPING), "PersonKeysKey"),
    ],
    keys.persons_keys_are_kept_apart_and_their_erasure_is_final: [
        (
            put("PersonKeysTable/Properties/StreamSpecification", {"StreamViewType": "KEYS_ONLY"}),
            "StreamSpecification",
        ),
        (
            put("PersonKeysTable/Properties/KinesisStreamSpecification", {"StreamArn": "arn"}),
            "KinesisStreamSpecification",
        ),
        (drop("PersonKeysTable/DeletionPolicy"), "DeletionPolicy"),
        (put("PersonKeysTable/UpdateReplacePolicy", "Delete"), "UpdateReplacePolicy"),
        (
            drop(
                "PersonKeysTable/Properties/PointInTimeRecoverySpecification/RecoveryPeriodInDays"
            ),
            "35 days",
        ),
        (drop("PersonKeysTable"), "a table of their own"),
    ],
    keys.the_key_that_wraps_persons_keys_rotates_and_is_never_lost: [
        (drop("PersonKeysKey/Properties/EnableKeyRotation"), "EnableKeyRotation"),
        (put("PersonKeysKey/DeletionPolicy", "Delete"), "DeletionPolicy"),
        (drop("PersonKeysKey/UpdateReplacePolicy"), "UpdateReplacePolicy"),
        (put("PersonKeysKey/Properties/PendingWindowInDays", 7), "7 days"),
        (drop("PersonKeysKey/Properties/KeyPolicy/Statement/1"), "without a person"),
        (drop("PersonKeysKey/Properties/KeyPolicy/Statement/1/Condition/Null"), "without a person"),
    ],
    pipe.every_table_is_encrypted_and_backed_up: [
        (drop("EventsTable/Properties/SSESpecification"), "EventsTable"),
        (
            put(
                f"{RECOVERY}/PointInTimeRecoveryEnabled",
                False,
            ),
            "OrderViewTable",
        ),
        (put("StockViewTable/Properties/BillingMode", "PROVISIONED"), "StockViewTable"),
        (drop("PersonKeysTable/Properties/SSESpecification"), "PersonKeysTable"),
    ],
    pipe.the_events_outlive_the_stack: [
        (put("EventsTable/DeletionPolicy", "Delete"), "DeletionPolicy"),
        (drop("EventsTable/UpdateReplacePolicy"), "UpdateReplacePolicy"),
    ],
    pipe.one_function_reads_the_stream_and_loses_nothing: [
        (
            put("EventsTable/Properties/StreamSpecification/StreamViewType", "KEYS_ONLY"),
            "KEYS_ONLY",
        ),
        (put(f"{STREAM_SOURCE}/StartingPosition", "LATEST"), "LATEST"),
        (
            put(
                f"{STREAM_SOURCE}/FilterCriteria",
                {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]},
            ),
            "filter",
        ),
        (put(f"{STREAM_SOURCE}/MaximumRetryAttempts", 3), "MaximumRetryAttempts"),
        (put(f"{STREAM_SOURCE}/MaximumRecordAgeInSeconds", 60), "MaximumRecordAgeInSeconds"),
        (put(f"{STREAM_SOURCE}/BisectBatchOnFunctionError", True), "BisectBatchOnFunctionError"),
        (
            put(f"{STREAM_SOURCE}/FunctionResponseTypes", ["ReportBatchItemFailures"]),
            "FunctionResponseTypes",
        ),
        (drop("EventRelay/Properties/Events"), "0 functions"),
        (
            put(
                "OrderQueries/Properties/Events",
                {
                    "Too": {
                        "Type": "DynamoDB",
                        "Properties": {
                            "Stream": {"Fn::GetAtt": ["EventsTable", "StreamArn"]},
                            "StartingPosition": "LATEST",
                        },
                    }
                },
            ),
            "2 functions",
        ),
    ],
    pipe.the_relay_has_time_for_a_batch_of_one_stream: [
        (put("EventRelay/Properties/Timeout", 49), "49 s"),
        (put(f"{STREAM_SOURCE}/BatchSize", 61), "61 commits"),
        (drop(f"{STREAM_SOURCE}/BatchSize"), "100 commits"),
    ],
    pipe.the_relay_s_lag_has_an_alarm: [
        (drop("RelayLagAlarm"), "IteratorAge"),
        (drop("RelayLagAlarm/Properties/AlarmActions"), "IteratorAge"),
        (put("RelayLagAlarm/Properties/Dimensions/0/Value", {"Ref": "OrderView"}), "IteratorAge"),
    ],
    pipe.fifo_is_in_the_name: [
        (
            put("EventsTopic/Properties/TopicName", {"Fn::Sub": "${AWS::StackName}-events"}),
            "EventsTopic",
        ),
        (put("OrderViewQueue/Properties/QueueName", "orders"), "OrderViewQueue"),
        (drop("OrderViewQueue/Properties/QueueName"), "OrderViewQueue"),
        (drop("EventsTopic/Properties/FifoTopic"), "EventsTopic"),
        (put("AlarmTopic/Properties", {"TopicName": "alarms.fifo"}), "AlarmTopic"),
    ],
    pipe.every_queue_is_fifo_and_encrypted: [
        (drop("OrderViewDeadLetters/Properties/FifoQueue"), "OrderViewDeadLetters"),
        (drop("UnreadableQueue/Properties/SqsManagedSseEnabled"), "UnreadableQueue"),
    ],
    pipe.the_commits_topic_is_encrypted: [
        (drop("EventsTopic/Properties/KmsMasterKeyId"), "EventsTopic")
    ],
    pipe.what_a_function_takes_from_a_queue_is_never_lost: [
        (put("OrderView/Properties/Timeout", 11), "66"),
        (put("OrderViewQueue/Properties/VisibilityTimeout", 59), "OrderViewQueue"),
        (drop("StockViewQueue/Properties/VisibilityTimeout"), "StockViewQueue"),
        (drop("OrderViewQueue/Properties/RedrivePolicy"), "OrderViewQueue"),
        (put("OrderViewQueue/Properties/RedrivePolicy/maxReceiveCount", 719), "12 hours"),
        (drop("OrderViewDeadLetters/Properties/FifoQueue"), "OrderViewDeadLetters"),
        (
            put(
                "OrderViewQueue/Properties/RedrivePolicy/deadLetterTargetArn",
                {"Fn::GetAtt": ["EventsTable", "Arn"]},
            ),
            "OrderViewQueue",
        ),
    ],
    pipe.every_queue_has_an_alarm: [
        (drop("MessageAgeAlarm"), "OrderViewQueue"),
        (drop("MessageAgeAlarm/Properties/Metrics/3"), "SagaStarterQueue"),
        (drop("DeadLettersAlarm"), "StockViewDeadLetters"),
        (drop("DeadLettersAlarm/Properties/Metrics/2"), "StockViewDeadLetters"),
        (drop("UnreadableAlarm"), "UnreadableQueue"),
        (drop("UndeliveredAlarm"), "UndeliveredQueue"),
        (drop("UnreadableAlarm/Properties/AlarmActions"), "UnreadableQueue"),
        (drop("OrderViewMessages"), "OrderViewQueue"),
    ],
    pipe.queue_event_sources_report_each_failure_and_filter_nothing: [
        (drop(f"{SQS_SOURCE}/FunctionResponseTypes"), "OrderViewMessages"),
        (put(f"{SQS_SOURCE}/BatchSize", 100), "100"),
        (
            put(
                f"{SQS_SOURCE}/FilterCriteria",
                {"Filters": [{"Pattern": '{"body": {"stream": [{"prefix": "order-"}]}}'}]},
            ),
            "filter",
        ),
    ],
    pipe.subscriptions_filter_on_category_and_only_a_saga_s_on_type: [
        (
            put("SagaStarterSubscription/Properties/FilterPolicy", {"category": ["order"]}),
            "SagaStarterSubscription",
        ),
        (
            put("SagaStarterSubscription/Properties/FilterPolicy/types", []),
            "SagaStarterSubscription",
        ),
        (
            put(
                "SagaStarterSubscription/Properties/FilterPolicy/types",
                ["order.placed", "order.resumed"],
            ),
            "{exists: false}",
        ),
        (
            put("SagaStarterSubscription/Properties/FilterPolicy/types/-1", {"exists": True}),
            "{exists: false}",
        ),
        (
            put("SagaStarter/Properties/Environment/Variables/STATE_MACHINE_ARN", "none"),
            "skipped type",
        ),
        (
            put("OrderViewSubscription/Properties/FilterPolicy", {"types": ["order.placed"]}),
            "types",
        ),
        (put("OrderViewSubscription/Properties/FilterPolicy/types", ["order.placed"]), "types"),
        (drop("StockViewSubscription/Properties/FilterPolicy"), "StockViewSubscription"),
        (drop("StockViewSubscription/Properties/RawMessageDelivery"), "StockViewSubscription"),
        (
            put("StockViewSubscription/Properties/FilterPolicyScope", "MessageBody"),
            "StockViewSubscription",
        ),
    ],
    pipe.subscriptions_wait_for_their_queues_and_lose_nothing: [
        (drop("OrderViewSubscription/Properties/RedrivePolicy"), "OrderViewSubscription"),
        (
            put("StockViewSubscription/Properties/RedrivePolicy/deadLetterTargetArn", EVENTS),
            "StockViewSubscription",
        ),
        (drop("UndeliveredQueue/Properties/FifoQueue"), "UnreadableSubscription"),
        (drop("UnreadableSubscription/DependsOn"), "UnreadableQueue"),
        (put("UnreadableSubscription/DependsOn", "OrderViewDeadLettersPolicy"), "UnreadableQueue"),
        (without("TopicQueuesPolicy/Properties/Queues", "UndeliveredQueue"), "UndeliveredQueue"),
    ],
    pipe.the_topic_s_failed_deliveries_have_an_alarm: [
        (drop("UndeliveredAlarm"), "EventsTopic"),
        (drop("UndeliveredAlarm/Properties/Metrics/2"), "EventsTopic"),
        (drop("UndeliveredAlarm/Properties/AlarmActions"), "EventsTopic"),
        (
            put(
                f"{metric('UndeliveredAlarm', 2)}/Dimensions/0/Value",
                {"Fn::GetAtt": ["AlarmTopic", "TopicName"]},
            ),
            "EventsTopic",
        ),
    ],
    pipe.only_the_topic_sends_to_its_queues: [
        (
            role(
                {"Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["OrderViewQueue", "Arn"]}}
            ),
            "OrderViewQueue",
        ),
        (
            role(
                {
                    "Action": "sqs:SendMessage",
                    "Resource": {"Fn::GetAtt": ["UndeliveredQueue", "Arn"]},
                }
            ),
            "UndeliveredQueue",
        ),
        (without("TopicQueuesPolicy/Properties/Queues", "UndeliveredQueue"), "UndeliveredQueue"),
        (drop("TopicQueuesPolicy"), "UnreadableQueue"),
        (
            drop("TopicQueuesPolicy/Properties/PolicyDocument/Statement/0/Condition"),
            "OrderViewQueue",
        ),
        (
            put("TopicQueuesPolicy/Properties/PolicyDocument/Statement/0/Principal", "*"),
            "OrderViewQueue",
        ),
    ],
    pipe.queues_and_topic_refuse_plain_http: [
        (drop("OrderViewDeadLettersPolicy"), "OrderViewDeadLetters"),
        (without("TopicQueuesPolicy/Properties/Queues", "UnreadableQueue"), "UnreadableQueue"),
        (drop("EventsTopicPolicy"), "EventsTopic"),
        (
            put(
                f"{TLS_ONLY}/Condition/Bool/aws:SecureTransport",
                "true",
            ),
            "StockViewDeadLetters",
        ),
    ],
    agreement.every_queue_receives_what_its_function_reads: [
        (drop("OrderViewSubscription"), "OrderViewQueue receives nothing"),
        (put("OrderViewSubscription/Properties/FilterPolicy/category/0", "ordr"), "'ordr'"),
        (
            put("OrderViewSubscription/Properties/FilterPolicy/category/0", "stock"),
            "OrderView reads events of order",
        ),
        (
            put(
                "StockViewSubscription/Properties/Endpoint",
                {"Fn::GetAtt": ["OrderViewQueue", "Arn"]},
            ),
            "StockViewQueue",
        ),
        (put("StockViewSubscription/Properties/TopicArn", {"Ref": "AlarmTopic"}), "StockViewQueue"),
        (drop("SagaStarterSubscription/Properties/FilterPolicy"), "SagaStarterQueue"),
        (
            put(f"{SQS_SOURCE}/EventSourceArn", {"Fn::GetAtt": ["StockViewQueue", "Arn"]}),
            "OrderView reads",
        ),
    ],
    agreement.every_function_with_a_queue_has_an_alarm_on_foreign_messages: [
        (drop("ForeignMessagesAlarm"), "OrderView"),
        (drop("ForeignMessagesAlarm/Properties/AlarmActions"), "StockView"),
        (
            put(f"{metric('ForeignMessagesAlarm', 3)}/Dimensions/0/Value", {"Ref": "StockView"}),
            "SagaStarter",
        ),
        (put(f"{metric('ForeignMessagesAlarm', 1)}/MetricName", "Foreign"), "OrderView"),
    ],
    agreement.every_queue_is_filled_by_something: [
        (drop("UnreadableSubscription"), "UnreadableQueue"),
        (drop("StockViewQueue/Properties/RedrivePolicy"), "StockViewDeadLetters"),
    ],
    agreement.every_filter_names_what_is_published: [
        (
            put("StockViewSubscription/Properties/FilterPolicy/category", ["stock", "stocks"]),
            "'stocks'",
        ),
        (
            put("UnreadableSubscription/Properties/FilterPolicy/category/0", "unreadble"),
            "'unreadble'",
        ),
        (
            put("StockViewSubscription/Properties/FilterPolicy/category/0", {"prefix": "sto"}),
            "'prefix'",
        ),
        (
            put("SagaStarterSubscription/Properties/FilterPolicy/types/0", "order.place"),
            "'order.place'",
        ),
        (drop("UnreadableSubscription"), "publishes as unreadable"),
    ],
    agreement.every_variable_that_is_read_is_set_and_every_one_set_is_read: [
        (
            drop("OrderView/Properties/Environment/Variables/ORDER_VIEW_TABLE"),
            "OrderView reads ORDER_VIEW_TABLE",
        ),
        (
            drop("OrderQueries/Properties/Environment/Variables/BUILD_VERSION"),
            "OrderQueries reads BUILD_VERSION",
        ),
        (drop("EventRelay/Properties/Environment"), "EventRelay reads EVENTS_TOPIC_ARN"),
        (
            put(
                "StockView/Properties/Environment/Variables/STOCK_VEIW_TABLE",
                {"Ref": "StockViewTable"},
            ),
            "STOCK_VEIW_TABLE",
        ),
        (
            put(
                "OrderSteps/Properties/Environment/Variables/PERSON_KEYS_TABLE",
                {"Ref": "PersonKeysTable"},
            ),
            "OrderSteps has",
        ),
    ],
    alarms.every_alarm_informs_a_person: [
        (drop("MessageAgeAlarm/Properties/AlarmActions"), "MessageAgeAlarm"),
        (put("RelayLagAlarm/Properties/AlarmActions", [{"Ref": "EventsTable"}]), "RelayLagAlarm"),
    ],
    alarms.every_alarm_has_its_section_in_the_runbook: [
        (rename("MessageAgeAlarm", "MessagesAlarm"), "MessagesAlarm has no section"),
        (rename("MessageAgeAlarm", "MessagesAlarm"), "no such alarm"),
        (drop("UnreadableAlarm/Properties/AlarmDescription"), "UnreadableAlarm does not refer"),
        (
            put("UnreadableAlarm/Properties/AlarmDescription", "Look at it."),
            "UnreadableAlarm does not refer",
        ),
    ],
    alarms.an_alarm_on_several_metrics_watches_each_of_them: [
        (put("DeadLettersAlarm/Properties/Metrics/0/Expression", "orderView"), "DeadLettersAlarm"),
        (put("DeadLettersAlarm/Properties/Metrics/0/ReturnData", False), "DeadLettersAlarm"),
        (drop("DeadLettersAlarm/Properties/Metrics/1/ReturnData"), "DeadLettersAlarm"),
        (put("DeadLettersAlarm/Properties/Metrics/1/Id", "stockView"), "one Id"),
        (put("DeadLettersAlarm/Properties/Metrics/1/MetricStat/Period", 300), "different periods"),
        (more_metrics("DeadLettersAlarm", 8), "CloudWatch allows 10"),
    ],
    api.every_call_is_answered_in_time: [
        (put(f"{INTEGRATION}/TimeoutInMillis", 30000), "29000"),
        (drop(f"{INTEGRATION}/TimeoutInMillis"), "29000"),
        (put("OrderQueries/Properties/Timeout", 12), "OrderQueries"),
        (put(f"{INTEGRATION}/PayloadFormatVersion", "1.0"), "2.0"),
    ],
    api.every_route_leads_to_a_function_that_may_be_called: [
        (drop("OrderQueriesPermission"), "OrderQueries"),
        (put("OrderQueriesPermission/Properties/Principal", "s3.amazonaws.com"), "OrderQueries"),
        (put("GetStockRoute/Properties/Target", "integrations/none"), "GetStockRoute"),
        (put("GetStockRoute/Properties/RouteKey", "GET /health"), "GET /health"),
        (
            put(
                "Stray",
                {
                    "Type": "AWS::ApiGatewayV2::Integration",
                    "Properties": {"ApiId": {"Ref": "HttpApi"}},
                },
            ),
            "Stray",
        ),
        (drop("DefaultRoute"), "$default"),
    ],
    api.the_api_is_limited_logged_and_has_one_address: [
        (put(f"{STAGE}/StageName", "prod"), "$default"),
        (drop(f"{STAGE}/AutoDeploy"), "AutoDeploy"),
        (drop(f"{STAGE}/DefaultRouteSettings/ThrottlingBurstLimit"), "HttpApiStage"),
        (drop(f"{STAGE}/AccessLogSettings"), "HttpApiStage"),
        (put("HttpApi/Properties/Tags/ms-custom-id", "skald"), "HttpApi"),
        (put("Short", {"Type": "AWS::Serverless::HttpApi", "Properties": {}}), "Short"),
    ],
    saga.every_state_leads_somewhere: [
        (define(put("Definition/StartAt", "Nowhere")), "Nowhere"),
        (define(put("First/Next", "Nowhere")), "Nowhere"),
        (define(put("First/Catch/0/Next", "Nowhere")), "Nowhere"),
        (define(drop("First/Next")), "does not say"),
        (define(put("Definition/States/Stray", {"Type": "Succeed"})), "Stray"),
    ],
    saga.every_step_is_tried_again_if_that_can_help: [
        (define(drop("First/Retry")), "end its Retry with States.ALL"),
        (define(put("First/Retry/-1/MaxAttempts", 0)), "end its Retry with States.ALL"),
        (define(put("First/Retry/-1/ErrorEquals", ["Transient"])), "end its Retry with States.ALL"),
        (
            define(put("First/Retry/0/ErrorEquals/0", "Runtime.ExitError")),
            "on Runtime.ExitError, which may pass",
        ),
        (define(put("First/Retry/0/ErrorEquals/0", "Refuzed")), "on Refuzed, which may pass"),
        (define(put("First/Retry/0/ErrorEquals/0", "Refuzed")), "again on Undone"),
        (
            define(put("First/Retry", [{"ErrorEquals": ["Transient"], "MaxAttempts": 0}])),
            "on Transient, which may pass",
        ),
        (
            define(put("First/Retry", [{"ErrorEquals": ["States.TaskFailed"]}])),
            "end its Retry with States.ALL",
        ),
        (define(put("First/Retry", [{"ErrorEquals": ["States.ALL"]}])), "Undone"),
        (
            define(put("Parking/Retry/0/ErrorEquals", ["Undone", "Settled", "Permanent"])),
            "on Permanent, which may pass",
        ),
        (define(put("Parking/Retry/0/ErrorEquals", ["Undone"])), "again on Settled"),
        (
            define(put("Parking/Retry/0/ErrorEquals", ["Undone", "Settled", "Busy"])),
            "on Busy, which may pass",
        ),
    ],
    saga.every_failure_is_caught_and_parks_the_order: [
        (define(drop("First/Catch")), "does not catch"),
        (define(put("First/Catch/-1/ErrorEquals", ["Permanent"])), "does not catch"),
        (define(put("Paying/Catch/-1/Next", "Nowhere")), "does not park"),
        (define(put("Parking/End", True)), "no alarm goes off"),
        (define(drop("Parking/Next")), "no alarm goes off"),
        (define(put("Parking/Catch/-1/ErrorEquals", ["States.ALL"])), "States.ALL"),
        (define(put("Parking/Catch/-1/ErrorEquals", ["Settled", "Permanent"])), "Permanent"),
    ],
    saga.every_step_gets_the_order_from_the_execution: [
        (define(drop("First/Arguments")), " as id"),
        (define(drop("First/Arguments/tenant")), "tenant"),
        (define(drop("Parking/Arguments/correlation_id")), "correlation_id"),
        (
            define(put("Paying/Arguments/id", "{% $states.input.id %}")),
            "Execution.Input",
        ),
        (
            define(put("Paying/Arguments/id", "{% $states.context.Execution.Input.ids %}")),
            "Input.ids",
        ),
    ],
    saga.time_limits_are_ordered: [
        (define(put("Paying/TimeoutSeconds", 10)), "PaymentSteps"),
        (define(drop("First/TimeoutSeconds")), "ReservationSteps"),
        (put("PaymentSteps/Properties/Timeout", 60), "PaymentSteps"),
    ],
    saga.every_substitution_is_used_and_defined: [
        (drop("OrderSaga/Properties/DefinitionSubstitutions/PaymentStepsArn"), "PaymentStepsArn"),
        (
            put("OrderSaga/Properties/DefinitionSubstitutions/SagaStarterArn", "arn"),
            "SagaStarterArn",
        ),
        (define(put("First/Comment", "calls ${StockStepsArn}")), "StockStepsArn"),
    ],
    saga.a_machine_may_invoke_what_it_names_and_nothing_else: [
        (without(f"{INVOKE}/Resource", "PaymentSteps"), "PaymentSteps"),
        (put(f"{INVOKE}/Resource", {"Fn::GetAtt": ["SagaStarter", "Arn"]}), "SagaStarter"),
        (put(f"{INVOKE}/Action", ["lambda:InvokeFunction", "sqs:SendMessage"]), "sqs:SendMessage"),
        (put("OrderSaga/Properties/Role", "arn:aws:iam::123456789012:role/everything"), "no role"),
        (define(put("Paying/Resource", OTHERS_FUNCTION)), OTHERS_FUNCTION),
    ],
    saga.a_machine_starts_a_name_once_and_logs_without_data: [
        (put("OrderSaga/Properties/Type", "EXPRESS"), "EXPRESS"),
        (drop("OrderSaga/Properties/Logging"), "log group"),
        (put("OrderSaga/Properties/Logging/IncludeExecutionData", True), "IncludeExecutionData"),
        (put("OrderSaga/Properties/Logging/Level", "ALL"), "Level"),
        (drop("OrderSaga/Properties/Tracing"), "Tracing"),
    ],
    saga.every_execution_that_fails_has_an_alarm: [
        (drop("OrderSagaAlarm"), "ExecutionsFailed"),
        (drop("OrderSagaAlarm/Properties/AlarmActions"), "ExecutionsFailed"),
        (put(f"{metric('OrderSagaAlarm', 1)}/Namespace", "AWS/Lambda"), "ExecutionsFailed"),
        (put(f"{metric('OrderSagaAlarm', 2)}/Dimensions/0/Name", "Machine"), "ExecutionsAborted"),
    ],
    saga.no_alarm_on_executions_reports_that_all_is_well: [
        (put("OrderSagaAlarm/Properties/OKActions", [{"Ref": "AlarmTopic"}]), "OrderSagaAlarm"),
    ],
    saga.every_step_has_an_alarm_on_throttles: [
        (drop("StepThrottlesAlarm"), "PaymentSteps"),
        (drop("StepThrottlesAlarm/Properties/AlarmActions"), "OrderSteps"),
        (put(f"{metric('StepThrottlesAlarm', 3)}/MetricName", "Errors"), "ShipmentSteps"),
        (
            put(
                "OrderSaga/Properties/DefinitionSubstitutions/PaymentStepsArn",
                {"Fn::GetAtt": ["OrderCommands", "Arn"]},
            ),
            "OrderCommands",
        ),
    ],
    api.the_access_log_says_nothing_about_a_person: [
        (
            put(
                f"{STAGE}/AccessLogSettings/Format",
                '{"route":"$context.routeKey","path":"$context.path"}',
            ),
            "$context.path",
        ),
        (
            put(f"{STAGE}/AccessLogSettings/Format", "$context.identity.sourceIp"),
            "$context.identity.sourceIp",
        ),
        (
            put(f"{STAGE}/AccessLogSettings/Format", "$context.authorizer.claims.email"),
            "$context.authorizer.claims.email",
        ),
    ],
}


class Rules(unittest.TestCase):
    def test_the_template_has_no_fault(self) -> None:
        checked = template.Template(WRITTEN)
        for rule in rules.RULES:
            self.assertEqual([], list(rule(checked)), rule.__name__)

    def test_each_rule_has_a_planted_fault(self) -> None:
        self.assertEqual(
            {rule.__name__ for rule in rules.RULES}, {rule.__name__ for rule in PLANTED}
        )

    def test_each_planted_fault_is_found(self) -> None:
        for rule, cases in PLANTED.items():
            for number, (plant, named) in enumerate(cases):
                with self.subTest(rule=rule.__name__, case=number):
                    found = faults(rule, plant)
                    self.assertTrue(
                        any(named in fault for fault in found), f"{named!r} is not named in {found}"
                    )


class Runbook(unittest.TestCase):
    """What `RUNBOOK.md` must say of each alarm."""

    def faults_with(self, before: str, after: str) -> list[str]:
        text = alarms.RUNBOOK.read_text(encoding="utf-8")
        self.assertIn(before, text)
        with tempfile.TemporaryDirectory() as folder:
            changed = Path(folder) / "RUNBOOK.md"
            changed.write_text(text.replace(before, after, 1), encoding="utf-8")
            with mock.patch.object(alarms, "RUNBOOK", changed):
                checked = template.Template(deepcopy(WRITTEN))
                return list(alarms.every_alarm_has_its_section_in_the_runbook(checked))

    def test_a_section_that_is_missing_or_left_over_is_a_fault(self) -> None:
        found = self.faults_with("### UnreadableAlarm", "### IllegibleAlarm")
        self.assertTrue(any("UnreadableAlarm has no section" in fault for fault in found), found)
        self.assertTrue(any("IllegibleAlarm, but the template" in fault for fault in found), found)

    def test_a_section_that_does_not_say_what_to_do_is_a_fault(self) -> None:
        for before, after in (("**Do.**", "Do."), ("**Look.**", "**Do.**")):
            found = self.faults_with(before, after)
            self.assertTrue(any("RelayLagAlarm" in fault for fault in found), found)


class Written(unittest.TestCase):
    """The files of the project that `infra` names, and the commands of the Makefile."""

    def test_every_file_that_infra_names_exists(self) -> None:
        written = [
            template.ROOT / "Makefile",
            *(template.ROOT / "infra").rglob("*.py"),
            template.PATH,
        ]
        for file in written:
            for named in re.findall(
                r"(?<![\w/])(?:infra|functions|shared|tests)/[\w/-]+\.\w+",
                file.read_text(encoding="utf-8"),
            ):
                self.assertTrue(
                    (template.ROOT / named).is_file(), f"{file} names {named}, which does not exist"
                )

    def test_no_build_changes_cargo_lock(self) -> None:
        recipes = re.findall(
            r"(?m)^\t.*\bcargo (?:lambda )?(?:build|test|clippy)\b.*$",
            (template.ROOT / "Makefile").read_text(encoding="utf-8"),
        )
        self.assertTrue(recipes)
        for recipe in recipes:
            self.assertIn(" --locked", recipe)


if __name__ == "__main__":
    unittest.main()
