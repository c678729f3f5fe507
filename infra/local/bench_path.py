"""`make bench-path`: measures orders on separate, warm local clouds, alone and many at once.

Alone: a single caller places orders one after the other. Measured is the time from `POST /orders`
until its answer, until the customer's list shows the order, and until it shows it as confirmed.

At once: six clients, each with a connection and a customer of its own, place 60 orders for ten
products as fast as they are answered. Measured are the seconds from the first `POST` until all
orders are final, the time of each `POST` meanwhile, and, in the same span, what the emulator did
for an order on average: its requests by service (invocations of functions included), and the
processor time that its process and all functions together used (Linux only).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cloud
from api import Api, ApiError
from demo import FINAL_WITHIN_S
from deploy import DeployError, deploy
from shop import CUSTOMER, ORDER, PRODUCT, REGISTRATION, SKU

WARM_UP = 20
ORDERS = 200
RECEIPT = {"quantity": 10 * (WARM_UP + ORDERS), "reference": "bench"}

CLIENTS = 6
PRODUCTS = 10
ORDERS_AT_ONCE = 60
FINAL = ("confirmed", "cancelled")
LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Took:
    """Milliseconds from `POST /orders` to its answer, until the customer's list shows the order,
    and until the list shows it as confirmed."""

    accepted_ms: float
    visible_ms: float
    confirmed_ms: float


def place_and_follow(api: Api) -> Took:
    start = time.perf_counter()

    def since_start() -> float:
        return (time.perf_counter() - start) * 1000

    order_id = api.call("POST", "/orders", ORDER, {"idempotency-key": str(uuid.uuid4())}).body[
        "order_id"
    ]
    accepted_ms, visible_ms = since_start(), None
    while since_start() < accepted_ms + FINAL_WITHIN_S * 1000:
        newest = api.call("GET", f"/customers/{CUSTOMER}/orders?limit=1").body["orders"]
        if newest and newest[0]["order_id"] == order_id:
            visible_ms = visible_ms or since_start()
            if newest[0]["status"] == "confirmed":
                return Took(accepted_ms, visible_ms, since_start())
    raise ApiError(
        f"order {order_id} was accepted, but the customer's list does not show it as confirmed"
        f" after {FINAL_WITHIN_S} seconds"
    )


def percentiles(name: str, took_ms: list[float]) -> str:
    ranks = statistics.quantiles(took_ms, n=20, method="inclusive")
    median, p95, worst = ranks[9], ranks[18], max(took_ms)
    return f"  {name:<20} p50 {median:6.1f} ms   p95 {p95:6.1f} ms   worst {worst:6.1f} ms"


def one_after_the_other() -> list[str]:
    """What a single caller measured, for printing. Raises `ApiError`."""
    with cloud.Cloud(0) as running:
        outputs = deploy(running.endpoint, cloud.REGION, {})
        cloud.make_topic_fifo(running, outputs)
        api = Api(cloud.api_url(running, outputs))
        api.call("PUT", f"/products/{SKU}", PRODUCT)
        api.call("POST", f"/stock/{SKU}/receipts", RECEIPT)
        api.call("PUT", f"/customers/{CUSTOMER}", REGISTRATION)
        for _ in range(WARM_UP):
            place_and_follow(api)
        measured = [place_and_follow(api) for _ in range(ORDERS)]
    return [
        f"{ORDERS} orders, one after the other:",
        percentiles("POST /orders", [took.accepted_ms for took in measured]),
        percentiles("POST until visible", [took.visible_ms for took in measured]),
        percentiles("POST until confirmed", [took.confirmed_ms for took in measured]),
    ]


@dataclass(frozen=True)
class Client:
    """One of the clients that place orders at once. Its customer is its own."""

    api: Api
    customer: str

    def place(self, number: int) -> float:
        """Place the order of this number and return the milliseconds until the answer."""
        order = {
            **ORDER,
            "customer_id": self.customer,
            "items": [{"sku": sku(number % PRODUCTS), "quantity": 1}],
        }
        once = {"idempotency-key": str(uuid.uuid4())}
        return self.api.call("POST", "/orders", order, once).elapsed_ms

    def wait_for(self, orders: int) -> None:
        """Wait until the customer has this many orders and all are final. Raises `ApiError`."""
        deadline = time.monotonic() + FINAL_WITHIN_S
        while time.monotonic() < deadline:
            path = f"/customers/{self.customer}/orders?limit={orders}"
            listed = self.api.call("GET", path).body["orders"]
            if len(listed) == orders and all(order["status"] in FINAL for order in listed):
                return
            time.sleep(LOOK_EVERY_S)
        raise ApiError(
            f"the orders of customer {self.customer} are not all final after {FINAL_WITHIN_S}"
            " seconds"
        )


def sku(product: int) -> str:
    return f"ITEM-{product:02}"


def place_at_once(clients: list[Client], orders: int) -> list[float]:
    """Place the orders, each client its share, and return the milliseconds of each `POST`."""

    def share(number: int) -> list[float]:
        return [clients[number].place(order) for order in range(number, orders, len(clients))]

    with ThreadPoolExecutor(len(clients)) as callers:
        return [took for each in callers.map(share, range(len(clients))) for took in each]


def many_at_once() -> list[str]:
    """What six clients measured, for printing. Raises `ApiError`."""
    with cloud.Cloud(0) as running:
        outputs = deploy(running.endpoint, cloud.REGION, {})
        cloud.make_topic_fifo(running, outputs)
        url = cloud.api_url(running, outputs)
        clients = [Client(Api(url), f"c-{number}") for number in range(CLIENTS)]
        api = clients[0].api
        for product in range(PRODUCTS):
            api.call("PUT", f"/products/{sku(product)}", PRODUCT)
            api.call("POST", f"/stock/{sku(product)}/receipts", RECEIPT)
        for client in clients:
            api.call("PUT", f"/customers/{client.customer}", REGISTRATION)
        warm_up = 2 * CLIENTS
        place_at_once(clients, warm_up)
        for client in clients:
            client.wait_for(warm_up // CLIENTS)
        before = Work.of(running)
        start = time.perf_counter()
        posts_ms = place_at_once(clients, ORDERS_AT_ONCE)
        for client in clients:
            client.wait_for((warm_up + ORDERS_AT_ONCE) // CLIENTS)
        seconds = time.perf_counter() - start
        work = Work.of(running) - before
    return [
        f"{ORDERS_AT_ONCE} orders for {PRODUCTS} products from {CLIENTS} clients at once:",
        f"  first POST until all are final  {seconds:.1f} s",
        percentiles("POST /orders", posts_ms),
        *work.report(ORDERS_AT_ONCE),
    ]


@dataclass(frozen=True)
class Work:
    """What a local cloud did since it started, or between two moments."""

    requests: Counter[str]
    emulator_s: float | None
    functions_s: float | None
    functions: int

    @classmethod
    def of(cls, running: cloud.Cloud) -> Work:
        requests = Counter(cloud.requests_served(running))
        assert running.process is not None
        return cls(requests, *processor_time(running.process.pid, Path("/proc")))

    def __sub__(self, before: Work) -> Work:
        def since(now: float | None, then: float | None) -> float | None:
            return None if now is None or then is None else now - then

        return Work(
            self.requests - before.requests,
            since(self.emulator_s, before.emulator_s),
            since(self.functions_s, before.functions_s),
            self.functions,
        )

    def report(self, orders: int) -> list[str]:
        """Lines to print: the averages of one order, and the totals."""
        total = self.requests.total()
        by_service = ", ".join(
            f"{service} {count / orders:.1f}" for service, count in self.requests.most_common()
        )
        lines = [f"  requests for each order  {total / orders:.1f}: {by_service}"]
        if self.emulator_s is not None:
            lines.append(
                f"  processor time  emulator {self.emulator_s:.1f} s, functions"
                f" {self.functions_s:.1f} s in {self.functions} processes"
            )
        return lines


def processor_time(emulator: int, proc: Path) -> tuple[float | None, float | None, int]:
    """The processor seconds that the emulator and its children used until now, and the number of
    its children. `None` where the system has no `/proc`.

    Children that have ended are counted, as the emulator waited for them.
    """
    if not (proc / str(emulator) / "stat").exists():
        return None, None, 0
    ticks = os.sysconf("SC_CLK_TCK")
    own, ended = times(proc / str(emulator) / "stat")
    children = [sum(times(file)) for file in proc.glob("[0-9]*/stat") if parent(file) == emulator]
    return own / ticks, (ended + sum(children)) / ticks, len(children)


def fields(stat: Path) -> list[str]:
    """The fields of a `stat` file of `/proc`, from the process's state on (proc_pid_stat(5))."""
    try:
        text = stat.read_text(encoding="utf-8", errors="replace")
    except OSError:  # it ended
        return []
    return text.rpartition(")")[2].split()


def parent(stat: Path) -> int | None:
    of = fields(stat)
    return int(of[1]) if of else None


def times(stat: Path) -> tuple[int, int]:
    """The clock ticks that a process used, and those of its children that it waited for."""
    of = fields(stat)
    return (int(of[11]) + int(of[12]), int(of[13]) + int(of[14])) if of else (0, 0)


MEASUREMENTS = {"alone": one_after_the_other, "at-once": many_at_once}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--profile",
        required=True,
        help="the build profile of the functions, printed with the result",
    )
    parser.add_argument("--only", choices=MEASUREMENTS, help="measure only this (default: both)")
    chosen = parser.parse_args(argv)
    try:
        with cloud.ended_by_signals():
            for name, measure in MEASUREMENTS.items():
                if chosen.only in (None, name):
                    print("\n".join(measure()), flush=True)
    except KeyboardInterrupt:
        return 130
    except (ApiError, cloud.CloudError, DeployError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"profile {chosen.profile}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
