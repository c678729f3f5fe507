"""The keys of persons: which roles may make, read and destroy them, and how they are kept apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rules.functions import WITHOUT_RESOURCE, allowed, could_be, could_be_dynamodb
from rules.register import Faults, rule
from template import Template, as_list, references, target

TABLE = "PersonKeysTable"
KEY = "PersonKeysKey"

# Registering a customer makes their key, erasing them destroys it.
KEEPER = "CatalogCommandsRole"
# The roles of functions that must read or write personal data. No view has such a role: a view
# copies sealed data.
READERS = {KEEPER, "OrderCommandsRole", "OrderQueriesRole", "PaymentStepsRole", "ShipmentStepsRole"}

# The only encryption context of a wrapped key is its person.
FOR_A_PERSON = {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["person"]}}
WITHOUT_A_PERSON = {"kms:EncryptionContext:person": "true"}
CRYPTOGRAPHY = {"kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"}

RETAINED = {
    "DeletionPolicy": ("Retain", "RetainExceptOnCreate"),
    "UpdateReplacePolicy": ("Retain",),
}
FINAL_AFTER_DAYS = 7


@rule
def only_the_catalog_s_commands_make_and_destroy_persons_keys(template: Template) -> Faults:
    for role, action, _ in on(template, TABLE, could_be_dynamodb):
        if action in ("dynamodb:GetItem", *(["dynamodb:PutItem"] if role == KEEPER else [])):
            continue
        yield (
            f"{role} may {action} on the keys of persons: they are read one by one, and put by"
            f" {KEEPER} alone; remove the action"
        )
    for role, action, _ in on(template, KEY, could_be_kms):
        if action in ("kms:Decrypt", *(["kms:GenerateDataKey"] if role == KEEPER else [])):
            continue
        yield (
            f"{role} may {action} with the key that wraps the keys of persons: allow Decrypt, and"
            f" GenerateDataKey to {KEEPER} alone"
        )


@rule
def no_function_reads_persons_keys_without_a_reason(template: Template) -> Faults:
    for role, action, statement in (
        *on(template, TABLE, could_be_dynamodb),
        *on(template, KEY, could_be_kms),
    ):
        if role not in READERS:
            yield (
                f"{role} may {action} on the keys of persons: remove it, or, if its function must"
                " see persons, add it to READERS in infra/lint/rules/keys.py"
            )
        if could_be_kms(action) and statement.get("Condition") != FOR_A_PERSON:
            yield f"{role} may {action} without naming a person: set Condition to {FOR_A_PERSON}"
    for name, function in template.of_type("AWS::Lambda::Function"):
        known = {about for _, about, _ in references(function.get("Environment", {}), name)} & {
            TABLE,
            KEY,
        }
        if known and target(function.get("Role")) not in READERS:
            yield (
                f"{name} gets the address of the keys of persons: remove {', '.join(sorted(known))}"
                " from its environment"
            )


@rule
def persons_keys_are_kept_apart_and_their_erasure_is_final(template: Template) -> Faults:
    table = template.properties(TABLE)
    yield from not_retained(template, TABLE)
    if not table:
        yield f"{TABLE} does not exist: give the keys of persons a table of their own"
    for copies in (
        "StreamSpecification",
        "KinesisStreamSpecification",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
    ):
        if copies in table:
            yield (
                f"{TABLE} has {copies}, which copies keys to where they are not destroyed:"
                " remove it"
            )
    days = table.get("PointInTimeRecoverySpecification", {}).get("RecoveryPeriodInDays", 35)
    if days > FINAL_AFTER_DAYS:
        yield (
            f"{TABLE} can be restored for {days} days, and erased persons with it: set"
            f" RecoveryPeriodInDays to {FINAL_AFTER_DAYS} at most"
        )


@rule
def the_key_that_wraps_persons_keys_rotates_and_is_never_lost(template: Template) -> Faults:
    yield from not_retained(template, KEY)
    key = template.properties(KEY)
    if key.get("EnableKeyRotation") is not True:
        yield f"{KEY} is never rotated: set EnableKeyRotation"
    if key.get("PendingWindowInDays", 30) < 30:
        yield (
            f"{KEY} is gone {key['PendingWindowInDays']} days after its deletion, and with it what"
            " is known of every person: set PendingWindowInDays to 30"
        )
    denied = [
        statement
        for statement in as_list(key.get("KeyPolicy", {}).get("Statement"))
        if statement["Effect"] == "Deny"
    ]
    if not any(
        set(as_list(each["Action"])) >= CRYPTOGRAPHY
        and each["Condition"].get("Null") == WITHOUT_A_PERSON
        for each in denied
    ):
        yield (
            f"{KEY} wraps and unwraps without a person: deny {', '.join(sorted(CRYPTOGRAPHY))}"
            f" where Null is {WITHOUT_A_PERSON}"
        )


def not_retained(template: Template, name: str) -> Faults:
    resource = template.resources.get(name, {})
    for policy, good in RETAINED.items():
        if resource.get(policy) not in good:
            yield (
                f"{name} can be deleted with the stack or by an update, and everything about"
                f" persons with it: set {policy} to {good[-1]}"
            )


def on(template: Template, name: str, of_the_service: Any) -> Iterator[tuple[str, str, Any]]:
    """Each action that a role is allowed on what can be this resource: role, action, statement."""
    for role, statement in allowed(template):
        resources = {target(resource) for resource in as_list(statement.get("Resource"))}
        if not resources & {None, name}:
            continue
        for action in as_list(statement.get("Action")):
            if of_the_service(action) and action not in WITHOUT_RESOURCE:
                yield role, action, statement


def could_be_kms(action: str) -> bool:
    return could_be("kms", action)
