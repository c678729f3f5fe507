"""The emulator's process, which only `cloud.py` starts.

It is MiniStack with these changes:

- It ends with the process that started it, even if that one was killed.
- The log of the functions is printed, so that it is in the log of the local cloud.
- It counts what it serves (`served.py`).
- It is served by uvicorn, which needs less processor time than MiniStack's own server (`odd.py`
  for requests that uvicorn's parser rejects).
- The thread that invokes a function serves its environment, and few do so at once
  (`environment.py`).
- Executions and event sources do not wait where AWS would not (`waits.py`).
- It computes less for each request (`memory.py`).

The changes replace parts of MiniStack that are not its interface. So they fail if its version is
not the one that they were written for.
"""

import importlib.metadata
import os
import resource
import shutil
import signal
import sys
import threading

MINISTACK = "1.5.33"


def end_with_the_parent() -> None:
    """Wait for the end of standard input, which the parent keeps open, then clean up.

    The process group is this process and the functions that it runs (see `cloud.py`).
    """
    sys.stdin.buffer.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def print_what_functions_log() -> None:
    """Print the functions' logs, which the emulator only stores in log groups."""
    from ministack.services import lambda_svc

    keep = lambda_svc._emit_lambda_logs

    def print_and_keep(func, request_id, log_text, *arguments, **options) -> None:
        if log_text:
            print(log_text, flush=True)
        keep(func, request_id, log_text, *arguments, **options)

    lambda_svc._emit_lambda_logs = print_and_keep


def allow_many_connections() -> None:
    """Raise the limit of open files, as MiniStack does: each environment needs several."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    except (ValueError, OSError):  # macOS names no limit, and accepts less
        pass


def serve() -> None:
    """Serve MiniStack until the process is ended."""
    from ministack.app import app
    from odd import Lenient
    import uvicorn

    uvicorn.run(
        app,
        host=os.environ["BIND_HOST"],
        port=int(os.environ["GATEWAY_PORT"]),
        loop="uvloop",
        http=Lenient,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,  # MiniStack sends one
        timeout_keep_alive=75,
    )


def main() -> None:
    threading.Thread(target=end_with_the_parent, daemon=True).start()
    found = importlib.metadata.version("ministack")
    if found != MINISTACK:
        sys.exit(f"MiniStack {found} is installed; infra/local/emulator is for {MINISTACK}")
    allow_many_connections()
    print_what_functions_log()

    import environment
    import memory
    import served
    import waits

    for each in (environment, memory, served, waits):
        each.install()
    memory.collect_less_often()
    serve()


if __name__ == "__main__":
    main()
