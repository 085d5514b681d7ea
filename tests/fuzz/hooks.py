"""Hooks of regtest/fuzz-api: puts ids of things that exist into most of the paths that schemathesis generates.

Every tenth use of a kind gets a thing made anew, since the calls change and delete what they reach. The sandbox's own
store and its owner's key stay: what would delete them gets one made for it.
"""

import json
import os
import random
import urllib.error
import urllib.request

import schemathesis

STORE = os.environ["TOLLWAY_STORE"]
OWN = f"/api/v1/stores/{STORE}"
WALLET = f"{OWN}/payment-methods/BTC-CHAIN/wallet"
CHANCES = random.Random(1)


def call(method, path, body=None, who="TOLLWAY"):
    """The answer's JSON; raises on an answer that is not 2xx, since every other call here is written to succeed."""
    request = urllib.request.Request(
        os.environ[f"{who}_URL"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "token " + os.environ[f"{who}_API_KEY"],
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def word():
    return f"{CHANCES.getrandbits(48):012x}"


def address():
    """One of the customer's: a payout to the shop's own is refused."""
    wallet = f"/api/v1/stores/{os.environ['CUSTOMER_STORE']}/payment-methods/BTC-CHAIN/wallet"
    return call("GET", f"{wallet}/address?forceGenerate=true", who="CUSTOMER")["address"]


def invoice():
    return call("POST", f"{OWN}/invoices", {"amount": "0.0001", "currency": "BTC"})["id"]


def pull_payment():
    body = {"name": "Fuzz", "amount": "0.01", "currency": "BTC", "payoutMethods": ["BTC-CHAIN", "BTC-LN"]}
    return call("POST", f"{OWN}/pull-payments", body)["id"]


def payout():
    approved = CHANCES.random() < 0.3
    body = {"destination": address(), "amount": "0.0001", "payoutMethodId": "BTC-CHAIN", "approved": approved}
    return call("POST", f"{OWN}/payouts", body)["id"]


def webhook():
    url = f"{os.environ['TOLLWAY_URL']}/hook-that-is-not-there/{word()}"
    made = call("POST", f"{OWN}/webhooks", {"url": url, "authorizedEvents": {"everything": True}})
    invoice()  # something to deliver
    return made["id"]


def delivery(webhook_id):
    try:
        found = call("GET", f"{OWN}/webhooks/{webhook_id}/deliveries")
    except urllib.error.URLError:  # it has been deleted
        found = []
    return found[0]["id"] if found else word()


def user():
    return call("POST", "/api/v1/users", {"email": f"{word()}@fuzz.example", "password": "correct horse " + word()})["id"]


def key():
    return call("POST", "/api/v1/api-keys", {"label": "fuzz", "permissions": ["btcpay.store.canviewinvoices"]})["apiKey"]


def store():
    return call("POST", "/api/v1/stores", {"name": "Fuzz " + word()})["id"]


def lightning_invoice():
    body = {"amount": "1000", "description": "Fuzz", "expiry": 600}
    return call("POST", f"{OWN}/lightning/BTC/invoices", body)["id"]


def draft():
    body = {
        "destinations": [{"destination": address(), "amount": "0.0001"}],
        "proceedWithBroadcast": False,
    }
    call("POST", f"{WALLET}/transactions", body)
    found = call("GET", f"{WALLET}/drafts")
    return found[0]["id"] if found else word()


def transaction():
    return call("GET", f"{WALLET}/transactions")[0]["transactionHash"]


# What stands before an id in a path, and how to get one.
MAKERS = {
    "invoices/{id}": invoice,
    "pull-payments/{id}": pull_payment,
    "payouts/{id}": payout,
    "payouts/{payout}": payout,
    "webhooks/{id}": webhook,
    "users/{user}": user,
    "api-keys/{apikey}": key,
    "invoices/{hash}": lightning_invoice,
    "payments/{hash}": lightning_invoice,
    "drafts/{draft}": draft,
    "transactions/{txid}": transaction,
}
METHODS = ["BTC-CHAIN", "BTC-LN", "BTC-LNURL", "BTC"]
FACTORIES = ["OnChainAutomatedPayoutSenderFactory", "LightningAutomatedPayoutSenderFactory"]
kept = {}
uses = {}


def get(kind):
    uses[kind] = uses.get(kind, 0) + 1
    if kind not in kept or uses[kind] % 10 == 0:
        try:
            kept[kind] = MAKERS[kind]()
        except (urllib.error.URLError, LookupError):
            # What the calls did to the store (its wallet deleted, say) may forbid it for a while.
            kept.setdefault(kind, word())
    return kept[kind]


def changes_store(path, method):
    """It may take away what the other calls need: the store, its wallet, its payment methods."""
    ends = ("{store}", "{method}", "/wallet/generate")
    return method in ("PUT", "DELETE", "POST") and path.endswith(ends) and "processors" not in path


def known(path, method, name):
    """A value that exists for this parameter, or None."""
    segments = path.strip("/").split("/")
    before = segments[segments.index("{" + name + "}") - 1]
    kind = f"{before}/{{{name}}}"
    if name == "store":
        return store() if changes_store(path, method) else STORE
    if kind in MAKERS:
        return get(kind)
    if name == "crypto":
        return "BTC"
    if name in ("method", "pm"):
        return "BTC-CHAIN" if "/wallet" in path else CHANCES.choice(METHODS)
    if name == "factory":
        return CHANCES.choice(FACTORIES)
    if name == "delivery":
        return delivery(get("webhooks/{id}"))
    if name == "rateSource":
        return CHANCES.choice(["primary", "fallback"])
    if name == "type":
        return CHANCES.choice(["tx", "address", "utxo", "label"])
    return None


@schemathesis.hook
def before_call(context, case, kwargs):
    """Three of four parameters of a path become known ids; the rest stay as they were generated."""
    operation = case.operation
    method = operation.method.upper()
    for name in list(case.path_parameters or {}):
        if CHANCES.random() < 0.75:
            value = known(operation.path, method, name)
            if value is not None:
                case.path_parameters[name] = value
