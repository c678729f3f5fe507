"""`make bench-build`: which request is a first poll, and which compilation is a program's."""

from __future__ import annotations

import os
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import bench_build
from bench_build import BenchError, RuntimeApi, compile_crate

POLL = """
import os, socket
address, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
connection = socket.create_connection((address, int(port)))
connection.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\n\\r\\n")
connection.recv(1)
"""
NEEDS_TABLE = """
import os, sys
if "EVENTS_TABLE" not in os.environ:
    sys.exit("environment variable EVENTS_TABLE is not set: the template sets it")
"""


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="skald-bench-build-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def program(self, text: str) -> Path:
        file = self.folder / "program"
        file.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
        file.chmod(0o755)
        return file


class FirstPoll(Folder):
    def setUp(self) -> None:
        super().setUp()
        self.api = RuntimeApi()
        self.addCleanup(self.api.server.close)

    def test_is_timed_from_the_start_of_the_process(self) -> None:
        took_ms = self.api.first_poll_ms(self.program(f"import time\ntime.sleep(0.05)\n{POLL}"))
        self.assertGreater(took_ms, 50)

    def test_comes_after_the_missing_variables_are_set(self) -> None:
        self.api.first_poll_ms(self.program(NEEDS_TABLE + POLL))
        self.assertIn("EVENTS_TABLE", self.api.environment)

    def test_that_never_comes_is_reported_with_the_output_of_the_program(self) -> None:
        with self.assertRaisesRegex(BenchError, "no region"):
            self.api.first_poll_ms(self.program("print('no region')"))

    def test_is_no_other_request(self) -> None:
        with self.assertRaises(BenchError):
            self.api.first_poll_ms(self.program(POLL.replace("next", "error")))


class Compiling(Folder):
    def compile(self, *options: str, package: str = "order-view") -> str:
        log = self.folder / "programs.log"
        log.touch()
        work = self.program("for _ in range(100_000): pass")
        with unittest.mock.patch.dict(os.environ, {"CARGO_PKG_NAME": package}):
            self.assertEqual(compile_crate([str(work), *options], str(log)), 0)
        return log.read_text(encoding="utf-8")

    def test_a_program_is_noted_with_its_processor_time(self) -> None:
        name, seconds = self.compile("--crate-name", "order_view", "--crate-type", "bin").split()
        self.assertEqual(name, "order-view")
        self.assertGreater(float(seconds), 0)

    def test_a_library_is_a_dependency(self) -> None:
        self.assertEqual(self.compile("--crate-name", "skald", "--crate-type", "lib"), "")

    def test_a_build_script_is_a_dependency(self) -> None:
        options = ("--crate-name", "build_script_build", "--crate-type", "bin")
        self.assertEqual(self.compile(*options, package="ring"), "")

    def test_the_compiler_s_exit_code_is_returned_to_cargo(self) -> None:
        self.assertEqual(compile_crate([str(self.program("raise SystemExit(3)"))], os.devnull), 3)


class Reporting(unittest.TestCase):
    def test_the_shortest_start_is_reported(self) -> None:
        times = iter([3.0, 5.0] + [2.0, 6.0] + [4.0, 7.0] * (bench_build.STARTS - 2))
        with unittest.mock.patch.object(
            RuntimeApi, "first_poll_ms", lambda api, program: next(times)
        ):
            self.assertEqual(bench_build.starts_ms([Path("one"), Path("two")]), [2.0, 5.0])


if __name__ == "__main__":
    unittest.main()
