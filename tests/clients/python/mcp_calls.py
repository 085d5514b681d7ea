"""Each function of btcpay-mcp's client (written by hand for BTCPay 2) against the sandbox."""

import decimal

from btcpay_mcp.client import BTCPayAPIError, BTCPayClient

import sandbox
from checklist import Checklist
from receiver import Receiver


def functions():
    """Its public methods; `close` sends nothing."""
    names = [name for name, value in vars(BTCPayClient).items() if callable(value) and not name.startswith("_")]
    return {f"BTCPayClient.{name}" for name in names if name != "close"}


def refusal(error):
    """Status and body behind its error, which keeps them in its cause."""
    response = getattr(error.__cause__, "response", None) if isinstance(error, BTCPayAPIError) else None
    return None if response is None else (response.status_code, response.text)


def run():
    """All functions; the list with what came of them."""
    check = Checklist("btcpay-mcp", functions(), refusal)
    client = BTCPayClient(base_url=sandbox.URL, api_key=sandbox.API_KEY, store_id=sandbox.STORE)
    for name, room in ROOMS.items():
        with check.room(name):
            room(check, client)
    client.close()
    check.end()
    return check


def store_and_node(check, client):
    check.works(client.get_server_info, then=lambda info: info["version"].count(".") == 2 and info["fullySynched"])
    check.works(client.list_stores, then=lambda all: sandbox.STORE in [store["id"] for store in all])
    check.works(client.get_store_info, then=lambda store: store["id"] == sandbox.STORE and store["speedPolicy"])
    check.works(
        client.get_store_payment_methods,
        then=lambda all: {"BTC-CHAIN", "BTC-LN"} <= {method["paymentMethodId"] for method in all},
    )
    check.works(client.get_lightning_info, then=lambda info: info["nodeURIs"] and info["activeChannelsCount"] >= 2)
    check.works(client.get_lightning_balance, then=lambda balance: int(balance["offchain"]["local"]) > 0)
    check.works(client.get_lightning_channels, then=lambda all: all[0]["channelPoint"])
    check.refused(404, "unknown-cryptocode", client.get_lightning_info, "DOGE")
    check.works(client.get_wallet_balance, "BTC-CHAIN", then=lambda wallet: decimal.Decimal(wallet["balance"]) > 0)
    check.works(client.list_wallet_transactions, "BTC-CHAIN", then=lambda all: all and all[0]["transactionHash"])


def invoices(check, client):
    made = check.works(
        client.create_invoice,
        "2.50",
        "USD",
        order_id="A-7",
        item_desc="Tea",
        then=lambda invoice: (
            decimal.Decimal(invoice["amount"]) == decimal.Decimal("2.5")
            and invoice["metadata"] == {"orderId": "A-7", "itemDesc": "Tea"}
        ),
    )
    check.works(
        client.get_invoice, made["id"], then=lambda invoice: invoice["status"] == "New" and invoice["checkoutLink"]
    )
    methods = check.works(client.get_invoice_payment_methods, made["id"], then=lambda all: len(all) == 2)
    bolt11 = next(method["destination"] for method in methods if method["paymentMethodId"] == "BTC-LN")
    sandbox.pay(bolt11)
    sandbox.until("the invoice is settled", lambda: client.get_invoice(made["id"])["status"] == "Settled")
    check.works(
        client.list_invoices,
        status="Settled",
        then=lambda all: all[0]["id"] == made["id"] and {one["status"] for one in all} == {"Settled"},
    )
    check.refused(422, ["Currency"], client.create_invoice, "1", "NOSUCHMONEY")
    check.refused(422, ["Amount"], client.create_invoice, "-1", "USD")
    check.refused(404, "invoice-not-found", client.get_invoice, "unknown")


def payouts(check, client):
    link = check.works(
        client.create_pull_payment,
        "Wages",
        "0.001",
        "BTC",
        description="By the week",
        auto_approve=True,
        payout_methods=["BTC-LN", "BTC-CHAIN"],
        then=lambda made: made["autoApproveClaims"] and decimal.Decimal(made["amount"]) == decimal.Decimal("0.001"),
    )
    check.works(
        client.list_pull_payments, include_archived=True, then=lambda all: link["id"] in [one["id"] for one in all]
    )
    check.works(client.list_payouts, then=lambda all: isinstance(all, list))
    check.refused(422, ["Amount"], client.create_pull_payment, "Nothing", "0")


def webhooks(check, client):
    receiver = Receiver()
    receiver.secret = "a secret of the shop's own"
    hook = check.works(
        client.create_webhook,
        receiver.url,
        events=["InvoiceCreated", "InvoiceSettled"],
        secret=receiver.secret,
        then=lambda made: (
            made["secret"] == receiver.secret
            and made["authorizedEvents"]["specificEvents"] == ["InvoiceCreated", "InvoiceSettled"]
        ),
    )
    check.works(client.list_webhooks, then=lambda all: hook["id"] in [one["id"] for one in all])
    check.refused(422, ["Url"], client.create_webhook, "no address")
    invoice = client.create_invoice("1", "USD")
    event = receiver.wait("invoiceId", invoice["id"], ["InvoiceCreated"])[0]
    check.expect("the event names its webhook", event["webhookId"] == hook["id"])
    receiver.close()


def rooms_that_are_not_there(check, client):
    for function in (client.list_payment_requests, client.create_payment_request, client.get_payment_request):
        check.outside("payment requests", function)
    check.outside("refunds", client.refund_invoice)
    check.outside("rates without a store, which BTCPay 2 doesn't have either", client.get_exchange_rates)


ROOMS = {
    "store and node": store_and_node,
    "invoices": invoices,
    "payouts": payouts,
    "webhooks": webhooks,
    "other rooms": rooms_that_are_not_there,
}
