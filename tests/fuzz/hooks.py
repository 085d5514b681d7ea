"""Hooks of regtest/fuzz-api: what schemathesis generates gets ids of things that exist, and members that stand for
something of the world: invoices of another node, addresses, nodes, e-mail addresses that are not taken.

Things are made anew now and then, since the calls change and delete what they reach, and for each call that needs them
fresh. The sandbox's own store and its owner's key stay: what would delete them gets one made for it.
"""

import atexit
import os
from pathlib import Path

import schemathesis

import sandbox
from sandbox import CHANCES, NOT_NOW, STORE, word

# What stands before an id in a path, and how to get one; a tuple where several ids belong together.
MAKERS = {
    "invoices/{id}": sandbox.invoice,
    "pull-payments/{id}": sandbox.pull_payment,
    "pull-payments/{id}/payouts/{payout}": sandbox.claim,
    "payouts/{id}": sandbox.payout,
    "webhooks/{id}": sandbox.webhook,
    "webhooks/{id}/deliveries/{delivery}": sandbox.delivery,
    "users/{user}": sandbox.member,
    "users/{user}/api-keys": sandbox.user,
    "users/{user}/api-keys/{apikey}": sandbox.key_of_user,
    "api-keys/{apikey}": sandbox.key,
    "invoices/{hash}": sandbox.lightning_invoice,
    "payments/{hash}": sandbox.lightning_payment,
    "stores/{store}/payment-methods/{method}/wallet/drafts/{draft}": sandbox.draft,
    "transactions/{txid}": sandbox.transaction,
    "objects/{type}/{id}": sandbox.wallet_object,
    "objects/{type}/{id}/links/{linkType}/{linkId}": sandbox.wallet_object,
    # These need one in a certain state.
    "invoices/{id}/unarchive": sandbox.archived_invoice,
    "payouts/{id}/bump": sandbox.sent_payout,
    "payouts/{id}/retry": lambda: sandbox.payout(approved=True),
    "wallet/address": sandbox.reserved_address,
    "payouts/{id}/mark-paid": lambda: sandbox.payout(approved=True),
}

# What these do to a thing can be done once.
ONCE = ("unarchive", "mark-paid", "mark", "status")

kept = {}
uses = {}


def get(kind, fresh):
    uses[kind] = uses.get(kind, 0) + 1
    if fresh or kind not in kept or uses[kind] % 20 == 0:
        try:
            kept[kind] = MAKERS[kind]()
        except NOT_NOW:
            kept.setdefault(kind, word())
    return kept[kind]


def changes_store(path, method):
    """It may take away what the other calls need: the store, its wallet, its payment methods."""
    ends = ("{store}", "{method}", "/wallet/generate")
    return method in ("PUT", "DELETE", "POST") and path.endswith(ends) and "processors" not in path


def existing(path, method):
    """Ids of things that exist, for the parameters of a path."""
    values = {"crypto": "BTC", "rateSource": CHANCES.choice(["primary", "fallback"])}
    if "{store}" in path:
        values["store"] = made_store() if changes_store(path, method) else STORE
    values["method"] = "BTC" if "/onchain/" in path else CHANCES.choice(["BTC-CHAIN", "BTC-LN"])
    if "/wallet" in path:
        values["method"] = "BTC-CHAIN"
    chain = values["method"] != "BTC-LN"
    values["factory"] = ("OnChain" if chain else "Lightning") + "AutomatedPayoutSenderFactory"
    fresh = method == "DELETE" or path.endswith(ONCE) or (method == "POST" and path.endswith("payouts/{id}"))
    kinds = [kind for kind in MAKERS if kind in path]
    if kinds:
        kind = max(kinds, key=len)
        names = [part[1:-1] for part in kind.split("/") if part.startswith("{") and part != "{method}"]
        made = get(kind, fresh)
        values.update(zip(names, made if isinstance(made, tuple) else (made,), strict=False))
    return values


def made_store():
    try:
        return sandbox.store()
    except NOT_NOW:
        return word()


# --- bodies -----------------------------------------------------------------------------------------------------------

CURRENCIES = ["BTC", "SATS", "EUR", "USD"]
SCRIPTS = [
    "X_X = fixed(X_X);",
    "// half\nBTC_EUR = fixed(BTC_USD) * 0.9;\nX_X = fixed(X_X) / 2;",
    "BTC_USD = (fixed(BTC_USD) + fixed(BTC_EUR)) / 2; EUR_USD = 1.1; X_USD = X_BTC * BTC_USD; X_BTC = fixed(X_BTC)",
]
WORDS = "abandon " * 11 + "about"


def where(body):
    return sandbox.bolt11() if body.get("payoutMethodId") == "BTC-LN" else sandbox.address()


def coins(_):
    found = sandbox.call("GET", f"{sandbox.WALLET}/utxos")
    return [one["outpoint"] for one in found if not one["locked"]][:2]


# Members of bodies, and what they hold if it is to mean something.
MEMBERS = {
    "BOLT11": lambda _: sandbox.bolt11(),
    "additionalTrackedRates": lambda _: CHANCES.sample(CURRENCIES, 2),
    "amount": lambda _: CHANCES.choice(["0.0001", 0.0002, "20000", 21000, "1"]),
    "channelAmount": lambda _: CHANCES.choice([20000, "25000"]),
    "currency": lambda _: CHANCES.choice(CURRENCIES),
    "currencyCode": lambda _: CHANCES.choice(CURRENCIES),
    "defaultCurrency": lambda _: CHANCES.choice(CURRENCIES),
    "destination": where,
    "destinations": lambda _: [{"destination": sandbox.address(), "amount": "0.0001"}],
    "derivationScheme": lambda _: sandbox.watched()[1],
    "effectiveScript": lambda _: CHANCES.choice(SCRIPTS),
    "email": lambda _: f"{word()}@fuzz.example",
    "existingMnemonic": lambda _: CHANCES.choice([None, WORDS]),
    "expiresAt": lambda _: 4_000_000_000,
    "id": lambda _: sandbox.user(),
    "invoiceId": lambda _: sandbox.invoice(),
    "maxFeeFlat": lambda _: CHANCES.choice([None, 0, "1000"]),
    "metadata": lambda _: {"orderId": word(), "itemDesc": "Fuzz"},
    "nodeURI": lambda _: sandbox.node_uri(),
    "permissions": lambda _: ["btcpay.store.canviewinvoices", "btcpay.store.cancreateinvoice"],
    "preferredSource": lambda _: "fixed",
    "pullPaymentId": lambda _: CHANCES.choice([None, sandbox.pull_payment()]),
    "rateRule": lambda _: CHANCES.choice([None, "1.5", "fixed(BTC_USD)"]),
    "revision": lambda _: 0,
    "savePrivateKeys": lambda body: body.get("existingMnemonic") is None and body.get("passphrase") is None,
    "scriptPubKeyType": lambda _: CHANCES.choice(["Segwit", "SegwitP2SH", "TaprootBIP86"]),
    "selectedInputs": coins,
    "sendTimeout": lambda _: CHANCES.choice([0, 1]),
    "startsAt": lambda _: CHANCES.choice([None, 1_700_000_000]),
    "transaction": lambda _: sandbox.kept_back(True),
    "url": lambda _: f"{os.environ['TOLLWAY_URL']}/hook-that-is-not-there/{word()}",
    "wordCount": lambda _: CHANCES.choice([12, 24]),
    "feerate": lambda _: CHANCES.choice([1, 2.5]),
    "wordList": lambda _: "English",
}


def fill(path, body):
    for name, value in MEMBERS.items():
        if name in body and CHANCES.random() < 0.75 and not ("objects" in path and name == "id"):
            try:
                body[name] = value(body)
            except NOT_NOW:
                pass
    if path.endswith("{method}") and "config" in body and "processors" not in path:
        body["config"] = CHANCES.choice([{"derivationScheme": sandbox.watched()[1]}, "Internal Node"])


@schemathesis.hook
def before_call(context, case, kwargs):
    """Most parameters of a path become ids of things that exist, and most bodies that keep to the schema mean something;
    the rest stays as it was generated."""
    method, path = case.operation.method.upper(), case.operation.path
    if case.method.upper() != method:
        return  # to see that it is refused
    if case.path_parameters and CHANCES.random() < 0.85:
        found = existing(path, method)
        for name in case.path_parameters:
            if name in found and CHANCES.random() < 0.95:
                case.path_parameters[name] = found[name]
    if case.path_parameters and case.path_parameters.get("apikey") == os.environ["TOLLWAY_API_KEY"]:
        case.path_parameters["apikey"] = word()  # it was told in an answer; without it nothing goes on
    wrong = case.meta is not None and case.meta.generation.mode.is_negative
    if isinstance(case.body, dict) and not wrong:
        fill(path, case.body)
    if case.headers and "Idempotency-Key" in case.headers and not wrong and CHANCES.random() < 0.7:
        case.headers["Idempotency-Key"] = word()


# --- how far it reached -----------------------------------------------------------------------------------------------

asked = {}


@schemathesis.hook
def after_call(context, case, response):
    name = case.operation.definition.raw.get("operationId", case.operation.label)
    seen = asked.setdefault(name, set())
    if case.method.upper() == case.operation.method.upper():
        seen.add(response.status_code)
    if REPORT is not None and response.status_code in (400, 404, 422) and len(REPORT) < 200_000:
        REPORT.append((case.operation.label, response.status_code, response.content[:200].decode(errors="replace")))


REPORT = [] if "FUZZ_REPORT" in os.environ else None


@atexit.register
def tell():
    never = sorted(name for name, seen in asked.items() if not any(status < 300 for status in seen))
    print(f"{len(asked) - len(never)} of {len(asked)} operations answered a success.", end=" ")
    print("Never: " + ", ".join(never) if never else "")
    if REPORT is not None:
        Path(os.environ["FUZZ_REPORT"]).write_text("\n".join(map(repr, REPORT)))
