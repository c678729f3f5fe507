"""The launcher of the local cloud: how it starts, which errors it reports, and that it leaves
nothing behind when it ends.

The functions in these tests are stand-ins. They make the calls that an event names, with the
credentials of their roles. So these tests also show that the local cloud enforces the roles of the
template.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import deploy
from deploy import client

LAUNCHER = Path(__file__).with_name("cloud.py")
FUNCTIONS = [manifest.parent.name for manifest in deploy.ROOT.glob("functions/*/Cargo.toml")]
ENDS_WITHIN_S = 30

STAND_IN = f"""#!{sys.executable}
import base64, json, os, urllib.request

import botocore.session
from botocore.exceptions import ClientError

RUNTIME = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"


def answer(event):
    if "requestContext" in event:
        body = {{"group": os.getpgrp(), "environment": dict(os.environ)}}
        return {{"statusCode": 200, "body": json.dumps(body)}}
    if "step" in event:
        return {{}}
    if "call" in event:
        return call(*event["call"])
    for record in event.get("Records", []):
        if "call" in record.get("body", ""):
            call(*json.loads(record["body"])["call"])
    return None


def call(service, operation, arguments):
    if "CiphertextBlob" in arguments:
        arguments["CiphertextBlob"] = base64.b64decode(arguments["CiphertextBlob"])
    try:
        getattr(botocore.session.Session().create_client(service), operation)(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "done"


while True:
    with urllib.request.urlopen(RUNTIME + "next") as next_event:
        request, event = next_event.headers["Lambda-Runtime-Aws-Request-Id"], json.load(next_event)
    print("an event", flush=True)
    answered = json.dumps(answer(event)).encode()
    urllib.request.urlopen(RUNTIME + request + "/response", data=answered).close()
"""


class Launched:
    """A running launcher with a temporary folder of its own."""

    def __init__(self, process: subprocess.Popen[str], artifacts: Path, folder: Path) -> None:
        self.process = process
        self.artifacts = artifacts
        self.folder = folder
        self.ready: dict[str, Any] = json.loads(process.stdout.readline() or "{}")

    def client(self, service: str) -> Any:
        return client(service, self.ready["endpoint"], self.ready["region"])

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.ready["api_url"] + "/health", timeout=10) as answer:
            return json.load(answer)

    def wait(self) -> tuple[int, str]:
        """The exit code, and what the launcher wrote to standard error."""
        _, said = self.process.communicate(timeout=ENDS_WITHIN_S)
        return self.process.returncode, said


@contextlib.contextmanager
def launched(*arguments: str) -> Iterator[Launched]:
    """Start the launcher with stand-ins for the functions. Kill it at the end if it still runs."""
    with tempfile.TemporaryDirectory() as name:
        artifacts, folder = Path(name, "artifacts"), Path(name, "tmp")
        folder.mkdir()
        for function in FUNCTIONS:
            bootstrap = artifacts / function / "bootstrap"
            bootstrap.parent.mkdir(parents=True)
            bootstrap.write_text(STAND_IN, encoding="utf-8")
            bootstrap.chmod(bootstrap.stat().st_mode | stat.S_IXUSR)
        process = subprocess.Popen(
            [sys.executable, str(LAUNCHER), "--artifacts", str(artifacts), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(folder), "SKALD_SECRET": "not for functions"},
        )
        try:
            yield Launched(process, artifacts, folder)
        finally:
            process.kill()
            process.communicate()


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something becomes true before the deadline."""
    deadline = time.monotonic() + ENDS_WITHIN_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_gone(group: int) -> bool:
    """Whether the process group has no running process."""
    listed = subprocess.run(
        ["ps", "-axo", "pgid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    return not any(
        line.split()[0] == str(group) and "Z" not in line.split()[1] for line in listed.splitlines()
    )


class Endings(unittest.TestCase):
    def assert_nothing_is_left(self, cloud: Launched, group: int) -> None:
        self.assertTrue(
            eventually(lambda: is_gone(group)), "a process of the local cloud still runs"
        )
        self.assertTrue(
            eventually(lambda: not list(cloud.folder.iterdir())),
            f"left behind: {list(cloud.folder.iterdir())}",
        )

    def test_at_the_end_of_standard_input(self) -> None:
        with launched("--until-eof") as cloud:
            group = cloud.health()["group"]
            cloud.process.stdin.close()
            cloud.process.stdin = None
            code, said = cloud.wait()
            self.assertEqual(0, code, said)
            self.assert_nothing_is_left(cloud, group)

    def test_on_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name), launched() as cloud:
                group = cloud.health()["group"]
                cloud.process.send_signal(number)
                code, said = cloud.wait()
                self.assertEqual(0, code, said)
                self.assert_nothing_is_left(cloud, group)

    def test_when_it_is_killed(self) -> None:
        with launched() as cloud:
            group = cloud.health()["group"]
            cloud.process.kill()
            cloud.wait()
            self.assert_nothing_is_left(cloud, group)

    def test_while_it_starts(self) -> None:
        process = subprocess.Popen(
            [sys.executable, str(LAUNCHER), "--until-eof"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said, _ = process.communicate("", timeout=ENDS_WITHIN_S * 3)
        self.assertEqual((0, ""), (process.returncode, said))


class Errors(unittest.TestCase):
    def error_of(self, *arguments: str) -> str:
        with launched(*arguments) as cloud:
            code, said = cloud.wait()
        self.assertNotEqual(0, code, said)
        self.assertNotIn("Traceback", said)
        return said

    def test_a_port_in_use_is_named_with_the_command_for_another(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            said = self.error_of("--port", str(port))
        self.assertIn(f"port {port} ", said)
        self.assertIn(f"make run PORT={port + 1}", said)

    def test_a_missing_function_is_named_with_the_command_that_builds_it(self) -> None:
        said = self.error_of("--artifacts", "/nowhere")
        self.assertIn("/nowhere/", said)
        self.assertIn("make build", said)

    def test_a_parameter_that_the_template_refuses_is_named(self) -> None:
        self.assertIn("LogLevel", self.error_of("--parameter", "LogLevel=loud"))
        self.assertIn("NoSuchThing", self.error_of("--parameter", "NoSuchThing=1"))
        self.assertIn("Key=Value", self.error_of("--parameter", "LogLevel"))


class Redeploying(unittest.TestCase):
    """Deploying to a cloud that has the stack already."""

    def deploy(self, cloud: Launched, **parameters: str) -> tuple[dict[str, str], str]:
        """The outputs, and the last line of progress."""
        said: list[str] = []
        outputs = deploy.deploy(
            cloud.ready["endpoint"], cloud.ready["region"], parameters, cloud.artifacts, said.append
        )
        return outputs, said[-1]

    def test_it_updates_the_stack_and_keeps_the_data(self) -> None:
        with launched() as cloud:
            table = cloud.ready["outputs"]["EventsTableName"]
            item = {"pk": {"S": "default/order-1"}, "sk": {"N": "1"}}
            cloud.client("dynamodb").put_item(TableName=table, Item=item)

            unchanged = self.deploy(cloud)
            self.assertEqual((cloud.ready["outputs"], "the stack has no changes"), unchanged)
            changed = self.deploy(cloud, LogLevel="ERROR")
            self.assertEqual((cloud.ready["outputs"], "updating the stack"), changed)

            self.assertEqual("ERROR", cloud.health()["environment"]["RUST_LOG"])
            self.assertEqual([item], cloud.client("dynamodb").scan(TableName=table)["Items"])

    def test_a_stack_that_cannot_be_updated_is_named_with_the_command_that_deletes_it(self) -> None:
        with launched() as cloud:
            formation = cloud.client("cloudformation")
            formation.delete_stack(StackName=deploy.STACK)
            self.assertTrue(eventually(lambda: deploy.existing_stack(formation) is None))
            wrong = {
                "Resources": {
                    "Orders": {
                        "Type": "AWS::SQS::Queue",
                        "Properties": {"FifoQueue": True, "QueueName": "orders"},
                    }
                }
            }
            formation.create_stack(
                StackName=deploy.STACK, TemplateBody=json.dumps(wrong), OnFailure="DO_NOTHING"
            )
            self.assertTrue(
                eventually(
                    lambda: deploy.existing_stack(formation)["StackStatus"] == "CREATE_FAILED"
                )
            )
            with self.assertRaisesRegex(
                deploy.DeployError, f"CREATE_FAILED.*delete-stack --stack-name {deploy.STACK}"
            ):
                self.deploy(cloud)


class Cloud(unittest.TestCase):
    cloud: Launched

    @classmethod
    def setUpClass(cls) -> None:
        running = contextlib.ExitStack()
        cls.addClassCleanup(running.close)
        cls.cloud = running.enter_context(launched("--parameter", "LogLevel=WARN"))
        cls.outputs = cls.cloud.ready["outputs"]

    def invoke(self, function: str, service: str, operation: str, **arguments: object) -> str:
        """The result of a call that the function makes with its own role."""
        answer = self.cloud.client("lambda").invoke(
            FunctionName=function, Payload=json.dumps({"call": [service, operation, arguments]})
        )
        return json.load(answer["Payload"])

    def functions(self) -> list[str]:
        resources = self.cloud.client("cloudformation").describe_stack_resources(
            StackName=deploy.STACK
        )["StackResources"]
        return [
            each["PhysicalResourceId"]
            for each in resources
            if each["ResourceType"] == "AWS::Lambda::Function"
        ]

    def test_functions_see_the_environment_of_the_template_and_not_the_caller_s(self) -> None:
        environment = self.cloud.health()["environment"]
        self.assertEqual("WARN", environment["RUST_LOG"])
        self.assertEqual(self.outputs["EventsTableName"], environment["EVENTS_TABLE"])
        self.assertEqual(self.cloud.ready["endpoint"], environment["AWS_ENDPOINT_URL"])
        self.assertNotIn("SKALD_SECRET", environment)

    def test_no_function_can_delete_or_update_an_event(self) -> None:
        table = self.outputs["EventsTableName"]
        key = {"pk": {"S": "default/order-1"}, "sk": {"N": "1"}}
        self.cloud.client("dynamodb").put_item(TableName=table, Item=key)
        functions = self.functions()
        self.assertEqual(len(FUNCTIONS), len(functions))
        for function in functions:
            with self.subTest(function):
                for operation, arguments in (
                    ("delete_item", {"TableName": table, "Key": key}),
                    ("update_item", {"TableName": table, "Key": key}),
                    (
                        "batch_write_item",
                        {"RequestItems": {table: [{"DeleteRequest": {"Key": key}}]}},
                    ),
                    (
                        "transact_write_items",
                        {"TransactItems": [{"Delete": {"TableName": table, "Key": key}}]},
                    ),
                    ("delete_table", {"TableName": table}),
                ):
                    self.assertEqual(
                        "AccessDeniedException",
                        self.invoke(function, "dynamodb", operation, **arguments),
                        operation,
                    )
        kept = self.cloud.client("dynamodb").get_item(TableName=table, Key=key)
        self.assertEqual(key, kept["Item"])

    def test_only_commands_steps_starter_and_sweeper_append_and_only_the_relay_publishes(
        self,
    ) -> None:
        table, topic = self.outputs["EventsTableName"], self.outputs["EventsTopicArn"]
        for function in self.functions():
            with self.subTest(function):
                item = {"pk": {"S": f"default/order-{function}"}, "sk": {"N": "1"}}
                appended = self.invoke(function, "dynamodb", "put_item", TableName=table, Item=item)
                writers = ("Commands", "Steps", "Starter", "Sweeper")
                appends = any(word in function for word in writers)
                self.assertEqual("done" if appends else "AccessDeniedException", appended)
                published = self.invoke(
                    function,
                    "sns",
                    "publish",
                    TopicArn=topic,
                    Message="{}",
                    MessageGroupId="g",
                    MessageDeduplicationId=function,
                )
                self.assertEqual("done" if "Relay" in function else "AuthorizationError", published)

    def test_only_its_own_steps_write_to_a_sandbox_s_ledger(self) -> None:
        for ledger, owner in (
            ("SandboxGatewayTable", "PaymentSteps"),
            ("SandboxCarrierTable", "ShipmentSteps"),
        ):
            for function in self.functions():
                with self.subTest(ledger, function=function):
                    put = self.invoke(
                        function,
                        "dynamodb",
                        "put_item",
                        TableName=self.cloud.ready["resources"][ledger]["id"],
                        Item={"pk": {"S": function}},
                    )
                    self.assertEqual("done" if owner in function else "AccessDeniedException", put)

    def test_each_function_may_do_with_the_persons_keys_what_its_code_does(self) -> None:
        table, kms = self.outputs["PersonKeysTableName"], self.cloud.client("kms")
        named = {
            "KeyId": self.outputs["PersonKeysKeyArn"],
            "EncryptionContext": {"person": "default/c-1"},
        }
        wrapped = kms.generate_data_key(KeySpec="AES_256", **named)["CiphertextBlob"]
        wraps = {"KeySpec": "AES_256", **named}
        unwraps = {"CiphertextBlob": base64.b64encode(wrapped).decode(), **named}
        place = {"TableName": table, "Key": {"pk": {"S": "default/c-1"}}}
        for function in self.functions():
            keeps = "CatalogCommands" in function
            reads = keeps or any(
                name in function
                for name in ("OrderCommands", "OrderQueries", "PaymentSteps", "ShipmentSteps")
            )
            with self.subTest(function):
                for allowed, service, operation, arguments in (
                    (reads, "dynamodb", "get_item", place),
                    (keeps, "dynamodb", "put_item", {"TableName": table, "Item": place["Key"]}),
                    (False, "dynamodb", "delete_item", place),
                    (False, "dynamodb", "update_item", place),
                    (False, "dynamodb", "scan", {"TableName": table}),
                    (
                        False,
                        "dynamodb",
                        "query",
                        {
                            "TableName": table,
                            "KeyConditionExpression": "pk = :p",
                            "ExpressionAttributeValues": {":p": {"S": "p"}},
                        },
                    ),
                    (reads, "kms", "decrypt", unwraps),
                    (keeps, "kms", "generate_data_key", wraps),
                    (False, "kms", "schedule_key_deletion", {"KeyId": named["KeyId"]}),
                ):
                    called = self.invoke(function, service, operation, **arguments)
                    self.assertEqual(
                        "done" if allowed else "AccessDeniedException", called, operation
                    )

    def test_a_wrapped_key_is_unwrapped_for_its_person_only(self) -> None:
        kms, key = self.cloud.client("kms"), {"KeyId": self.outputs["PersonKeysKeyArn"]}
        made = kms.generate_data_key(
            KeySpec="AES_256", EncryptionContext={"person": "default/c-1"}, **key
        )
        wrapped = {"CiphertextBlob": made["CiphertextBlob"], **key}
        self.assertEqual(
            made["Plaintext"],
            kms.decrypt(EncryptionContext={"person": "default/c-1"}, **wrapped)["Plaintext"],
        )
        for another in ({"person": "default/c-2"}, {}):
            with self.assertRaises(kms.exceptions.InvalidCiphertextException):
                kms.decrypt(EncryptionContext=another, **wrapped)

    def test_only_a_placed_resumed_or_unreadable_order_starts_a_saga(self) -> None:
        order = json.dumps(
            {"id": "o", "tenant": "default", "attempt": 1, "correlation_id": "c"}
        )
        saga = {"stateMachineArn": self.outputs["OrderSagaArn"], "input": order}
        for category, types in (
            ("order", ["order.any", "order.committed"]),
            ("stock", ["order.placed"]),
            ("stock", []),
            ("order", ["order.any", "order.placed"]),
            ("order", ["order.any", "order.resumed"]),
            ("order", []),  # a commit that the relay cannot read
        ):
            name = "-".join((category, *types))
            attributes = {"category": {"DataType": "String", "StringValue": category}}
            if types:
                attributes["types"] = {"DataType": "String.Array", "StringValue": json.dumps(types)}
            self.cloud.client("sns").publish(
                TopicArn=self.outputs["EventsTopicArn"],
                Message=json.dumps(
                    {"call": ["stepfunctions", "start_execution", {**saga, "name": name}]}
                ),
                # One group: when the last has been delivered, so have the others.
                MessageGroupId="default/order-o",
                MessageDeduplicationId=name,
                MessageAttributes=attributes,
            )
        states = self.cloud.client("stepfunctions")

        def executions() -> dict[str, str]:
            listed = states.list_executions(stateMachineArn=saga["stateMachineArn"])["executions"]
            return {each["name"]: each["status"] for each in listed}

        expected = dict.fromkeys(
            ("order-order.any-order.placed", "order-order.any-order.resumed", "order"), "SUCCEEDED"
        )
        self.assertTrue(eventually(lambda: executions() == expected), executions())
        history = states.get_execution_history(
            executionArn=f"{saga['stateMachineArn'].replace(':stateMachine:', ':execution:')}:order"
        )
        self.assertEqual(6, sum(event["type"] == "TaskSucceeded" for event in history["events"]))

    def test_the_topic_delivers_once_with_the_group_to_the_queues_of_the_category(self) -> None:
        for _ in range(2):
            self.cloud.client("sns").publish(
                TopicArn=self.outputs["EventsTopicArn"],
                Message="{}",
                MessageGroupId="default/junk",
                MessageDeduplicationId="default/junk@1",
                MessageAttributes={"category": {"DataType": "String", "StringValue": "unreadable"}},
            )
        received = self.cloud.client("sqs").receive_message(
            QueueUrl=self.outputs["UnreadableQueueUrl"],
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["MessageGroupId"],
        )["Messages"]
        self.assertEqual(
            ["default/junk"], [each["Attributes"]["MessageGroupId"] for each in received]
        )


if __name__ == "__main__":
    unittest.main()
