"""The alarms: what they watch, and what a person is to do when one goes off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rules.register import Faults, rule
from template import ROOT, Template, target

RUNBOOK = ROOT / "RUNBOOK.md"

# What the section of an alarm says, in this order.
ANSWERS = ("**Meaning.**", "**Look.**", "**Do.**")

# Amazon CloudWatch guide, "Limits that apply to alarms based on metric math expressions".
MAX_METRICS = 10

# The value of an alarm that watches several metrics. It goes off if one of them is too large.
LARGEST = "MAX(METRICS())"


@dataclass(frozen=True)
class Metric:
    """A metric that an alarm watches."""

    namespace: str | None
    name: str | None
    dimensions: Mapping[str, str | None]
    period_s: Any


@rule
def every_alarm_informs_a_person(template: Template) -> Faults:
    for name, alarm in alarms(template):
        topics = [target(action) for action in alarm.get("AlarmActions", [])]
        if not any(
            template.resources.get(topic or "", {}).get("Type") == "AWS::SNS::Topic"
            for topic in topics
        ):
            yield f"{name} informs no one: name a topic in AlarmActions"


@rule
def every_alarm_has_its_section_in_the_runbook(template: Template) -> Faults:
    described = sections(RUNBOOK.read_text(encoding="utf-8"))
    for name, alarm in alarms(template):
        if not str(alarm.get("AlarmDescription")).endswith(f". RUNBOOK.md, {name}."):
            yield (
                f"{name} does not refer to the runbook: write into AlarmDescription what to do, and"
                f" end it with `RUNBOOK.md, {name}.`"
            )
        if name not in described:
            yield f"{name} has no section in RUNBOOK.md: add `### {name}`"
            continue
        places = [described[name].find(answer) for answer in ANSWERS]
        if -1 in places or places != sorted(places):
            yield (
                f"the section {name} of RUNBOOK.md does not have {', '.join(ANSWERS)} in this"
                " order: add them"
            )
    for name in described:
        if name.endswith("Alarm") and name not in dict(alarms(template)):
            yield f"RUNBOOK.md has a section {name}, but the template has no such alarm: remove it"


@rule
def an_alarm_on_several_metrics_watches_each_of_them(template: Template) -> Faults:
    for name, alarm in alarms(template):
        queries = alarm.get("Metrics")
        if queries is None:
            continue
        watched = list(metrics_of(alarm))
        if len(watched) > MAX_METRICS:
            yield (
                f"{name} has {len(watched)} metrics, and CloudWatch allows {MAX_METRICS}: make two"
                " alarms of it"
            )
        if len({metric.period_s for metric in watched}) > 1:
            yield f"{name} has metrics with different periods: CloudWatch requires one for all"
        if len({query["Id"] for query in queries}) < len(queries):
            yield f"{name} has two metrics with one Id: give each its own"
        values = [query for query in queries if query.get("ReturnData", True)]
        if [query.get("Expression") for query in values] != [LARGEST]:
            yield (
                f"{name} does not watch the largest of its metrics: have one Expression {LARGEST},"
                " and ReturnData false in all others"
            )


def alarms(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from template.of_type("AWS::CloudWatch::Alarm")


def metrics_of(alarm: Mapping[str, Any]) -> Iterator[Metric]:
    """The metrics that an alarm watches, one or several."""
    if "Metrics" not in alarm:
        yield metric(alarm, alarm.get("Period"))
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            yield metric(query["MetricStat"]["Metric"], query["MetricStat"].get("Period"))


def metric(given: Mapping[str, Any], period_s: Any) -> Metric:
    dimensions = {each["Name"]: target(each["Value"]) for each in given.get("Dimensions", [])}
    return Metric(given.get("Namespace"), given.get("MetricName"), dimensions, period_s)


def watched(template: Template, name: str) -> set[str | None]:
    """The resources about which an alarm on the metric `name` informs a person."""
    return {
        resource
        for _, alarm in alarms(template)
        if alarm.get("AlarmActions")
        for each in metrics_of(alarm)
        if each.name == name
        for resource in each.dimensions.values()
    }


def sections(text: str) -> dict[str, str]:
    """The sections of a Markdown text by their headings of the third level."""
    parts = re.split(r"(?m)^### (.+)$|^##? .*$", text)
    headings, bodies = parts[1::2], parts[2::2]
    return {heading.strip("` "): body for heading, body in zip(headings, bodies) if heading}
