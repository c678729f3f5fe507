"""The saga's state machine: its definition, and what the template must say about it.

The definition is generated. These rules compare it with what the functions and the cloud do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import rust
from rules.alarms import Metric, alarms, metrics_of, watched
from rules.functions import allowed
from rules.register import Faults, rule
from template import SUBSTITUTION, Template, as_list, target

State = Mapping[str, Any]

# The step that parks an order. If it fails, no person is informed of the order, so it is retried
# until the cause is fixed, unless there is nothing to park.
PARK = "park_order"

# The input of a step about its saga and the call that began it. It reads the rest from streams.
SAGA = ("id", "tenant", "attempt", "correlation_id")

# The error of an expression. It depends only on the execution's input, so it does not pass.
NOT_EVALUATED = "States.QueryEvaluationError"

# How an execution can fail. None can time out: the machine sets no limit, and each of its tasks has
# one.
FAILURES = ("ExecutionsFailed", "ExecutionsAborted")


@rule
def every_state_leads_somewhere(template: Template) -> Faults:
    for machine, definition in template.definitions.items():
        states = definition["States"]
        reached, to_visit = set(), {definition.get("StartAt")}
        while to_visit:
            name = to_visit.pop()
            if name not in states:
                yield (
                    f"{machine} leads to {name}, which does not exist: correct the saga's generator"
                )
                continue
            reached.add(name)
            to_visit |= successors(states[name]) - reached
            if states[name]["Type"] not in ("Succeed", "Fail") and not {"Next", "End"} & set(
                states[name]
            ):
                yield f"{machine} does not say what follows {name}: give it a Next, or End"
        for name in sorted(set(states) - reached):
            yield f"{machine} never reaches {name}: lead a state to it, or remove it"


# The generator decides how often and after how long a step is tried again, and which of its errors
# are final. Two kinds of errors always count as transient: a step's own transient error, and any
# error that is not a step's own, because AWS has many names for a function that died or was too
# slow, and adds new ones. A failed parking cannot be parked. So it is also tried again after a
# permanent error, and after every error that it does not catch.
@rule
def every_step_is_tried_again_if_that_can_help(template: Template) -> Faults:
    names = rust.step_errors()
    for machine, name, state in tasks(template):
        passing = {names["TRANSIENT"], names["BUSY"]}
        if step_of(state) == PARK:
            caught = {
                error for catcher in state.get("Catch", []) for error in catcher["ErrorEquals"]
            }
            passing |= {names["PERMANENT"], *(set(names.values()) - caught)}
        retriers = state.get("Retry", [])
        if (
            not retriers
            or retriers[-1]["ErrorEquals"] != ["States.ALL"]
            or not retries(retriers[-1])
        ):
            yield (
                f"{machine} gives up {name} on an error that it does not name, and which may pass:"
                " end its Retry with States.ALL"
            )
        for error in (
            error for each in retriers if not retries(each) for error in each["ErrorEquals"]
        ):
            if error not in {*names.values(), NOT_EVALUATED} or error in passing:
                yield f"{machine} gives up {name} on {error}, which may pass: try it again"
        for error in sorted(set(names.values()) - passing):
            if is_retried(state, error):
                yield (
                    f"{machine} tries {name} again on {error}, which will not pass: remove it from"
                    " Retry"
                )


@rule
def every_failure_is_caught_and_parks_the_order(template: Template) -> Faults:
    for machine, name, state in tasks(template):
        states = template.definitions[machine]["States"]
        catchers = state.get("Catch", [])
        if step_of(state) == PARK:
            if state.get("End") or states.get(state.get("Next"), {}).get("Type") != "Fail":
                yield (
                    f"{machine} succeeds after {name}, and no alarm goes off for the parked order:"
                    " lead it to a Fail state"
                )
            caught = {error for catcher in catchers for error in catcher["ErrorEquals"]}
            for error in sorted(error for error in caught if is_retried(state, error)):
                yield (
                    f"{machine} goes on if {name} fails with {error}, and no alarm goes off for the"
                    " order: remove it from Catch"
                )
            continue
        if not catchers or "States.ALL" not in catchers[-1]["ErrorEquals"]:
            yield (
                f"{machine} does not catch everything that {name} may fail with: end its Catch with"
                " States.ALL"
            )
        elif step_of(states.get(catchers[-1].get("Next"), {})) != PARK:
            yield (
                f"{machine} does not park the order when {name} fails: lead its last Catch to a"
                f" state whose step is {PARK}"
            )


@rule
def every_step_gets_the_order_from_the_execution(template: Template) -> Faults:
    for machine, name, state in tasks(template):
        for key in SAGA:
            given = arguments(state).get(key)
            if given != f"{{% $states.context.Execution.Input.{key} %}}":
                yield (
                    f"{machine} gives {name} {given!r} as {key}: take it from Execution.Input,"
                    " which no other step can change"
                )


@rule
def time_limits_are_ordered(template: Template) -> Faults:
    for machine, name, state in tasks(template):
        function = function_of(template, machine, state)
        timeout_s = template.properties(function).get("Timeout", 3)
        if not state.get("TimeoutSeconds", 0) > timeout_s:
            yield (
                f"{machine} waits {state.get('TimeoutSeconds')} s in {name}, but {function} may"
                f" take {timeout_s} s: set TimeoutSeconds above it"
            )


@rule
def every_substitution_is_used_and_defined(template: Template) -> Faults:
    for machine, properties in machines(template):
        used = set(SUBSTITUTION.findall(json.dumps(template.definitions.get(machine, {}))))
        defined = set(properties.get("DefinitionSubstitutions", {}))
        for name in sorted(used - defined):
            yield f"{machine}'s definition uses ${{{name}}}: define it in DefinitionSubstitutions"
        for name in sorted(defined - used):
            yield (
                f"{machine} defines {name} in DefinitionSubstitutions, but its definition does not"
                " use it: remove it"
            )


@rule
def a_machine_may_invoke_what_it_names_and_nothing_else(template: Template) -> Faults:
    for machine, properties in machines(template):
        role = target(properties.get("RoleArn"))
        if template.resources.get(role or "", {}).get("Type") != "AWS::IAM::Role":
            yield f"{machine} has no role in the template: add one and name it in Role"
            continue
        may: set[str | None] = set()
        for name, statement in allowed(template):
            for action in as_list(statement["Action"]) if name == role else []:
                if action == "lambda:InvokeFunction":
                    may |= {target(resource) for resource in as_list(statement["Resource"])}
                elif action.partition(":")[0] not in ("logs", "xray"):
                    yield f"{role} may {action}: {machine} only invokes, logs and traces; remove it"
        # A placeholder without a substitution is what `every_substitution_is_used_and_defined`
        # reports.
        defined = properties.get("DefinitionSubstitutions", {})
        resources = {
            state["Resource"]: function_of(template, machine, state)
            for owner, _, state in tasks(template)
            if owner == machine
        }
        named = {
            function or resource
            for resource, function in resources.items()
            if not (placeholder := SUBSTITUTION.fullmatch(resource)) or placeholder[1] in defined
        }
        for function in sorted(map(str, named - may)):
            yield f"{machine} names {function}, which it may not invoke: allow it in {role}"
        for function in sorted(map(str, may - named)):
            yield f"{machine} may invoke {function}, which it does not name: remove it from {role}"


@rule
def a_machine_starts_a_name_once_and_logs_without_data(template: Template) -> Faults:
    for machine, properties in machines(template):
        if properties.get("StateMachineType", "STANDARD") != "STANDARD":
            yield (
                f"{machine} is of the type {properties['StateMachineType']}, which runs a name"
                " twice: set Type to STANDARD"
            )
        logging = properties.get("LoggingConfiguration", {})
        groups = [target(each) for each in logging.get("Destinations", [])]
        if not any(
            template.resources.get(group or "", {}).get("Type") == "AWS::Logs::LogGroup"
            for group in groups
        ):
            yield (
                f"{machine} has no log group in the template: add one and name it in"
                " Logging.Destinations"
            )
        if logging.get("IncludeExecutionData") is not False:
            yield f"{machine} may write data to its log: set Logging.IncludeExecutionData to false"
        for setting, parameter in (
            ("Level", logging.get("Level")),
            ("Tracing", properties.get("TracingConfiguration", {}).get("Enabled")),
        ):
            if target(parameter) not in template.parameters:
                yield f"{machine} has no parameter for its {setting}: set it by !Ref to one"


@rule
def every_execution_that_fails_has_an_alarm(template: Template) -> Faults:
    for machine, _ in machines(template):
        watching = [alarm for _, alarm in alarms_on(template, machine) if alarm.get("AlarmActions")]
        known = {
            metric.name
            for alarm in watching
            for metric in metrics_of(alarm)
            if is_on(metric, machine)
        }
        for name in FAILURES:
            if name not in known:
                yield (
                    f"no alarm goes off when an execution of {machine} fails: add one on its {name}"
                )


@rule
def no_alarm_on_executions_reports_that_all_is_well(template: Template) -> Faults:
    for machine, _ in machines(template):
        for name, alarm in alarms_on(template, machine):
            if alarm.get("OKActions"):
                yield (
                    f"{name} reports that all is well when no other execution of {machine} fails,"
                    " but its order still waits: remove OKActions"
                )


@rule
def every_step_has_an_alarm_on_throttles(template: Template) -> Faults:
    known = watched(template, "Throttles")
    for name in sorted(invoked(template)):
        if name not in known:
            yield (
                f"no alarm goes off when {name} is throttled, and orders wait for it without an"
                " error: add one on its Throttles"
            )


def machines(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from template.of_type("AWS::StepFunctions::StateMachine")


def alarms_on(template: Template, machine: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The alarms on the metrics of a state machine."""
    for name, alarm in alarms(template):
        if any(is_on(metric, machine) for metric in metrics_of(alarm)):
            yield name, alarm


def is_on(metric: Metric, machine: str) -> bool:
    """Whether a metric counts the executions of a state machine."""
    return metric.namespace == "AWS/States" and metric.dimensions.get("StateMachineArn") == machine


def tasks(template: Template) -> Iterator[tuple[str, str, State]]:
    """Each state that does something, with its name and its machine's."""
    for machine, definition in template.definitions.items():
        for name, state in definition["States"].items():
            if state["Type"] == "Task":
                yield machine, name, state


def successors(state: State) -> set[str]:
    """The states that may follow."""
    return {each["Next"] for each in (state, *state.get("Catch", [])) if "Next" in each}


def arguments(state: State) -> Mapping[str, Any]:
    """What a task passes to its function."""
    return state.get("Arguments", {})


def step_of(state: State) -> str | None:
    """The step of the saga that a task carries out."""
    return arguments(state).get("step")


def is_retried(state: State, error: str) -> bool:
    """Whether a task is tried again after `error`: the first retrier that matches says so."""
    for retrier in state.get("Retry", []):
        names = retrier["ErrorEquals"]
        if (
            error in names
            or "States.ALL" in names
            or ("States.TaskFailed" in names and error != "States.Timeout")
        ):
            return retries(retrier)
    return False


def retries(retrier: Mapping[str, Any]) -> bool:
    """Whether a retrier tries again. One that does not only excludes errors from later retriers."""
    return retrier.get("MaxAttempts", 3) > 0


def function_of(template: Template, machine: str, state: State) -> str | None:
    """The function that a task invokes: its resource is the function's ARN."""
    substitution = SUBSTITUTION.fullmatch(state["Resource"])
    return (
        target(template.properties(machine).get("DefinitionSubstitutions", {}).get(substitution[1]))
        if substitution
        else None
    )


def invoked(template: Template) -> set[str]:
    """The functions that state machines invoke."""
    functions = {function_of(template, machine, state) for machine, _, state in tasks(template)}
    return {function for function in functions if function}
