"""Each function of btcpay-python-sdk (invoices and pull payments) against the sandbox."""

import decimal

import btcpay
import requests
from btcpay.resources import Invoices, PullPayments

import sandbox
from checklist import Checklist

ADDRESS = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry"  # BIP-173's script, on regtest


def functions():
    """Its class methods."""
    return {
        f"{api.__name__}.{name}"
        for api in (Invoices, PullPayments)
        for name, value in vars(api).items()
        if isinstance(value, classmethod)
    }


def refusal(error):
    """Status and body of an error that the server answered."""
    return (error.response.status_code, error.response.text) if isinstance(error, requests.HTTPError) else None


def run():
    """All functions; the list with what came of them."""
    btcpay.api_key, btcpay.store_id, btcpay.host_url = sandbox.API_KEY, sandbox.STORE, f"{sandbox.URL}/"
    check = Checklist("btcpay-python-sdk", functions(), refusal)
    for name, room in (("invoices", invoices), ("pull payments", pull_payments)):
        with check.room(name):
            room(check)
    check.end()
    return check


def invoices(check):
    made = check.works(
        Invoices.create_invoice,
        amount=3,
        currency="EUR",
        metadata={"orderId": "B-1"},
        then=lambda invoice: invoice["currency"] == "EUR",
    )
    check.works(Invoices.get_invoices, then=lambda all: all[0]["id"] == made["id"])
    check.works(Invoices.get_invoice, made["id"], then=lambda invoice: decimal.Decimal(invoice["amount"]) == 3)
    check.works(
        Invoices.get_invoice_payment_methods,
        made["id"],
        accounted=False,
        then=lambda all: {method["cryptoCode"] for method in all} == {"BTC"},
    )
    check.works(Invoices.activate_payment_method, made["id"], "BTC_LightningLike")
    check.works(
        Invoices.update_invoice,
        made["id"],
        {"metadata": {"orderId": "B-2"}},
        then=lambda invoice: invoice["metadata"]["orderId"] == "B-2",
    )
    check.works(Invoices.archive_invoice, made["id"])
    check.works(Invoices.unarchive_invoice, made["id"], then=lambda invoice: invoice["archived"] is False)
    # It writes the state in lower case.
    check.works(
        Invoices.mark_invoice_status,
        made["id"],
        "invalid",
        then=lambda invoice: (invoice["status"], invoice["additionalStatus"]) == ("Invalid", "Marked"),
    )


def pull_payments(check):
    link = check.works(
        PullPayments.create_pull_payment,
        name="Tips",
        amount="0.0005",
        currency="btc",
        then=lambda made: made["currency"] == "BTC",
    )
    check.works(
        PullPayments.get_pull_payments, include_archived=True, then=lambda all: link["id"] in [one["id"] for one in all]
    )
    check.works(PullPayments.get_pull_payment, link["id"], then=lambda read: read["name"] == "Tips")
    claim = check.works(
        PullPayments.create_pull_payment_payout,
        link["id"],
        destination=ADDRESS,
        amount=0.0002,
        paymentMethod="BTC",
        then=lambda made: decimal.Decimal(made["amount"]) == decimal.Decimal("0.0002") and made["cryptoCode"] == "BTC",
    )
    check.works(
        PullPayments.get_pull_payment_payout,
        link["id"],
        claim["id"],
        then=lambda read: read["state"] == "AwaitingApproval",
    )
    check.works(PullPayments.archive_pull_payment, link["id"])
    check.refused(404, "payout-not-found", PullPayments.get_pull_payment_payout, link["id"], claim["id"])
    check.works(PullPayments.get_pull_payment_payouts, link["id"], include_canceled=True, then=lambda all: all == [])
