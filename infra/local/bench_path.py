"""`make bench-path`: measures how long an order takes until it is accepted, listed and confirmed.

Orders are placed one after the other by a single caller, on a separate, warm local cloud.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import uuid
from dataclasses import dataclass

import cloud
from api import Api, ApiError
from demo import FINAL_WITHIN_S
from deploy import DeployError, deploy
from shop import CUSTOMER, ORDER, PRODUCT, REGISTRATION, SKU

WARM_UP = 20
ORDERS = 200
RECEIPT = {"quantity": 10 * (WARM_UP + ORDERS), "reference": "bench"}


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


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description="Measures how long an order takes on the local cloud."
    )
    parser.add_argument(
        "--profile",
        required=True,
        help="the build profile of the functions, printed with the result",
    )
    chosen = parser.parse_args(argv)
    try:
        with cloud.ended_by_signals(), cloud.Cloud(0) as running:
            outputs = deploy(running.endpoint, cloud.REGION, {})
            cloud.make_topic_fifo(running, outputs)
            api = Api(cloud.api_url(running, outputs))
            api.call("PUT", f"/products/{SKU}", PRODUCT)
            api.call("POST", f"/stock/{SKU}/receipts", RECEIPT)
            api.call("PUT", f"/customers/{CUSTOMER}", REGISTRATION)
            for _ in range(WARM_UP):
                place_and_follow(api)
            measured = [place_and_follow(api) for _ in range(ORDERS)]
    except KeyboardInterrupt:
        return 130
    except (ApiError, cloud.CloudError, DeployError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{ORDERS} orders, one after the other, profile {chosen.profile}:")
    print(percentiles("POST /orders", [took.accepted_ms for took in measured]))
    print(percentiles("POST until visible", [took.visible_ms for took in measured]))
    print(percentiles("POST until confirmed", [took.confirmed_ms for took in measured]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
