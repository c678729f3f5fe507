"""A local cloud with the whole system in it.

    python cloud.py [--port N] [--until-eof] [--parameter Key=Value]...

Starts the emulator on 127.0.0.1, deploys `infra/template.yaml` with the functions in
`target/lambda`, and prints one line of JSON when all of it answers:

    {"api_url": …, "api_host_url": …, "endpoint": …, "region": …, "outputs": {…}, "resources": {…},
     "log": …}

`api_url` is for any HTTP client. `api_host_url` is the same API under its host name, which only
some clients (curl, browsers) resolve. `resources` has every resource of the stack by its logical
id: `{"EventsTable": {"type": …, "id": …}, …}`. `log` is the file with the log of the emulator and
the functions; it is removed when the cloud ends.

Progress goes to standard error. The local cloud ends on SIGINT and SIGTERM. With `--until-eof` it
also ends at the end of its standard input, so that a test that is killed leaves no process, no
folder and no used port.

The emulator enforces each function's role, as AWS does.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from deploy import ARTIFACTS, DeployError, client, deploy, resources

HOST = "127.0.0.1"
REGION = "eu-central-1"
READY_TIMEOUT_S = 60
FREE_PORT_ATTEMPTS = 5

# The variables of the caller's environment that the emulator and the functions see. They get no
# credentials, no proxies and no settings of an SDK: those would make a test pass here and fail
# elsewhere.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "RUST_BACKTRACE", "LLVM_PROFILE_FILE")


class CloudError(Exception):
    """A message to print: what is wrong, where, and what to do."""


class PortTaken(CloudError):
    """Another program listens on the port."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"port {port} of {HOST} is in use by another program: "
            f"stop that program, or choose another port (`make run PORT={port + 1}`)"
        )


class Cloud:
    """A running emulator, empty, in a private folder. `close` ends it and all that it started."""

    def __init__(self, port: int, log: Path | None = None) -> None:
        """Start on `port` (0: any free one) and wait until it answers. Raises `CloudError`."""
        self.folder = Path(tempfile.mkdtemp(prefix="skald-local-"))
        self.log = log or self.folder / "emulator.log"
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self._start(port)
        except BaseException:
            self.close()
            raise

    @property
    def endpoint(self) -> str:
        """The URL of the services."""
        return f"http://{HOST}:{self.port}"

    def _start(self, port: int) -> None:
        if port:
            return self._start_on(port)
        for _ in range(FREE_PORT_ATTEMPTS):
            # Another program may take the port before the emulator binds it: then try another port.
            with contextlib.suppress(PortTaken):
                return self._start_on(free_port())
        raise CloudError(
            f"{FREE_PORT_ATTEMPTS} free ports in a row were taken by other programs: try again"
        )

    def _start_on(self, port: int) -> None:
        if not is_free(port):
            raise PortTaken(port)
        self.port = port
        # The health answer repeats this name: it tells our emulator from another one that took the
        # port first.
        name = uuid.uuid4().hex
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-I", str(Path(__file__).with_name("emulator"))],
                cwd=self.folder,
                env=self._environment(name),
                stdin=subprocess.PIPE,  # held open: its end tells the emulator that we are gone
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a process group: the emulator and the functions it runs
            )
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if health(self.endpoint).get("edition") == name:
                return
            if self.process.poll() is not None:
                if not is_free(port):
                    raise PortTaken(port)
                raise CloudError(f"the emulator ended while it started:\n{self.log_end()}")
            time.sleep(0.02)
        raise CloudError(
            f"the emulator did not answer within {READY_TIMEOUT_S} seconds:\n{self.log_end()}"
        )

    def _environment(self, name: str) -> dict[str, str]:
        nothing = os.devnull
        return {
            **{key: os.environ[key] for key in PASSED_ON if key in os.environ},
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": HOST,
            "MINISTACK_REGION": REGION,
            "MINISTACK_EDITION": name,
            "LOG_LEVEL": "WARNING",  # the emulator's; each function has its own from the template
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "AUTH": "true",  # the functions' roles are enforced
            "AWS_ENDPOINT_URL": self.endpoint,  # the functions inherit it
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": nothing,
            "AWS_SHARED_CREDENTIALS_FILE": nothing,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def log_end(self, lines: int = 20) -> str:
        """The end of the emulator's log, for an error message."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return (
            "\n".join(f"  | {line}" for line in text.splitlines()[-lines:])
            or "  | (the log is empty)"
        )

    def wait(self) -> NoReturn:
        """Never return. Raise `CloudError` if the emulator ends by itself."""
        assert self.process is not None
        code = self.process.wait()
        raise CloudError(f"the emulator ended by itself with code {code}:\n{self.log_end()}")

    def close(self) -> None:
        """End the emulator and its functions, and remove the private folder. All data is lost."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            if self.process.stdin:
                self.process.stdin.close()
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Cloud:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def free_port() -> int:
    """A port on which no program listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def is_free(port: int) -> bool:
    """Whether `port` is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise CloudError(f"cannot listen on port {port} of {HOST}: {error.strerror}") from error
    return True


def health(endpoint: str) -> dict[str, object]:
    """The emulator's health; empty while it does not answer."""
    try:
        return get(f"{endpoint}/_ministack/health")
    except (OSError, ValueError):
        return {}


def requests_served(cloud: Cloud) -> dict[str, int]:
    """The number of requests that the emulator has served, by service and operation, and of
    invocations of functions (see `emulator/served.py`)."""
    return get(f"{cloud.endpoint}/_skald/served")


def get(url: str) -> dict:
    """The JSON at a URL of this machine, without a proxy."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=5) as answer:
        return json.load(answer)


def api_url(cloud: Cloud, outputs: dict[str, str]) -> str:
    """The API's address for clients that do not resolve names under `localhost`."""
    api_id = outputs["ApiUrl"].split("://", 1)[1].split(".", 1)[0]
    return f"{cloud.endpoint}/_aws/execute-api/{api_id}"


def description(api_url: str, endpoint: str, outputs: dict[str, str]) -> dict[str, object]:
    """The addresses and names that other programs need of a running system."""
    return {
        "api_url": api_url,
        "api_host_url": outputs["ApiUrl"],
        "endpoint": endpoint,
        "region": REGION,
        "outputs": outputs,
    }


def make_topic_fifo(cloud: Cloud, outputs: dict[str, str]) -> None:
    """Set the topic to FIFO again, because the emulator loses the setting when it creates a stack.

    Without this, the topic ignores groups and deduplication. On AWS this call is not needed, and an
    error.
    """
    client("sns", cloud.endpoint, REGION).set_topic_attributes(
        TopicArn=outputs["EventsTopicArn"], AttributeName="FifoTopic", AttributeValue="true"
    )


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into `KeyboardInterrupt`, and ignore later ones."""

    def stop(_signal: int, _frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def end_with_standard_input() -> None:
    """End this process at the end of its standard input."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def parameter(text: str) -> tuple[str, str]:
    """`Key=Value`, for the command line."""
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form Key=Value")
    return key, value


def port(text: str) -> int:
    """A port number, or 0 for any free one, for the command line."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A local cloud with the whole system in it.")
    parser.add_argument(
        "--port", type=port, default=0, help="the port to listen on (default: any free port)"
    )
    parser.add_argument("--until-eof", action="store_true", help="end at the end of standard input")
    parser.add_argument(
        "--parameter",
        type=parameter,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a parameter of the template",
    )
    parser.add_argument(
        "--artifacts",
        type=Path,
        default=ARTIFACTS,
        help="the folder of the functions (default: %(default)s)",
    )
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    chosen = arguments(argv)

    def say(line: str) -> None:
        print(f"cloud: {line}", file=sys.stderr, flush=True)

    try:
        with ended_by_signals():
            if chosen.until_eof:
                end_with_standard_input()
            say("starting the emulator")
            with Cloud(chosen.port) as cloud:
                try:
                    outputs = deploy(
                        cloud.endpoint, REGION, dict(chosen.parameter), chosen.artifacts, say
                    )
                except DeployError as error:
                    log = cloud.log_end()
                    raise CloudError(f"{error}\nThe emulator's log ends:\n{log}") from error
                make_topic_fifo(cloud, outputs)
                system = description(api_url(cloud, outputs), cloud.endpoint, outputs)
                of_stack = resources(cloud.endpoint, REGION)
                ready = {**system, "resources": of_stack, "log": str(cloud.log)}
                print(json.dumps(ready), flush=True)
                say("ready")
                cloud.wait()
    except KeyboardInterrupt:
        say("ended")
        return 0
    except (CloudError, DeployError) as error:
        say(f"error: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
