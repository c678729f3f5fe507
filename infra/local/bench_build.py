"""`make bench-build`: measures a release build of the functions.

Builds the functions from scratch and reports the processor time (user and system) of the
dependencies and of each function. Reports each function's size, and the time from the start of its
process to its first request to the runtime API, compared with that of a function that does nothing.

Other options are Cargo's, and try another profile:

    make bench-build ARGS="--config profile.release.opt-level=3"

Other programs on the same machine change the processor time by about a tenth.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "target" / "bench-build"
HELLO = "hello-function"
# Cargo runs this file in the compiler's place; the variable says where it writes what it measured.
LOG = "BENCH_BUILD_LOG"
STARTS = 50
FIRST_POLL_WITHIN_S = 10
FIRST_POLL = b"GET /2018-06-01/runtime/invocation/next "
NOT_SET = re.compile(r"environment variable ([A-Z_]+) is not set")
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_FUNCTION_NAME": "bench-build",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_LOG_GROUP_NAME": "none",
    "AWS_LAMBDA_LOG_STREAM_NAME": "none",
    "AWS_REGION": "eu-central-1",
    "AWS_SECRET_ACCESS_KEY": "none",
}


class BenchError(Exception):
    """A message to print: what is wrong, where, and what to do."""


def compile_crate(command: list[str], log: str) -> int:
    """Run the compiler. Note its processor time if it compiles a program, except build scripts."""

    def option(name: str) -> str:
        return command[command.index(name) + 1] if name in command else ""

    code = subprocess.call(command, close_fds=False)  # Cargo's job server is an open file.
    package = os.environ.get("CARGO_PKG_NAME", "")
    is_build_script = option("--crate-name").startswith("build_script_")
    if option("--crate-type") == "bin" and package and not is_build_script:
        with open(log, "a", encoding="utf-8") as notes:
            notes.write(f"{package} {processor_time_s()}\n")
    return code


def processor_time_s() -> float:
    """The time of all ended processes that this one started, and of those that they started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def build(packages: list[str], options: list[str]) -> tuple[float, dict[str, float]]:
    """Build from scratch: the processor time of the dependencies, and that of each package."""
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    log = TARGET / "programs.log"
    wrapper = TARGET / "rustc"
    this = shlex.join([sys.executable, str(Path(__file__).resolve())])
    wrapper.write_text(f'#!/bin/sh\nexec {this} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    command = ["cargo", "build", "--locked", "--release", "--target-dir", str(TARGET)]
    command += [f"--package={package}" for package in packages] + options
    environment = {**os.environ, "RUSTC_WRAPPER": str(wrapper), LOG: str(log)}
    before_s = processor_time_s()
    if subprocess.call(command, cwd=ROOT, env=environment) != 0:
        raise BenchError(f"the build failed: {shlex.join(command)}")
    total_s = processor_time_s() - before_s
    notes = map(str.split, log.read_text(encoding="utf-8").splitlines())
    programs_s = {name: float(seconds) for name, seconds in notes}
    return total_s - sum(programs_s.values()), programs_s


class RuntimeApi:
    """A runtime API that receives the requests of functions and answers none."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(0.1)
        address = f"127.0.0.1:{self.server.getsockname()[1]}"
        self.environment = {**ENVIRONMENT, "AWS_LAMBDA_RUNTIME_API": address}

    def first_poll_ms(self, program: Path) -> float:
        """Milliseconds from the start of the process to its first request.

        A variable that the program misses is set, and the program is started again.
        """
        while True:
            started = time.perf_counter()
            with subprocess.Popen(
                [program], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            ) as process:
                try:
                    if self.is_polled_by(process):
                        return (time.perf_counter() - started) * 1000
                finally:
                    process.kill()
                output = process.stdout.read().decode(errors="replace")
            missing = NOT_SET.search(output)
            if missing is None or missing[1] in self.environment:
                raise BenchError(f"{program} did not poll the runtime API; it wrote: {output}")
            self.environment[missing[1]] = "none"

    def is_polled_by(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait for the first request. `False` if the process ends first, or takes too long."""
        deadline = time.monotonic() + FIRST_POLL_WITHIN_S
        while time.monotonic() < deadline:
            try:
                connection, _ = self.server.accept()
            except TimeoutError:
                if process.poll() is not None:
                    return False
                continue
            with connection:
                connection.settimeout(FIRST_POLL_WITHIN_S)
                return connection.recv(4096).startswith(FIRST_POLL)
        return False


def starts_ms(programs: list[Path]) -> list[float]:
    """The shortest time of each program to its first poll: other programs can only lengthen it."""
    api = RuntimeApi()
    with api.server:
        rounds = [[api.first_poll_ms(program) for program in programs] for _ in range(STARTS)]
    return [min(times) for times in zip(*rounds)]


def main(arguments: list[str]) -> int:
    functions = sorted(manifest.parent.name for manifest in ROOT.glob("functions/*/Cargo.toml"))
    parser = argparse.ArgumentParser(description="Measures a release build of the functions.")
    parser.add_argument("--only", nargs="+", choices=functions, metavar="FUNCTION")
    chosen, options = parser.parse_known_args(arguments)
    packages = [HELLO, *(chosen.only or functions)]
    programs = [TARGET / "release" / package for package in packages]
    try:
        dependencies_s, programs_s = build(packages, options)
        starts = starts_ms(programs)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{'':<20}{'processor time':>15}{'size':>10}{'first poll after':>26}")
    print(f"{'dependencies':<20}{dependencies_s:13.1f} s")
    for program, start_ms in zip(programs, starts):
        took_s, size_mb = programs_s[program.name], program.stat().st_size / 1e6
        start = f"{start_ms:.1f} ms, {start_ms / starts[0]:.1f}x {HELLO}'s"
        print(f"{program.name:<20}{took_s:13.1f} s{size_mb:7.2f} MB{start:>30}")
    total_s = dependencies_s + sum(programs_s.values())
    print(f"{'all':<20}{total_s:13.1f} s")
    return 0


if __name__ == "__main__":
    if LOG in os.environ:
        sys.exit(compile_crate(sys.argv[1:], os.environ[LOG]))
    sys.exit(main(sys.argv[1:]))
