"""Execution environments of functions, served by the thread that invokes them.

MiniStack runs an HTTP server with several threads for each environment. The threads wake ten times
a second while they wait, every invocation passes through four of them, and each of these passes
waits for Python's interpreter lock, which the thread that serves all requests holds most of the
time. Then MiniStack waits for 5 ms without a line of output before it takes the log as complete.

Here the thread that invokes a function also speaks with its process: it writes the event as the
answer to the process's request for the next invocation, and reads the result, all by itself. In
between no thread waits: the process's request is left in the socket until the next invocation
reads it. What the process wrote before its result is in the pipe when the result has been read, so
the log of an invocation is complete without a wait.
"""

import functools
import json
import os
import re
import selectors
import socket
import subprocess
import threading
import time

from ministack.core import lambda_runtime
from ministack.services import apigateway, lambda_svc

from rewrite import rewrite

LOOK_EVERY_S = 0.05  # for the end of the process, where a socket does not show it
SEND_WITHIN_S = 30
TURN_WITHIN_S = 1
HTTP_API_THREAD = "http-api"
RESULT = re.compile(r"/runtime/invocation/([^/]+)/(response|error)/?$")
REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 404: "Not Found"}


class Connection:
    """A connection from a function's process. It reads one request after the other."""

    def __init__(self, accepted: socket.socket) -> None:
        self.socket = accepted
        accepted.settimeout(SEND_WITHIN_S)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()

    def fileno(self) -> int:
        return self.socket.fileno()

    def read(self) -> bool:
        """Read what has arrived. False at the end of the connection."""
        try:
            data = self.socket.recv(1 << 16)
        except OSError:
            return False
        self.received += data
        return bool(data)

    def next_request(self) -> tuple[str, str, bytes] | None:
        """The method, path and body of the next request, once it has arrived whole."""
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        line, *lines = self.received[:end].decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (header.partition(":") for header in lines)
        }
        start = end + 4
        if "chunked" in headers.get("transfer-encoding", "").lower():
            chunked = self.chunks(start)
            if chunked is None:
                return None
            body, after = chunked
        else:
            after = start + int(headers.get("content-length", 0))
            if len(self.received) < after:
                return None
            body = bytes(self.received[start:after])
        del self.received[:after]
        method, path, _ = line.split(" ", 2)
        return method, path, body

    def chunks(self, at: int) -> tuple[bytes, int] | None:
        """The body in chunks that starts at this offset, and the offset after it."""
        body = bytearray()
        while (end := self.received.find(b"\r\n", at)) >= 0:
            size = int(self.received[at:end].split(b";")[0], 16)
            at = end + 2 + size + 2
            if len(self.received) < at:
                return None
            if size == 0:
                return bytes(body), at
            body += self.received[end + 2 : end + 2 + size]
        return None

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        lines = [
            f"HTTP/1.1 {status} {REASONS[status]}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
            "content-type: application/json",
            f"content-length: {len(body)}",
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


class Environment(lambda_runtime.ProvidedWorker):
    """One process of a function. MiniStack's pool leases it to one thread at a time."""

    def __init__(self, func_name: str, config: dict, code_zip: bytes) -> None:
        super().__init__(func_name, config, code_zip)
        self._selector: selectors.BaseSelector | None = None
        self._ready: Connection | None = None  # has asked for the next invocation
        self._output = bytearray()
        self._result: dict | None = None

    # What MiniStack calls.

    def _spawn(self, init_timeout: float | None = None) -> None:
        """Start the process and wait until it asks for an invocation."""
        self._teardown()
        folder = lambda_svc._provided_runtime_code_dir(self.code_zip)
        bootstrap = os.path.join(folder, "bootstrap")
        if not os.access(bootstrap, os.X_OK):
            raise lambda_runtime.ProvidedRuntimeError(
                "No bootstrap binary found in the deployment package.", "Runtime.InvalidEntrypoint"
            )
        self._init_error = self._result = None
        self._selector = selectors.DefaultSelector()
        listener = socket.create_server(("127.0.0.1", 0))
        self._selector.register(listener, selectors.EVENT_READ)
        port = listener.getsockname()[1]
        try:
            # No process may start while another thread writes a bootstrap: it would inherit the
            # open file, which then cannot be executed.
            with lambda_svc._provided_code_lock:
                self._proc = subprocess.Popen(
                    [bootstrap],
                    cwd=folder,
                    env=lambda_svc._provided_worker_env(self.config, folder, port),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
            os.set_blocking(self._proc.stdout.fileno(), False)
            self._selector.register(self._proc.stdout, selectors.EVENT_READ)
            within_s = init_timeout or lambda_runtime._PROVIDED_INIT_TIMEOUT
            self._serve_until(
                lambda: self._ready or self._init_error, time.monotonic() + within_s
            )
            if self._init_error is not None:
                raise RuntimeError(f"init error: {self._init_error}")
            if not self._ready and self._ended():
                code = self._proc.poll() if self._proc else -1
                raise RuntimeError(
                    f"bootstrap exited during init with code {code}{self._logged_before()}"
                )
            if not self._ready:
                raise lambda_runtime.ProvidedInitTimeout(
                    f"bootstrap did not reach the Runtime API within {within_s:g}s"
                    f"{self._logged_before()}"
                )
        except OSError as error:
            self._teardown()
            raise lambda_runtime.ProvidedRuntimeError(
                f"Couldn't execute the bootstrap binary: {error}", "Runtime.InvalidEntrypoint"
            ) from error
        except BaseException:
            self._teardown()
            raise
        self._start_time = time.time()

    def invoke(
        self,
        event: object,
        request_id: str,
        *,
        trace_id: str | None = None,
        invoked_function_arn: str | None = None,
    ) -> dict:
        """Run one invocation, and report it as MiniStack's own environments do."""
        with self._lock:
            timeout_s = self.config.get("Timeout", 30)
            cold = self._ended()
            if cold:
                try:
                    self._spawn()
                except lambda_runtime.ProvidedInitTimeout:
                    # As AWS: again, within the function's time.
                    self._spawn(init_timeout=timeout_s)
                self._cold = False
            headers = {
                "lambda-runtime-aws-request-id": request_id,
                "lambda-runtime-deadline-ms": str(int((time.time() + timeout_s) * 1000)),
                "lambda-runtime-invoked-function-arn": (
                    self.config.get("FunctionArn", "")
                    if invoked_function_arn is None
                    else invoked_function_arn
                ),
            }
            if trace_id:
                headers["lambda-runtime-trace-id"] = trace_id
            failed = self._run(request_id, json.dumps(event).encode(), headers, timeout_s)
            log = self._logged()
            if failed is not None:
                self._teardown()
                message, kind = failed
                payload = {"errorMessage": message, "errorType": kind}
                return {
                    "status": "error",
                    "error": message,
                    "error_payload": payload,
                    "cold_start": cold,
                    "log": log,
                }
            result, self._result = self._result, None
            if "error" in result:
                payload = result["error"]
                message = payload.get("errorMessage") if isinstance(payload, dict) else str(payload)
                return {
                    "status": "error",
                    "error": message,
                    "error_payload": payload,
                    "cold_start": cold,
                    "log": log,
                }
            return {"status": "ok", "result": result["response"], "cold_start": cold, "log": log}

    def _teardown(self) -> None:
        """End the process and close all that belongs to it."""
        process, self._proc = self._proc, None
        lambda_runtime._signal(process)
        lambda_runtime._collect(process, time.monotonic() + lambda_runtime._REAP_GRACE)
        self._close()

    def _discard_tmpdir(self) -> None:
        # The pool calls this after it ended the process. An invocation that still runs ends by it.
        with self._lock:
            self._close()

    # What this class adds.

    def _run(
        self, request_id: str, event: bytes, headers: dict[str, str], timeout_s: float
    ) -> tuple[str, str] | None:
        """Run one invocation until `_result` is set; else return the failure and its type."""
        deadline = time.monotonic() + timeout_s
        self._result, self._current_request_id = None, request_id
        try:
            self._serve_until(lambda: self._ready, deadline)
            if self._ready:
                ready, self._ready = self._ready, None
                ready.answer(200, event, headers)
                self._serve_until(lambda: self._result, deadline)
        except OSError:
            pass  # the process closed the connection
        finally:
            self._current_request_id = None
        if self._result is not None:
            return None
        if time.monotonic() >= deadline:
            return f"Task timed out after {timeout_s}.00 seconds", "Sandbox.Timedout"
        return "Runtime exited before returning a response", "Runtime.ExitError"

    def _serve_until(self, done, deadline: float) -> None:
        """Serve the process until `done`, the deadline or the end of the process."""
        while not done():
            ended = self._ended()
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return
            # What the process sent before it ended is still to be read.
            self._serve(0 if ended else min(left_s, LOOK_EVERY_S))
            if ended:
                return

    def _serve(self, within_s: float) -> None:
        """Wait for the process to connect, send or write something, and handle it."""
        for key, _ in self._selector.select(within_s):
            source = key.fileobj
            if isinstance(source, Connection):
                going_on = source.read()
                while request := source.next_request():
                    self._handle(source, *request)
                if not going_on:
                    self._forget(source)
            elif isinstance(source, socket.socket):
                self._selector.register(Connection(source.accept()[0]), selectors.EVENT_READ)
            elif not self._read_output():
                self._selector.unregister(source)
                source.close()

    def _handle(self, connection: Connection, method: str, path: str, body: bytes) -> None:
        """Handle one request of the process to the Runtime API."""
        of_invocation = RESULT.search(path)
        if method == "GET" and "/runtime/invocation/next" in path:
            self._ready = connection  # answered with the next event
        elif method == "POST" and "/runtime/init/error" in path:
            self._init_error = parsed(body)
            connection.answer(202)
        elif method != "POST" or not of_invocation:
            connection.answer(404)
        elif of_invocation[1] != self._current_request_id:
            invalid = {"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"}
            connection.answer(400, json.dumps(invalid).encode())
        else:
            self._current_request_id = None
            self._result = {of_invocation[2]: parsed(body)}
            connection.answer(202)

    def _ended(self) -> bool:
        return self._proc is None or self._proc.poll() is not None

    def _read_output(self) -> bool:
        """Keep what the process has written by now. False if it can write no more."""
        try:
            while data := os.read(self._proc.stdout.fileno(), 1 << 16):
                self._output += data
        except BlockingIOError:
            return True
        except (AttributeError, OSError, ValueError):  # the pool ended the process
            pass
        return False

    def _logged(self) -> str:
        """What the process has written since the last call."""
        self._read_output()
        text = self._output.decode("utf-8", errors="replace")
        self._output.clear()
        return text.rstrip("\r\n")

    def _logged_before(self) -> str:
        log = self._logged()
        return f": {log}" if log else ""

    def _forget(self, connection: Connection) -> None:
        self._selector.unregister(connection)
        connection.socket.close()
        if self._ready is connection:
            self._ready = None

    def _close(self) -> None:
        selector, self._selector, self._ready = self._selector, None, None
        if selector is None:
            return
        for key in list(selector.get_map().values()):
            source = key.fileobj
            (source.socket if isinstance(source, Connection) else source).close()
        selector.close()


def parsed(body: bytes) -> object:
    """The JSON that a function answered, or its text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", errors="replace")


class Turns:
    """Lets few invocations run at once, except those that a caller of the HTTP API waits for.

    Otherwise each of sixty sagas has a process of its own, all processes share a few processors,
    and every caller waits for all of them. An invocation that got no turn in time runs anyway,
    because those that run may wait for something else.
    """

    def __init__(self, at_once: int, wait_s: float) -> None:
        self.free = threading.Semaphore(at_once)
        self.wait_s = wait_s

    def run(self, execute, *arguments):
        if threading.current_thread().name == HTTP_API_THREAD:
            return execute(*arguments)
        has_turn = self.free.acquire(timeout=self.wait_s)
        try:
            return execute(*arguments)
        finally:
            if has_turn:
                self.free.release()


def install() -> None:
    """Make MiniStack run functions in these environments, in turns."""
    lambda_runtime.ProvidedWorker = Environment
    assert lambda_runtime._worker_class_for({"Runtime": "provided"}) is Environment
    rewrite(
        apigateway,
        "_invoke_lambda_proxy",
        'thread_name="ministack-apigw-invoke"',
        f"thread_name={HTTP_API_THREAD!r}",
    )
    turns = Turns(2 * (os.cpu_count() or 1), TURN_WITHIN_S)
    lambda_svc._execute_function_provided_warm = functools.partial(
        turns.run, lambda_svc._execute_function_provided_warm
    )
