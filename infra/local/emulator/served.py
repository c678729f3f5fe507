"""Counts the requests that the emulator serves, and answers `GET /_skald/served` with the counts.

Counted are the requests to each service by operation, the calls of the HTTP API, and the
invocations of functions, wherever they come from.
"""

import collections
import functools
import json

PATH = "/_skald/served"


def install() -> None:
    from ministack import app
    from ministack.services import lambda_svc

    served: collections.Counter[str] = collections.Counter()

    def counting(service, handler):
        @functools.wraps(handler)
        async def count(method, path, headers, body, query_params):
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            served[f"{service} {operation}".rstrip()] += 1
            return await handler(method, path, headers, body, query_params)

        return count

    for service, handler in app.SERVICE_HANDLERS.items():
        app.SERVICE_HANDLERS[service] = counting(service, handler)

    execute_api = app._handle_execute_api_request

    @functools.wraps(execute_api)
    async def count_call(*arguments, **options):
        answer = await execute_api(*arguments, **options)
        if answer is not None:  # else the request is for something else
            served["HTTP API"] += 1
        return answer

    app._handle_execute_api_request = count_call

    execute = lambda_svc._execute_function_dispatch

    @functools.wraps(execute)
    def count_invocation(*arguments, **options):
        served["invocations"] += 1
        return execute(*arguments, **options)

    lambda_svc._execute_function_dispatch = count_invocation

    ministack = app.app

    @functools.wraps(ministack)
    async def answer(scope, receive, send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            return await ministack(scope, receive, send)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(served).encode()})

    app.app = answer
