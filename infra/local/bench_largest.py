"""`make bench-largest`: measures the function that reserves stock with the largest allowed order.

The order has fifty products whose stock is spread over 16 shards each, so one decision reads 800
streams. Reports the peak memory of the function's process and the largest number of open sockets,
both as Linux counts them.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
import uuid
from pathlib import Path

import cloud
from api import Api, ApiError
from demo import FINAL_WITHIN_S
from deploy import DeployError, deploy
from shop import CUSTOMER, ORDER, PRODUCT, REGISTRATION

PRODUCTS = 50
SHARDS = 16
FUNCTION = "ReservationSteps"
SAMPLE_EVERY_S = 0.002


class Watch(threading.Thread):
    """Samples the processes of the function until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.stopped = threading.Event()
        self.peak_kb = 0
        self.peak_sockets = 0

    def run(self) -> None:
        processes: list[Path] = []
        looks = 0
        while not self.stopped.is_set():
            if looks % 50 == 0:
                processes = [
                    process for process in Path("/proc").glob("[0-9]*") if is_of(process, FUNCTION)
                ]
            looks += 1
            for process in processes:
                self.look(process)
            time.sleep(SAMPLE_EVERY_S)

    def look(self, process: Path) -> None:
        """Record the peaks of a process. A process that has ended is skipped."""
        try:
            status = (process / "status").read_text(encoding="utf-8")
            links = [descriptor.readlink() for descriptor in (process / "fd").iterdir()]
        except OSError:
            return
        peak = next(
            (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")), "0"
        )
        self.peak_kb = max(self.peak_kb, int(peak))
        self.peak_sockets = max(
            self.peak_sockets, sum(link.name.startswith("socket:") for link in links)
        )


def is_of(process: Path, function: str) -> bool:
    """Whether a process runs this function. The deployed name contains the template's name."""
    try:
        environment = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    name = b"AWS_LAMBDA_FUNCTION_NAME="
    return any(entry.startswith(name) and function.encode() in entry for entry in environment)


def place_largest(api: Api) -> tuple[str, float]:
    """Place the order. Return its final status and the seconds that it took to get there."""
    skus = [f"LARGE-{number:02}" for number in range(PRODUCTS)]
    for sku in skus:
        api.call("PUT", f"/products/{sku}", {**PRODUCT, "stock_shards": SHARDS})
        api.call("POST", f"/stock/{sku}/receipts", {"quantity": 100, "reference": "bench"})
    order = {**ORDER, "items": [{"sku": sku, "quantity": 1} for sku in skus]}
    start = time.monotonic()
    order_id = api.call("POST", "/orders", order, {"idempotency-key": str(uuid.uuid4())}).body[
        "order_id"
    ]
    while time.monotonic() < start + FINAL_WITHIN_S:
        status = api.call("GET", f"/orders/{order_id}").body["status"]
        if status in ("confirmed", "cancelled"):
            return status, time.monotonic() - start
        time.sleep(0.05)
    raise ApiError(
        f"order {order_id} was accepted, but is not final after {FINAL_WITHIN_S} seconds"
    )


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description="Measures the largest order on the local cloud (Linux only)."
    )
    parser.add_argument(
        "--profile",
        required=True,
        help="the build profile of the functions, printed with the result",
    )
    chosen = parser.parse_args(argv)
    if not Path("/proc/self/status").exists():
        print("error: this measurement reads /proc, which only Linux has", file=sys.stderr)
        return 1
    watch = Watch()
    try:
        with cloud.ended_by_signals(), cloud.Cloud(0) as running:
            outputs = deploy(running.endpoint, cloud.REGION, {})
            cloud.make_topic_fifo(running, outputs)
            api = Api(cloud.api_url(running, outputs))
            api.call("PUT", f"/customers/{CUSTOMER}", REGISTRATION)
            watch.start()
            status, took_s = place_largest(api)
            watch.stopped.set()
            watch.join()
    except KeyboardInterrupt:
        return 130
    except (ApiError, cloud.CloudError, DeployError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if watch.peak_kb == 0:
        print(
            f"error: no process of {FUNCTION} was found in /proc while the order ran: run this as"
            " the user who runs the local cloud",
            file=sys.stderr,
        )
        return 1
    print(
        f"An order of {PRODUCTS} products with {SHARDS} shards each, profile {chosen.profile}:"
        f" {status} in {took_s:.1f} s."
    )
    print(
        f"  {FUNCTION}: peak memory {watch.peak_kb / 1024:.1f} MB,"
        f" at most {watch.peak_sockets} sockets open"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
