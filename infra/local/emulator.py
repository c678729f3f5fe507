"""The emulator's process. `cloud.py` starts it; nobody else does.

It is MiniStack with three changes: it ends with the process that started it, however that one ended; small answers
leave at once (without this a warm invocation takes 50 ms instead of 8); and what the functions log is printed, which
goes to the log of the local cloud.
"""

import os
import shutil
import signal
import socketserver
import sys
import threading


def end_with_the_parent() -> None:
    """Wait for the end of standard input, which the parent holds open, then leave nothing behind.

    The process group is this process and the functions that it runs (see `cloud.py`).
    """
    sys.stdin.buffer.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def print_what_functions_log() -> None:
    """The emulator keeps it in log groups, where only an API finds it."""
    from ministack.services import lambda_svc

    keep = lambda_svc._emit_lambda_logs

    def print_and_keep(func, request_id, log_text, *arguments, **options) -> None:
        if log_text:
            print(log_text, flush=True)
        keep(func, request_id, log_text, *arguments, **options)

    lambda_svc._emit_lambda_logs = print_and_keep


if __name__ == "__main__":
    threading.Thread(target=end_with_the_parent, daemon=True).start()
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    print_what_functions_log()

    from ministack.app import main  # reads its environment while it is imported

    main()
