"""The sandbox of regtest/fuzz-api: things that exist in it, made when they are asked for."""

import functools
import json
import os
import random
import subprocess
import time
import urllib.error
import urllib.request

STORE = os.environ["TOLLWAY_STORE"]
OWN = f"/api/v1/stores/{STORE}"
NODE = "/api/v1/server/lightning/BTC"
WALLET = f"{OWN}/payment-methods/BTC-CHAIN/wallet"
CHANCES = random.Random(1)

# What may come of a request to the sandbox: a refusal, or an answer without what was looked for. What earlier calls did
# to the store, such as archiving it, may forbid a thing for a while.
NOT_NOW = (urllib.error.URLError, TimeoutError, LookupError, TypeError)


def call(method, path, body=None, who="TOLLWAY"):
    """The answer's JSON; raises on an answer that is not 2xx, since every call here is written to succeed."""
    request = urllib.request.Request(
        os.environ[f"{who}_URL"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            # Not TOLLWAY_API_KEY: what is tested may have another one.
            "Authorization": "token " + os.environ[f"{who}_API_KEY"],
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def word():
    return os.urandom(6).hex()  # never twice, whatever the seed


def until(look, seconds=2):
    """The first answer of `look` that is not empty."""
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.05)
    if not found:
        raise LookupError("it does not come")
    return found


def bitcoind(*words):
    """A call to the node of the chain."""
    options = []
    for name in ("HOST", "PORT", "USER", "PASSWORD", "WALLET"):
        options += ["--" + name.lower(), os.environ["BITCOIND_RPC_" + name]]
    command = [os.environ["TOLLWAY_BIN"], "dev", "rpc", *options, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def mine():
    bitcoind("generatetoaddress", "1", bitcoind("getnewaddress"))


def fund(own, coins):
    """So many coins for the wallet of a store, in a block."""
    wallet = f"{own}/payment-methods/BTC-CHAIN/wallet"
    before = len(call("GET", f"{wallet}/utxos"))
    for _ in range(coins):
        bitcoind("sendtoaddress", call("GET", f"{wallet}/address?forceGenerate=true")["address"], "0.01")
    mine()
    until(lambda: len(call("GET", f"{wallet}/utxos")) >= before + coins, 30)


# --- the customer's ---------------------------------------------------------------------------------------------------


def address():
    """One of the customer's: a payout to the shop's own is refused."""
    wallet = f"/api/v1/stores/{os.environ['CUSTOMER_STORE']}/payment-methods/BTC-CHAIN/wallet"
    return call("GET", f"{wallet}/address?forceGenerate=true", who="CUSTOMER")["address"]


def bolt11():
    body = {"amount": "20000", "description": "Fuzz", "expiry": 3600}
    return call("POST", f"{NODE}/invoices", body, who="CUSTOMER")["BOLT11"]


def node_uri():
    return call("GET", f"{NODE}/info", who="CUSTOMER")["nodeURIs"][0]


# --- the shop's -------------------------------------------------------------------------------------------------------


def invoice():
    return call("POST", f"{OWN}/invoices", {"amount": "0.0001", "currency": "BTC"})["id"]


def archived_invoice():
    made = invoice()
    call("DELETE", f"{OWN}/invoices/{made}")
    return made


def pull_payment():
    body = {"name": "Fuzz", "amount": "0.01", "currency": "BTC", "payoutMethods": ["BTC-CHAIN", "BTC-LN"]}
    return call("POST", f"{OWN}/pull-payments", body)["id"]


def claim():
    pull = pull_payment()
    body = {"destination": address(), "amount": "0.0001", "payoutMethodId": "BTC-CHAIN"}
    return pull, call("POST", f"/api/v1/pull-payments/{pull}/payouts", body)["id"]


def payout(approved=False, method="BTC-CHAIN"):
    where = address() if method == "BTC-CHAIN" else bolt11()
    body = {"destination": where, "payoutMethodId": method, "approved": approved}
    if method == "BTC-CHAIN":
        body["amount"] = "0.0001"
    return call("POST", f"{OWN}/payouts", body)["id"]


def send_at_once(own):
    sender = f"{own}/payout-processors/OnChainAutomatedPayoutSenderFactory/BTC-CHAIN"
    call("PUT", sender, {"intervalSeconds": 60, "processNewPayoutsInstantly": True})


def fund_shop():
    """Coins for a run, and a sender that does not wait."""
    fund(OWN, 30)
    send_at_once(OWN)


def sent_payout():
    """One whose transaction waits for a block."""
    send_at_once(OWN)
    made = payout(approved=True)
    until(lambda: call("GET", f"{OWN}/payouts/{made}")["state"] == "InProgress")
    return made


def webhook():
    url = f"{os.environ['TOLLWAY_URL']}/hook-that-is-not-there/{word()}"
    return call("POST", f"{OWN}/webhooks", {"url": url, "authorizedEvents": {"everything": True}})["id"]


def delivery():
    made = webhook()
    invoice()  # something to tell
    found = until(lambda: call("GET", f"{OWN}/webhooks/{made}/deliveries"))
    return made, found[0]["id"]


def user():
    body = {"email": f"{word()}@fuzz.example", "password": "correct horse " + word()}
    return call("POST", "/api/v1/users", body)["id"]


def member():
    made = user()
    call("POST", f"{OWN}/users", {"id": made, "storeRole": "Guest"})
    return made


def key():
    return call("POST", "/api/v1/api-keys", {"label": "fuzz", "permissions": ["btcpay.store.canviewinvoices"]})["apiKey"]


def key_of_user():
    made = user()
    body = {"label": "fuzz", "permissions": ["unrestricted"]}
    return made, call("POST", f"/api/v1/users/{made}/api-keys", body)["apiKey"]


def store():
    return call("POST", "/api/v1/stores", {"name": "Fuzz " + word()})["id"]


def lightning_invoice():
    body = {"amount": "1000", "description": "Fuzz", "expiry": 600}
    return call("POST", f"{OWN}/lightning/BTC/invoices", body)["id"]


def lightning_payment():
    return call("POST", f"{NODE}/invoices/pay", {"BOLT11": bolt11()})["paymentHash"]


def kept_back(signed):
    """A transaction that is not sent: in hex, or as a PSBT to be signed."""
    body = {
        "destinations": [{"destination": address(), "amount": "0.0001"}],
        "proceedWithBroadcast": False,
        "signWithSeed": signed,
    }
    made = call("POST", f"{WALLET}/transactions", body)
    return made if signed else made["psbt"]


def once(make):
    """What it makes is made once; if it can't be made nobody waits for it again."""

    @functools.cache
    def outcome():
        try:
            return make(), None
        except NOT_NOW as error:
            return None, error

    def made():
        found, error = outcome()
        if error is not None:
            raise error
        return found

    return made


@once
def watched():
    """A store whose wallet's keys are its owner's alone, and what its wallet is."""
    made = store()
    own = f"/api/v1/stores/{made}"
    call("POST", f"{own}/payment-methods/BTC-CHAIN/wallet/generate", {})
    fund(own, 8)
    send_at_once(own)
    return made, call("GET", f"{own}/payment-methods/BTC-CHAIN?includeConfig=true")["config"]["derivationScheme"]


def draft():
    """A transaction that waits for its owner's signature, and whose."""
    of, _ = watched()
    own = f"/api/v1/stores/{of}"

    def waiting():
        drafts = call("GET", f"{own}/payment-methods/BTC-CHAIN/wallet/drafts")
        return [one["id"] for one in drafts if one["psbt"]]

    if not waiting():
        body = {"destination": address(), "amount": "0.0001", "payoutMethodId": "BTC-CHAIN", "approved": True}
        call("POST", f"{own}/payouts", body)
    return of, until(waiting)[0]


def reserved_address():
    return call("GET", f"{WALLET}/address")["address"]


def transaction():
    return call("GET", f"{WALLET}/transactions")[0]["transactionHash"]


def wallet_object():
    """Two that are linked with one another: type and id of both."""
    one, other = {"type": "fuzz", "id": word()}, {"type": "label", "id": word()}
    for each in (one, other):
        call("POST", f"{WALLET}/objects", each)
    call("POST", f"{WALLET}/objects/{one['type']}/{one['id']}/links", other)
    return one["type"], one["id"], other["type"], other["id"]


def stranger():
    """A key of somebody who is a guest of the store."""
    made = member()
    body = {"label": "guest", "permissions": ["unrestricted"]}
    return call("POST", f"/api/v1/users/{made}/api-keys", body)["apiKey"]


def limited():
    """A key of the owner that may read invoices and nothing else."""
    return key()


if __name__ == "__main__":  # sandbox.py NAME: makes one and prints what it is
    import sys

    print(globals()[sys.argv[1]]())
