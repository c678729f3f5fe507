"""Removes MiniStack's waits that emulate nothing.

- An execution of a state machine starts at once, not after 150 ms.
- One thread invokes functions with what is in queues and streams. While it runs the function of a
  stream, no queue is read; and after a wake-up without work it sleeps for 50 ms. Here DynamoDB's
  streams have a thread of their own, and the sleep is 5 ms. Kinesis, which nothing uses here, is
  not read.
"""

import threading
import time

from ministack.core import concurrency
from ministack.services import lambda_svc, stepfunctions

from rewrite import rewrite

IDLE_WAKE_S = 0.005
LOOK_EVERY_S = 1  # as MiniStack, for what becomes visible again


def install() -> None:
    rewrite(stepfunctions, "_run_execution", "    time.sleep(0.15)\n", "")
    pollers = [Poller(lambda_svc._poll_sqs), Poller(lambda_svc._poll_dynamodb_streams)]
    assert lambda_svc._esm_wake is concurrency.esm_wake
    wake = concurrency.esm_wake.set

    def wake_all() -> None:
        for each in pollers:
            each.wake.set()

    assert callable(wake)
    concurrency.esm_wake.set = wake_all

    def ensure_pollers() -> None:
        with lambda_svc._poller_lock:
            if not lambda_svc._poller_started:
                lambda_svc._poller_started = True
                for each in pollers:
                    threading.Thread(target=each.run, daemon=True).start()

    assert lambda_svc._ensure_poller
    lambda_svc._ensure_poller = ensure_pollers


class Poller:
    """A thread that hands the work of one kind of event sources to functions."""

    def __init__(self, poll) -> None:
        self.poll = poll
        self.wake = threading.Event()

    def run(self) -> None:
        woken = False
        while True:
            self.wake.clear()
            found = False
            try:
                found = self.poll()
            except Exception as error:
                lambda_svc.logger.error("%s: %s", self.poll.__name__, error)
            if found:
                woken = False
                continue
            if woken:
                time.sleep(IDLE_WAKE_S)
            woken = self.wake.wait(LOOK_EVERY_S)
