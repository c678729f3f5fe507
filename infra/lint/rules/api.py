"""The HTTP API."""

from __future__ import annotations

import re

from rules.register import Faults, rule
from template import Template, literal, target

# Amazon API Gateway quotas: an HTTP API waits 30 seconds for an integration. One second is left for
# what comes before and after.
HTTP_TIMEOUT_S = 29

# The variables that may be logged, because they say nothing about a person. A path may: callers
# choose what is in it.
LOGGED = {
    f"$context.{name}"
    for name in (
        *("requestId", "requestTime", "routeKey", "status", "responseLength"),
        *("responseLatency", "integrationLatency", "integrationErrorMessage"),
    )
}


@rule
def every_call_is_answered_in_time(template: Template) -> Faults:
    for name, integration in template.of_type("AWS::ApiGatewayV2::Integration"):
        function = target(integration.get("IntegrationUri"))
        timeout_s = template.properties(function).get("Timeout", 3)
        patience_s = integration.get("TimeoutInMillis", 30_000) / 1000
        if patience_s > HTTP_TIMEOUT_S:
            yield (
                f"{name} waits {patience_s:g} s: set TimeoutInMillis to {HTTP_TIMEOUT_S * 1000} at"
                " most"
            )
        if timeout_s >= patience_s:
            yield (
                f"{name} waits {patience_s:g} s, but {function} may take {timeout_s} s: lower the"
                " function's Timeout, so that it ends first"
            )
        if integration.get("PayloadFormatVersion") != "2.0":
            yield f"{name} has no PayloadFormatVersion 2.0: set it; the functions read no other"


@rule
def every_route_leads_to_a_function_that_may_be_called(template: Template) -> Faults:
    integrations = dict(template.of_type("AWS::ApiGatewayV2::Integration"))
    callable_by_api = {
        target(permission.get("FunctionName"))
        for _, permission in template.of_type("AWS::Lambda::Permission")
        if permission.get("Principal") == "apigateway.amazonaws.com"
        and "HttpApi" in literal(permission.get("SourceArn", ""))
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
            yield (
                f"{name} leads to {function}, which the API may not call: add an"
                " AWS::Lambda::Permission for it"
            )
    for key in {key for key in keys if keys.count(key) > 1}:
        yield f"two routes have the key {key!r}: keep one"
    for name in sorted(set(integrations) - reached):
        yield f"{name} is the target of no route: remove it, or add the route"
    if "$default" not in keys:
        yield (
            "no route has the key $default, so unknown paths are answered without a problem and a"
            " correlation id: add it"
        )


@rule
def the_api_is_limited_logged_and_has_one_address(template: Template) -> Faults:
    for name, stage in template.of_type("AWS::ApiGatewayV2::Stage"):
        if stage.get("StageName") != "$default" or stage.get("AutoDeploy") is not True:
            yield (
                f"{name} is not the stage $default with AutoDeploy: make it so, or addresses have a"
                " prefix and changes are not deployed"
            )
        if not {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= set(
            stage.get("DefaultRouteSettings", {})
        ):
            yield f"{name} has no limits: set both in DefaultRouteSettings"
        if target(stage.get("AccessLogSettings", {}).get("DestinationArn")) is None:
            yield f"{name} has no access log: set AccessLogSettings"
    for name, api in template.of_type("AWS::ApiGatewayV2::Api"):
        if not re.fullmatch("[0-9a-f]{8}", str(api.get("Tags", {}).get("ms-custom-id"))):
            yield (
                f"{name} has no fixed address in the local cloud: tag it ms-custom-id, with 8"
                " hexadecimal digits"
            )
    for kind in ("AWS::Serverless::HttpApi", "AWS::Serverless::Api"):
        for name, resource in template.raw["Resources"].items():
            if resource["Type"] == kind:
                yield (
                    f"{name} is a {kind}, which the local cloud deploys without its routes: write"
                    " AWS::ApiGatewayV2 resources"
                )


@rule
def the_access_log_says_nothing_about_a_person(template: Template) -> Faults:
    for name, stage in template.of_type("AWS::ApiGatewayV2::Stage"):
        for variable in re.findall(
            r"\$context\.[A-Za-z0-9_.-]+", stage.get("AccessLogSettings", {}).get("Format", "")
        ):
            if variable not in LOGGED:
                yield (
                    f"{name} logs {variable}, which may say something about a person: remove it"
                    " from AccessLogSettings.Format"
                )
