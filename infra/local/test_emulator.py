"""The emulator's changes to MiniStack: environments, turns, and rewritten functions."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import threading
import types
import unittest
import unittest.mock
import zipfile
from pathlib import Path

TEMPORARY = tempfile.TemporaryDirectory(prefix="skald-emulator-")
os.environ.setdefault("MINISTACK_REGION", "eu-central-1")
sys.path.append(str(Path(__file__).with_name("emulator")))
with unittest.mock.patch.dict(os.environ, {"TMPDIR": TEMPORARY.name}):
    tempfile.tempdir = TEMPORARY.name  # MiniStack unpacks functions there
    from environment import HTTP_API_THREAD, Environment, Turns
    from rewrite import rewrite

    tempfile.tempdir = None

unittest.addModuleCleanup(TEMPORARY.cleanup)

# A function in Python: `handle(event, answer)` answers an invocation.
RUNTIME = """
import http.client, json, os, sys, time

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

def call(method, path, body=None):
    api.request(method, "/2018-06-01/runtime/" + path, body)
    response = api.getresponse()
    return response, response.read()

def run(handle):
    while True:
        response, event = call("GET", "invocation/next")
        request_id = response.headers["lambda-runtime-aws-request-id"]
        def answer(result, kind="response"):
            body = result if hasattr(result, "__next__") else json.dumps(result)
            return call("POST", f"invocation/{request_id}/{kind}", body)[0].status
        handle(json.loads(event), answer)
"""
ECHO = "run(lambda event, answer: answer({'got': event, 'process': os.getpid()}))"


class OfAFunction(unittest.TestCase):
    def environment(self, handler: str, timeout_s: int = 10) -> Environment:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as unpacked:
            unpacked.writestr("bootstrap", f"#!{sys.executable}\n{RUNTIME}\n{handler}\n")
        arn = "arn:aws:lambda:eu-central-1:000000000000:function:f"
        config = {"FunctionName": "f", "FunctionArn": arn, "Runtime": "provided"}
        config["Timeout"] = timeout_s
        environment = Environment("f", config, archive.getvalue())
        self.addCleanup(environment._teardown)
        return environment

    def test_one_process_answers_one_invocation_after_the_other(self) -> None:
        environment = self.environment(ECHO)
        first, second = environment.invoke(1, "a"), environment.invoke("ü" * 100_000, "b")
        self.assertEqual((1, "ü" * 100_000), (first["result"]["got"], second["result"]["got"]))
        self.assertEqual(first["result"]["process"], second["result"]["process"])
        self.assertEqual((True, False), (first["cold_start"], second["cold_start"]))

    def test_all_that_is_written_before_the_answer_is_in_its_log(self) -> None:
        """Also if it is more than a pipe holds."""
        environment = self.environment(
            "run(lambda event, answer: (print(event * 'line\\n', flush=True), answer(0)))"
        )
        for lines in (100_000, 1):
            result = environment.invoke(lines, "a")
            self.assertEqual(["line"] * lines, result["log"].splitlines())

    def test_an_answer_may_come_in_chunks(self) -> None:
        environment = self.environment("run(lambda event, answer: answer(iter([b'[1', b',2]'])))")
        self.assertEqual([1, 2], environment.invoke(0, "a")["result"])

    def test_an_error_of_the_handler_leaves_the_process_running(self) -> None:
        environment = self.environment(
            "run(lambda event, answer: answer({'errorMessage': str(os.getpid())}, 'error'))"
        )
        first, second = environment.invoke(1, "a"), environment.invoke(1, "b")
        self.assertEqual(("error", "error"), (first["status"], second["status"]))
        self.assertEqual(first["error"], second["error"])

    def test_a_second_answer_is_refused(self) -> None:
        environment = self.environment(
            "statuses = []\n"
            "run(lambda event, answer: statuses.extend([answer(statuses), answer(0)]))"
        )
        environment.invoke(0, "a")
        self.assertEqual([202, 400], environment.invoke(0, "b")["result"])

    def test_a_process_that_ends_fails_the_invocation_and_the_next_has_a_new_one(self) -> None:
        environment = self.environment(
            "run(lambda event, answer: answer(0) if event else (print('gone'), sys.exit(3)))"
        )
        failed = environment.invoke(0, "a")
        self.assertEqual("Runtime.ExitError", failed["error_payload"]["errorType"])
        self.assertEqual("gone", failed["log"])
        self.assertEqual("ok", environment.invoke(1, "b")["status"])

    def test_an_invocation_ends_at_its_time_limit(self) -> None:
        environment = self.environment(
            "run(lambda event, answer: answer(0) if event else time.sleep(60))", timeout_s=1
        )
        failed = environment.invoke(0, "a")
        self.assertEqual("Sandbox.Timedout", failed["error_payload"]["errorType"])
        self.assertEqual("ok", environment.invoke(1, "b")["status"])

    def test_a_failed_start_is_reported_with_its_log(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "code 4.*no table"):
            self.environment("print('no table'); sys.exit(4)").invoke(0, "a")
        with self.assertRaisesRegex(RuntimeError, "init error.*no table"):
            self.environment(
                "call('POST', 'init/error', '\"no table\"'); time.sleep(60)"
            ).invoke(0, "a")


class OfInvocations(unittest.TestCase):
    def setUp(self) -> None:
        self.held = threading.Event()
        self.addCleanup(self.held.set)

    def running(self, turns: Turns) -> threading.Thread:
        """An invocation that runs until `held` is set."""
        started = threading.Event()
        thread = threading.Thread(target=turns.run, args=(self.hold, started), daemon=True)
        thread.start()
        self.assertTrue(started.wait(10))
        return thread

    def hold(self, started: threading.Event) -> None:
        started.set()
        self.held.wait()

    def test_one_waits_for_its_turn(self) -> None:
        turns = Turns(1, wait_s=60)
        first = self.running(turns)
        done: list[bool] = []
        second = threading.Thread(target=turns.run, args=(lambda: done.append(self.held.is_set()),))
        second.start()
        self.held.set()
        first.join(10)
        second.join(10)
        self.assertEqual([True], done)

    def test_one_does_not_wait_for_those_that_hang(self) -> None:
        turns = Turns(1, wait_s=0.01)
        self.running(turns)
        self.assertEqual("ran", turns.run(lambda: "ran"))

    def test_one_of_the_http_api_does_not_wait(self) -> None:
        turns = Turns(1, wait_s=60)
        self.running(turns)
        done = threading.Event()
        threading.Thread(target=turns.run, args=(done.set,), name=HTTP_API_THREAD).start()
        self.assertTrue(done.wait(10))


class Rewriting(unittest.TestCase):
    def module(self) -> types.ModuleType:
        file = Path(TEMPORARY.name, "rewritten.py")
        file.write_text("LIMIT = 2\n\n\ndef limit():\n    return LIMIT + 1\n", encoding="utf-8")
        module = types.ModuleType("rewritten")
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), vars(module))
        return module

    def test_changes_what_the_function_does(self) -> None:
        module = self.module()
        rewrite(module, "limit", "+ 1", "+ 5")
        self.assertEqual(7, module.limit())

    def test_fails_if_the_function_is_not_as_expected(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "rewritten.limit does not contain '- 1' once"):
            rewrite(self.module(), "limit", "- 1", "+ 5")


if __name__ == "__main__":
    unittest.main()
