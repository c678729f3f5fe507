"""`make run`: runs the whole system on this machine, follows one order through it, and places four
more.

Starts the local cloud, deploys, and calls the API as a shop would: lists a product, receives stock,
registers a customer, places an order and follows it until the customer's list shows it. Then it
places the four orders of `make demo`, and runs until Ctrl-C.

With `--endpoint` it deploys to a running cloud, creates or updates the stack, and ends after the
orders. The system keeps running.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit

import cloud
import demo
from api import Answer, Api, ApiError
from deploy import ROOT, DeployError, deploy
from terminal import Terminal
from shop import CUSTOMER, ORDER, PRODUCT, RECEIPT, REGISTRATION, SKU

LOCAL = ROOT / "target" / "local"
LOG = "cloud.log"
ADDRESS = "api-url"
SYSTEM = "system.json"
VISIBLE_WITHIN_S = 30


@dataclass(frozen=True)
class Moment:
    """One line of the timeline."""

    at: datetime
    what: str
    detail: str


def money(amount: dict) -> str:
    """`49.98 EUR`, for currencies with two decimals (the demo's has two)."""
    return f"{amount['amount_minor'] // 100}.{amount['amount_minor'] % 100:02} {amount['currency']}"


def now() -> datetime:
    return datetime.now(timezone.utc)


def first_order(api: Api, terminal: Terminal) -> str:
    """Place an order and follow it into the view; return its id."""

    def step(method: str, path: str, body: object, headers: dict[str, str], meaning: str) -> Answer:
        answer = api.call(method, path, body, headers)
        terminal.done(meaning, f"{method:<4} {path:<26} {answer.status}", answer.elapsed_ms)
        return answer

    def once() -> dict[str, str]:
        return {"idempotency-key": str(uuid.uuid4())}

    terminal.line()
    price = money(PRODUCT["unit_price"])
    step("PUT", f"/products/{SKU}", PRODUCT, {}, f"listed a {PRODUCT['name'].lower()} for {price}")
    step("POST", f"/stock/{SKU}/receipts", RECEIPT, once(), f"received {RECEIPT['quantity']} of it")
    step("PUT", f"/customers/{CUSTOMER}", REGISTRATION, {}, f"registered customer {CUSTOMER}")
    sent = now()
    accepted = step("POST", "/orders", ORDER, once(), "placed an order for two")
    answered = now()
    order_id = accepted.body["order_id"]
    listed = follow(api, order_id)
    visible = now()
    waited_ms = (visible - answered).total_seconds() * 1000
    terminal.done(
        "saw it among the customer's orders",
        f"GET  {f'/customers/{CUSTOMER}/orders':<26} 200",
        waited_ms,
    )

    events = api.call("GET", f"/orders/{order_id}/events").body["events"]
    moments = [
        Moment(sent, "sent", "POST /orders"),
        Moment(
            answered,
            "accepted",
            f"{accepted.status}, {money(accepted.body['total'])},"
            f" version {accepted.body['version']}",
        ),
        *(
            Moment(
                datetime.fromisoformat(event["recorded_at"].replace("Z", "+00:00")),
                "recorded",
                described(event),
            )
            for event in events
        ),
        Moment(
            visible,
            "visible",
            f"GET /customers/{CUSTOMER}/orders shows it: {listed['status']},"
            f" version {listed['version']}",
        ),
    ]
    timeline(moments, order_id, terminal)
    return order_id


def follow(api: Api, order_id: str) -> dict:
    """Wait until the customer's list, which is read from the view alone, shows the order."""
    deadline = time.monotonic() + VISIBLE_WITHIN_S
    while time.monotonic() < deadline:
        orders = api.call("GET", f"/customers/{CUSTOMER}/orders").body["orders"]
        for order in orders:
            if order["order_id"] == order_id:
                return order
        time.sleep(0.005)
    raise ApiError(
        f"order {order_id} was accepted, but is not among the customer's orders after"
        f" {VISIBLE_WITHIN_S} seconds: the relay or the order view fails; their logs say why"
    )


def described(event: dict) -> str:
    return f"{event['event_type']}, version {event['version']} of {event['stream']}"


def timeline(moments: list[Moment], order_id: str, terminal: Terminal) -> None:
    """Print the moments in order, aligned, in milliseconds from the first."""
    moments = sorted(moments, key=lambda moment: moment.at)
    start = moments[0].at
    terminal.line()
    terminal.line(f"  {terminal.bold('Order ' + order_id)}")
    terminal.line()
    for number, moment in enumerate(moments):
        offset_ms = (moment.at - start).total_seconds() * 1000
        branch = "┌─" if number == 0 else "└─" if number == len(moments) - 1 else "├─"
        terminal.line(
            f"  {offset_ms:6.0f} ms {terminal.faint(branch)}"
            f" {terminal.green(f'{moment.what:<9}')} {moment.detail}"
        )


def invitation(api_url: str, order_id: str, terminal: Terminal) -> None:
    """Print the URL of the API and three commands to try."""
    body = (
        f'{{"customer_id": "{CUSTOMER}", "items": [{{"sku": "{SKU}", "quantity": 1}}], '
        '"payment_token": "tok_approved", "shipping_address": {"name": "Kim Example", '
        '"line1": "1 Harbour Street", "city": "Berlin", "postal_code": "10115", "country": "DE"}}'
    )
    terminal.line()
    terminal.line(f"  {terminal.bold('The API')}  {api_url}")
    terminal.line()
    terminal.line(f"  curl {api_url}/orders/{order_id}")
    terminal.line(f"  curl {api_url}/stock/{SKU}")
    terminal.line(
        f"  curl -i {api_url}/orders -H 'content-type: application/json'"
        f" -H \"idempotency-key: $(date +%s)\" -d '{body}'"
    )
    terminal.line()


def write_address(folder: Path, api_url: str, endpoint: str, outputs: dict[str, str]) -> None:
    """Write the API's URL, and the description that the operator's commands read, to `folder`."""
    (folder / ADDRESS).write_text(api_url + "\n", encoding="utf-8")
    system = json.dumps(cloud.description(api_url, endpoint, outputs), indent=2)
    (folder / SYSTEM).write_text(system + "\n", encoding="utf-8")


@contextlib.contextmanager
def address_on_file(
    folder: Path, api_url: str, endpoint: str, outputs: dict[str, str]
) -> Iterator[None]:
    """Keep the files in `folder` that describe the running system while the context is open."""
    write_address(folder, api_url, endpoint, outputs)
    try:
        yield
    finally:
        for name in (ADDRESS, SYSTEM):
            (folder / name).unlink(missing_ok=True)


def on_a_local_cloud(port: int, folder: Path, terminal: Terminal) -> None:
    """Start the cloud, deploy, place the demo orders, and run until a signal arrives."""
    with cloud.Cloud(port, folder / LOG) as running:
        outputs = deploy(running.endpoint, cloud.REGION, {}, say=saying(terminal))
        cloud.make_topic_fifo(running, outputs)
        api_url = cloud.api_url(running, outputs)
        with address_on_file(folder, api_url, running.endpoint, outputs):
            api = Api(api_url)
            order_id = first_order(api, terminal)
            demo.four_orders(api, terminal)
            invitation(api_url, order_id, terminal)
            terminal.line(terminal.faint(f"  The log of the functions: {folder / LOG}"))
            terminal.line(terminal.faint("  Ctrl-C ends the local cloud and deletes its data."))
            running.wait()


def on_another_cloud(endpoint: str, folder: Path, terminal: Terminal) -> None:
    """Deploy to the cloud at `endpoint`, place the demo orders, and leave the system running."""
    outputs = deploy(endpoint, cloud.REGION, {}, say=saying(terminal))
    # The endpoint also serves the API under the API's host name, which may not resolve.
    api_url = outputs["ApiUrl"]
    write_address(folder, api_url, endpoint, outputs)
    api = Api(endpoint, host=urlsplit(api_url).netloc)
    order_id = first_order(api, terminal)
    demo.four_orders(api, terminal)
    invitation(api_url, order_id, terminal)
    terminal.line(terminal.faint(f"  The system keeps running; its URL is in {folder / ADDRESS}."))


def saying(terminal: Terminal):
    return lambda line: terminal.line(terminal.faint(f"  {line}"))


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description="The whole system on this machine, with demo orders."
    )
    parser.add_argument(
        "--port", type=cloud.port, default=4566, help="the port of the local cloud (default: 4566)"
    )
    parser.add_argument(
        "--endpoint", help="deploy to the running cloud at this URL instead of a new local one"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=LOCAL,
        help="for the address and the log (default: %(default)s)",
    )
    chosen = parser.parse_args(argv)
    terminal = Terminal()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    try:
        with cloud.ended_by_signals():
            if chosen.endpoint:
                on_another_cloud(chosen.endpoint.rstrip("/"), chosen.folder, terminal)
            else:
                terminal.line(terminal.faint(f"  starting the local cloud on port {chosen.port}"))
                on_a_local_cloud(chosen.port, chosen.folder, terminal)
    except KeyboardInterrupt:
        terminal.line()
        terminal.line(
            "  Interrupted; the deployed system stays."
            if chosen.endpoint
            else "  The local cloud has ended."
        )
    except (ApiError, cloud.CloudError, DeployError) as error:
        print(f"\n  error: {error}", file=sys.stderr)
        if isinstance(error, ApiError) and not chosen.endpoint:
            print(f"  The log of the functions: {chosen.folder / LOG}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
