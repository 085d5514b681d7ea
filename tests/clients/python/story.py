"""One shop by pygreenfield: a store, its key, its webhook, payments in, and payments out with their proofs."""

import decimal
import hashlib
import json
import time

import pygreenfield as g

import greenfield_client
import sandbox
from receiver import Receiver

LIGHTNING_EVENTS = [
    "InvoiceCreated",
    "InvoicePaymentSettled",
    "InvoiceReceivedPayment",
    "InvoiceProcessing",
    "InvoiceSettled",
]
CHAIN_EVENTS = [
    "InvoiceCreated",
    "InvoiceReceivedPayment",
    "InvoiceProcessing",
    "InvoicePaymentSettled",
    "InvoiceSettled",
]
PAYOUT_EVENTS = ["PayoutCreated", "PayoutApproved", "PayoutUpdated", "PayoutUpdated"]
PAYOUT_STATES = ["AwaitingApproval", "AwaitingPayment", "InProgress", "Completed"]
RIGHTS = (
    "cancreateinvoice",
    "canviewinvoices",
    "webhooks.canmodifywebhooks",
    "cancreatepullpayments",
    "canmanagepayouts",
)


def run(check):
    """Tells it; what isn't so counts as a failure of `check`."""
    with check.room("the story"):
        Story(check).tell()


class Story:
    """The people and things of it."""

    def __init__(self, check):
        self.check = check
        self.owner = greenfield_client.caller(sandbox.URL, sandbox.API_KEY)
        self.customer = greenfield_client.caller(sandbox.CUSTOMER_URL, sandbox.CUSTOMER_API_KEY)
        self.receiver = Receiver()

    def tell(self):
        self.open_store()
        self.make_key()
        self.add_webhook()
        self.sell("BTC-LN", LIGHTNING_EVENTS)
        self.sell("BTC-CHAIN", CHAIN_EVENTS)
        self.offer()
        self.pay_out("BTC-LN")
        self.pay_out("BTC-CHAIN")
        self.receiver.close()

    def step(self, words, *facts):
        """A step is done if everything about it is so."""
        for number, fact in enumerate(facts, 1):
            assert fact, f"{words}: fact {number}"
        print(f"story: {words} … ok", flush=True)

    def open_store(self):
        body = g.StoreBaseData(name="Corner shop", default_currency="USD", speed_policy="MediumSpeed")
        self.store = self.owner.StoresApi.api_v1_stores_post(body).id
        senders = self.owner.StoresPayoutProcessorsApi
        every = {"intervalSeconds": 60, "processNewPayoutsInstantly": True}
        senders.greenfield_store_automated_lightning_payout_processors_controller_update_store_lightning_automated_payout_processor(
            every, self.store, "BTC-LightningNetwork", _preload_content=False
        )
        senders.greenfield_store_automated_on_chain_payout_processors_controller_update_store_on_chain_automated_payout_processor_0(
            every, self.store, "BTC", _preload_content=False
        )
        self.step("a store that pays what is approved", self.store)

    def make_key(self):
        rights = [f"btcpay.store.{right}:{self.store}" for right in RIGHTS]
        key = self.owner.APIKeysApi.api_v1_api_keys_post(
            body=g.V1ApikeysBody(label="corner shop", permissions=rights)
        ).api_key
        self.shop = greenfield_client.caller(sandbox.URL, key)
        self.check.refused(403, "missing-permission", self.shop.InvoicesApi.invoices_get_invoices, sandbox.STORE)
        self.step("a key for this store alone", self.shop.InvoicesApi.invoices_get_invoices(self.store) == [])

    def add_webhook(self):
        self.receiver.secret = "what only the shop and the gateway know"
        body = g.WebhookDataCreate(
            url=self.receiver.url,
            secret=self.receiver.secret,
            enabled=True,
            automatic_redelivery=True,
            authorized_events=g.WebhookDataBaseAuthorizedEvents(everything=True, specific_events=[]),
        )
        hook = self.shop.WebhooksApi.api_v1_stores_store_id_webhooks_post(body, self.store)
        self.hook = greenfield_client.webhook_id(self.shop, self.store, self.receiver.url)
        self.step("a webhook with a secret of ours", hook.secret == self.receiver.secret)

    def sell(self, rail, events):
        api, order = self.shop.InvoicesApi, f"story-{time.time_ns()}"
        body = g.CreateInvoiceRequest(amount="25.00", currency="USD", metadata={"orderId": order})
        invoice = api.invoices_create_invoice(body, self.store)
        method = next(
            one
            for one in api.invoices_get_invoice_payment_methods(self.store, invoice.id)
            if one.payment_method == rail
        )
        due = decimal.Decimal(method.due)
        self.step(f"an invoice over 25 USD, to be paid over {rail}", invoice.status == "New", due > 0)

        state = lambda: api.invoices_get_invoice(self.store, invoice.id).status
        if rail == "BTC-LN":
            sandbox.pay(method.destination)
        else:
            sandbox.pay(method.destination, int(due * 100_000_000))
            sandbox.until("the payment is seen", lambda: state() == "Processing")
            sandbox.mine()
        sandbox.until("the invoice is settled", lambda: state() == "Settled")
        paid = next(
            one
            for one in api.invoices_get_invoice_payment_methods(self.store, invoice.id)
            if one.payment_method == rail
        )
        self.step(
            "the customer has paid, and it is settled",
            decimal.Decimal(paid.due) == 0,
            [(payment.status, decimal.Decimal(payment.value)) for payment in paid.payments] == [("Settled", due)],
        )

        told = self.receiver.wait("invoiceId", invoice.id, events)
        named = {event["type"]: event for event in told}
        payment = named["InvoiceReceivedPayment"]
        self.step(
            f"signed webhooks in this order: {', '.join(events)}",
            all(self.first_delivery(event) and event["metadata"]["orderId"] == order for event in told),
            payment["paymentMethodId"] == payment["paymentMethod"] == rail,
            payment["payment"]["id"] == paid.payments[0].id and payment["afterExpiration"] is False,
            decimal.Decimal(payment["payment"]["value"]) == due,
            named["InvoiceProcessing"]["overPaid"] is False,
            named["InvoiceSettled"]["overPaid"] is False and named["InvoiceSettled"]["manuallyMarked"] is False,
        )

    def first_delivery(self, event):
        """The envelope of an event that was sent once."""
        return (
            event["deliveryId"] == event["originalDeliveryId"]
            and event["isRedelivery"] is False
            and (event["webhookId"], event["storeId"]) == (self.hook, self.store)
            and abs(event["timestamp"] - time.time()) < 300
        )

    def offer(self):
        body = g.StoreIdPullpaymentsBody(
            name="Takings",
            amount="50000",
            currency="SATS",
            payment_methods=["BTC", "BTC-LightningNetwork"],
            bolt11_expiration="0",
        )
        link = self.shop.PullPaymentsManagementApi.pull_payments_create_pull_payment(self.store, body=body)
        self.link = link.id
        self.step("a pull payment over 50,000 sat", link.view_link.endswith(f"/pull-payments/{link.id}"))

    def pay_out(self, rail):
        # Whoever claims is a store of the customer's gateway: its invoice shows that the money has arrived.
        body = g.CreateInvoiceRequest(amount="20000", currency="SATS")
        theirs = self.customer.InvoicesApi
        wanted = theirs.invoices_create_invoice(body, sandbox.CUSTOMER_STORE).id
        methods = theirs.invoices_get_invoice_payment_methods(sandbox.CUSTOMER_STORE, wanted)
        destination = next(one.destination for one in methods if one.payment_method == rail)

        stranger = greenfield_client.caller(sandbox.URL)
        claim = g.CreatePayoutRequest(destination=destination, amount="20000", payment_method=rail)
        payout = stranger.PullPaymentsPublicApi.pull_payments_create_payout(claim, self.link)
        self.step(f"a claim over 20,000 sat by somebody without a key, over {rail}", payout.state == "AwaitingApproval")

        api = self.shop.StoresPayoutsApi
        approved = api.pull_payments_approve_payout(
            self.store, payout.id, body=g.PayoutsPayoutIdBody(revision=payout.revision)
        )
        self.step("the shop approves", decimal.Decimal(approved.payment_method_amount) == decimal.Decimal("0.0002"))

        read = lambda: json.loads(
            stranger.PullPaymentsPublicApi.pull_payments_get_payout(self.link, payout.id, _preload_content=False).data
        )
        if rail == "BTC-CHAIN":
            sandbox.until("the transaction is sent", lambda: read()["state"] == "InProgress" and read()["paymentProof"])
            settled = lambda: sandbox.mine() and read()["state"] == "Completed"
        else:
            settled = lambda: read()["state"] == "Completed"
        sandbox.until("the payout is completed", settled)
        arrived = lambda: theirs.invoices_get_invoice(sandbox.CUSTOMER_STORE, wanted).status == "Settled"
        sandbox.until("the money has arrived", arrived)
        methods = theirs.invoices_get_invoice_payment_methods(sandbox.CUSTOMER_STORE, wanted)
        arrival = next(one for one in methods if one.payment_method == rail).payments[0].id
        proof = read()["paymentProof"]
        if rail == "BTC-LN":
            digest = hashlib.sha256(bytes.fromhex(proof["preimage"])).hexdigest()
            proven = proof["proofType"] == "PayoutLightningBlob" and digest == proof["paymentHash"] == arrival
        else:
            proven = proof["proofType"] == "PayoutTransactionOnChainBlob" and arrival.startswith(proof["id"])
        self.step("it is paid, and the proof is what the customer received", proven)

        told = self.receiver.wait("payoutId", payout.id, PAYOUT_EVENTS)
        self.step(
            f"signed webhooks in this order: {', '.join(PAYOUT_EVENTS)}",
            [event["payoutState"] for event in told] == PAYOUT_STATES,
            all(self.first_delivery(event) and event["pullPaymentId"] == self.link for event in told),
        )
