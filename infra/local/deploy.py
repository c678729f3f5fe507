"""Deploys the template to a cloud that is reached by its endpoint.

It does what `sam deploy` does on AWS: it puts each function's bootstrap (uncompressed, because it
stays on this machine) and each state machine's definition into a bucket, names them in the
template, creates or updates the stack, and waits. The template is the one that deploys to AWS, with
its loops, but without the alarms on several metrics, which the local cloud does not know.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import logging
import re
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns that its metrics are not sent

from samtranslator.yaml_helper import yaml_parse  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "infra" / "template.yaml"
ARTIFACTS = ROOT / "target" / "lambda"

STACK = "skald"
BUCKET = "skald-artifacts"
TIMEOUT_S = 120

# The states in which CloudFormation accepts an update, and its error for an update without changes.
UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
NOTHING_TO_UPDATE = "No updates are to be performed"

# A function's code, as the template names it: the folder that `make build` fills.
CODE_URI = re.compile(r"\.\./target/lambda/([a-z0-9-]+)/")


class DeployError(Exception):
    """A message to print: what is wrong, where, and what to do."""


def client(service: str, endpoint: str, region: str):
    """A client for one service of the cloud at `endpoint`, with the credentials that emulators
    accept."""
    return botocore.session.Session().create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(
            retries={"max_attempts": 0},
            read_timeout=TIMEOUT_S,
            request_checksum_calculation="when_required",
            s3={"addressing_style": "path"},
            proxies={},
        ),
    )


def deploy(
    endpoint: str,
    region: str,
    parameters: Mapping[str, str],
    artifacts: Path = ARTIFACTS,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, str]:
    """Create the stack, or update the one that exists, and return its outputs. Raises
    `DeployError`."""
    try:
        s3 = client("s3", endpoint, region)
        with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(
                Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region}
            )
        template = package(s3, artifacts, say)
        return put_stack(client("cloudformation", endpoint, region), template, parameters, say)
    except (BotoCoreError, ClientError) as error:
        raise DeployError(f"the cloud at {endpoint} did not deploy {TEMPLATE}: {error}") from error


def package(s3, artifacts: Path, say: Callable[[str], None]) -> str:
    """Put functions, definitions and the template that names them into the bucket, and return the
    address of that template."""

    def put_function(folder: str) -> str:
        named = CODE_URI.fullmatch(folder)
        if not named:
            raise DeployError(
                f"{TEMPLATE} names the code {folder!r}: use ../target/lambda/<function>/, where "
                "`make build` puts it"
            )
        function = named[1]
        bootstrap = artifacts / function / "bootstrap"
        if not bootstrap.is_file():
            raise DeployError(f"{bootstrap} is missing: build the functions first (`make build`)")
        say(f"uploading {function}")
        archive = zip_of(bootstrap)
        key = f"{function}-{hashlib.sha256(archive).hexdigest()[:16]}.zip"
        s3.put_object(Bucket=BUCKET, Key=key, Body=archive)
        return f"s3://{BUCKET}/{key}"

    def put_definition(name: str) -> str:
        file = TEMPLATE.with_name(name)
        if not file.is_file():
            raise DeployError(
                f"{file} is missing: {TEMPLATE.name} names it as a state machine's definition"
            )
        s3.put_object(Bucket=BUCKET, Key=file.name, Body=file.read_bytes())
        return f"s3://{BUCKET}/{file.name}"

    template = deployable(TEMPLATE.read_text(encoding="utf-8"), put_function, put_definition)
    s3.put_object(Bucket=BUCKET, Key="template.json", Body=template.encode())
    return f"{s3.meta.endpoint_url}/{BUCKET}/template.json"


def deployable(
    written: str, put_function: Callable[[str], str], put_definition: Callable[[str], str]
) -> str:
    """The template with the uploaded code and definitions, and without the alarms that the local
    cloud does not support."""
    template = yaml_parse(written)
    resources = template["Resources"]
    for name, resource in list(resources.items()):
        if is_alarm_on_several_metrics(resource):
            del resources[name]
    for resource in resources.values():
        properties = resource.get("Properties", {}) if isinstance(resource, Mapping) else {}
        for key, put in (("CodeUri", put_function), ("DefinitionUri", put_definition)):
            if key in properties:
                properties[key] = put(properties[key])
    return json.dumps(template)


def is_alarm_on_several_metrics(resource: Any) -> bool:
    """Whether a resource, or each one that a loop makes, is an alarm on several metrics."""
    if isinstance(resource, list):  # a loop: its identifier, the values, what it makes of each
        return all(is_alarm_on_several_metrics(each) for each in resource[2].values())
    return (
        "Metrics" in resource.get("Properties", {}) and resource["Type"] == "AWS::CloudWatch::Alarm"
    )


def zip_of(bootstrap: Path) -> bytes:
    """An uncompressed archive of one executable; the same bytes for the same bootstrap."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o100755 << 16
        archive.writestr(entry, bootstrap.read_bytes())
    return buffer.getvalue()


def put_stack(
    cloudformation, template_url: str, parameters: Mapping[str, str], say: Callable[[str], None]
) -> dict[str, str]:
    """Create the stack, or update the one that exists, wait until that is done, and return its
    outputs."""
    known = {
        each["ParameterKey"]
        for each in cloudformation.get_template_summary(TemplateURL=template_url)["Parameters"]
    }
    for key in parameters:
        if key not in known:
            raise DeployError(
                f"{TEMPLATE} has no parameter {key}: it has {', '.join(sorted(known))}"
            )
    wanted = {
        "StackName": STACK,
        "TemplateURL": template_url,
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    existing = existing_stack(cloudformation)
    if existing is None:
        say("creating the stack")
        cloudformation.create_stack(**wanted, OnFailure="DO_NOTHING")
    elif existing["StackStatus"] not in UPDATABLE:
        raise DeployError(
            f"the stack {STACK} is in the state {existing['StackStatus']}, in which it cannot be"
            " updated: wait until its current change ends, or delete it (`aws cloudformation"
            f" delete-stack --stack-name {STACK} --endpoint-url"
            f" {cloudformation.meta.endpoint_url}`), then try again"
        )
    else:
        say("updating the stack")
        try:
            cloudformation.update_stack(**wanted)
        except ClientError as error:
            if NOTHING_TO_UPDATE not in str(error):
                raise
            say("the stack has no changes")
            return outputs_of(existing)
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return outputs_of(stack)
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            raise DeployError(failure(cloudformation, stack))
        time.sleep(0.05)
    raise DeployError(
        f"the stack {STACK} was not ready after {TIMEOUT_S} seconds; its status is"
        f" {stack['StackStatus']}"
    )


def existing_stack(cloudformation) -> Mapping[str, Any] | None:
    """The stack, or `None` if it does not exist."""
    try:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return None
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def outputs_of(stack: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def resources(endpoint: str, region: str) -> dict[str, dict[str, str]]:
    """The type and the physical id (name, URL or ARN) of each resource, by its logical id."""
    pages = (
        client("cloudformation", endpoint, region)
        .get_paginator("list_stack_resources")
        .paginate(StackName=STACK)
    )
    return {
        each["LogicalResourceId"]: {"type": each["ResourceType"], "id": each["PhysicalResourceId"]}
        for page in pages
        for each in page["StackResourceSummaries"]
    }


def failure(cloudformation, stack: Mapping[str, Any]) -> str:
    """Why the stack failed, from its events, with one line per resource."""
    newest_first = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    events = list(itertools.takewhile(lambda event: not begins(event), newest_first))
    reasons = [
        f"  {event['LogicalResourceId']} ({event['ResourceType']}):"
        f" {event.get('ResourceStatusReason', 'no reason given')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("FAILED")
    ]
    headline = (
        f"the stack {STACK} failed with {stack['StackStatus']}:"
        f" {stack.get('StackStatusReason', '')}".rstrip(": ")
    )
    return "\n".join([headline, *reasons, f"  see {TEMPLATE}"])


def begins(event: Mapping[str, Any]) -> bool:
    """Whether an event is the first of a creation or an update. Those before it belong to an
    earlier one."""
    of_the_stack = event["ResourceType"] == "AWS::CloudFormation::Stack"
    return of_the_stack and event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
