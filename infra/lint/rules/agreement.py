"""What template and code must agree on: the categories of queues, the variables of functions.

If they differ, no alarm goes off: a view receives nothing, or a function does not start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import rust
from rules.alarms import watched
from rules.functions import crates, event_sources
from rules.pipe import queue_of, set_aside_in
from rules.register import Faults, rule
from template import Template, target


@rule
def every_queue_receives_what_its_function_reads(template: Template) -> Faults:
    deployed = crates(template)
    for _, source in event_sources(template):
        queue, function = queue_of(template, source), target(source.get("FunctionName"))
        if queue is None or function not in deployed:
            continue
        try:
            category = rust.category_read_by(deployed[function])
        except rust.Unreadable as unreadable:
            yield str(unreadable)
            continue
        delivered = [each for name, to, each in delivered_by_subscriptions(template) if to == queue]
        if category not in delivered:
            yield (
                f"{function} reads events of {category}, but {queue} receives"
                f" {delivered or 'nothing'}: subscribe it to the commits' topic, with {category} in"
                " FilterPolicy.category"
            )


@rule
def every_function_with_a_queue_has_an_alarm_on_foreign_messages(template: Template) -> Faults:
    known = watched(template, "ForeignMessages")
    for _, source in event_sources(template):
        function = target(source.get("FunctionName")) or ""
        if queue_of(template, source) is not None and function not in known:
            yield (
                f"no alarm goes off when {function} keeps receiving messages of categories that it"
                " does not follow: add one on its ForeignMessages"
            )


@rule
def every_queue_is_filled_by_something(template: Template) -> Faults:
    filled = {to for _, to, _ in delivered_by_subscriptions(template)}
    filled |= {
        set_aside_in(subscription) for _, subscription in template.of_type("AWS::SNS::Subscription")
    }
    filled |= {set_aside_in(queue) for _, queue in template.of_type("AWS::SQS::Queue")}
    for name, _ in template.of_type("AWS::SQS::Queue"):
        if name not in filled:
            yield (
                f"{name} receives nothing: subscribe it to the commits' topic, or name it in a"
                " RedrivePolicy"
            )


@rule
def every_filter_names_what_is_published(template: Template) -> Faults:
    unreadable = rust.category_of_the_unreadable()
    known = {"category": [*rust.categories(), unreadable], "types": [*rust.event_types()]}
    for name, subscription in template.of_type("AWS::SNS::Subscription"):
        for attribute, values in subscription.get("FilterPolicy", {}).items():
            for value in values:
                if attribute == "types" and isinstance(value, Mapping):
                    continue
                if value not in known.get(attribute, ()):
                    yield (
                        f"{name} filters for {value!r} in {attribute}, which is never published:"
                        " correct the name"
                    )
    if unreadable not in [category for _, _, category in delivered_by_subscriptions(template)]:
        yield (
            f"no queue receives what the relay publishes as {unreadable}, so it is lost: subscribe"
            f" a queue to the topic with {unreadable} in FilterPolicy.category"
        )


@rule
def every_variable_that_is_read_is_set_and_every_one_set_is_read(template: Template) -> Faults:
    for function, crate in crates(template).items():
        try:
            read = rust.variables_read_by(crate)
        except rust.Unreadable as unreadable:
            yield str(unreadable)
            continue
        variables = template.properties(function).get("Environment", {}).get("Variables", {})
        for name in sorted(read - set(variables)):
            yield f"{function} reads {name}, which is not set: set it in Environment.Variables"
        for name in sorted(set(variables) - read):
            yield (
                f"{function} has {name}, which its code does not read: remove it, or correct the"
                " name"
            )


def delivered_by_subscriptions(template: Template) -> Iterator[tuple[str, str | None, Any]]:
    """What subscriptions to the commits' topic deliver: subscription, queue, category."""
    for name, subscription in template.of_type("AWS::SNS::Subscription"):
        topic = template.properties(target(subscription.get("TopicArn")))
        if subscription.get("Protocol") == "sqs" and topic.get("FifoTopic") is True:
            for category in subscription.get("FilterPolicy", {}).get("category", []):
                yield name, target(subscription.get("Endpoint")), category
