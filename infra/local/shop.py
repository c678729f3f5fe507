"""The products, the customer and the order of the demos and the measurements."""

from __future__ import annotations

SKU = "MUG-01"
CUSTOMER = "c-1001"
PRODUCT = {"name": "Stoneware mug", "unit_price": {"amount_minor": 2499, "currency": "EUR"}}
NEVER_RECEIVED_SKU = "LAMP-01"
NEVER_RECEIVED = {"name": "Floor lamp", "unit_price": {"amount_minor": 5900, "currency": "EUR"}}
RECEIPT = {"quantity": 100, "reference": "delivery-1"}
REGISTRATION = {"name": "Kim Example", "email": "kim@example.com"}
ADDRESS = {
    "name": "Kim Example",
    "line1": "1 Harbour Street",
    "city": "Berlin",
    "postal_code": "10115",
    "country": "DE",
}
ORDER = {
    "customer_id": CUSTOMER,
    "items": [{"sku": SKU, "quantity": 2}],
    "payment_token": "tok_approved",
    "shipping_address": ADDRESS,
}
