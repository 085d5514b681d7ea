"""pygreenfield's functions around money: the node, the wallet, what goes out."""

import decimal
import hashlib
import json

import pygreenfield as g

import sandbox

BTC = "BTC"
ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"  # BIP-173's key, on regtest
LIGHTNING = "LightningAutomatedTransferSenderFactory"
CHAIN = "OnChainAutomatedTransferSenderFactory"


def node_of_server(check, shop, customer):
    api = shop.LightningInternalNodeApi
    node(
        check,
        customer,
        {
            "info": api.internal_lightning_node_api_get_info,
            "balance": api.internal_lightning_node_api_get_balance,
            "channels": api.internal_lightning_node_api_get_channels,
            "address": api.internal_lightning_node_api_get_deposit_address,
            "connect": api.internal_lightning_node_api_connect_to_node,
            "open": api.internal_lightning_node_api_open_channel,
            "create": api.internal_lightning_node_api_create_invoice,
            "invoice": api.internal_lightning_node_api_get_invoice,
            "pay": api.internal_lightning_node_api_pay_invoice,
            "payment": api.internal_lightning_node_api_get_payment,
        },
        crypto_code=BTC,
    )


def node_of_store(check, shop, customer):
    api = shop.LightningStoreApi
    node(
        check,
        customer,
        {
            "info": api.store_lightning_node_api_get_info,
            "balance": api.store_lightning_node_api_get_balance,
            "channels": api.store_lightning_node_api_get_channels,
            "address": api.store_lightning_node_api_get_deposit_address,
            "connect": api.store_lightning_node_api_connect_to_node,
            "open": api.store_lightning_node_api_open_channel,
            "create": api.store_lightning_node_api_create_invoice,
            "invoice": api.store_lightning_node_api_get_invoice,
            "pay": api.store_lightning_node_api_pay_invoice,
            "payment": api.store_lightning_node_api_get_payment,
        },
        crypto_code=BTC,
        store_id=sandbox.STORE,
    )


def node(check, customer, api, **where):
    """A Lightning node, by either of its two paths: money in, money out, and one channel more."""
    check.works(api["info"], **where, then=lambda info: info.node_ur_is and info.block_height > 100)
    check.works(api["balance"], **where, then=lambda balance: int(balance.offchain.local) > 0)
    before = check.works(api["channels"], **where, then=lambda all: any(channel.is_active for channel in all))
    check.works(api["address"], **where, then=lambda address: address.startswith("bcrt1"))

    body = g.CreateLightningInvoiceRequest(amount="21000000", description="Tea", expiry=600, private_route_hints=False)
    invoice = check.works(
        api["create"], body, **where, then=lambda made: made.status == "Unpaid" and made.bolt11.startswith("lnbcrt")
    )
    sandbox.pay(invoice.bolt11)
    paid = lambda: (read := api["invoice"](id=invoice.id, **where)).status == "Paid" and read
    sandbox.until("the invoice is paid", paid)
    check.works(
        api["invoice"],
        id=invoice.id,
        **where,
        then=lambda read: read.status == "Paid" and read.amount_received == "21000000" and read.paid_at,
    )

    theirs = customer.LightningStoreApi.store_lightning_node_api_create_invoice(body, BTC, sandbox.CUSTOMER_STORE)
    request = g.PayLightningInvoiceRequest(bolt11=theirs.bolt11, max_fee_percent="1")
    payment = check.works(
        api["pay"],
        request,
        **where,
        then=lambda made: (
            made.status == "Complete" and hashlib.sha256(bytes.fromhex(made.preimage)).hexdigest() == made.payment_hash
        ),
    )
    check.works(
        api["payment"], payment_hash=payment.payment_hash, **where, then=lambda read: read.preimage == payment.preimage
    )
    check.works(api["pay"], request, **where, then=lambda again: again.preimage == payment.preimage)
    check.refused(422, ["BOLT11"], api["pay"], {"BOLT11": "lnbcrt1nothing"}, **where)
    check.refused(404, "payment-not-found", api["payment"], payment_hash="00" * 32, **where)
    check.refused(404, "invoice-not-found", api["invoice"], id="00" * 32, **where)

    uri = customer.LightningInternalNodeApi.internal_lightning_node_api_get_info(BTC).node_ur_is[0]
    check.works(api["connect"], {"nodeURI": uri}, **where)
    check.works(api["open"], {"nodeURI": uri, "channelAmount": "300000", "feeRate": 1}, **where)

    def opened():
        sandbox.mine()
        return len([channel for channel in api["channels"](**where) if channel.is_active]) > len(
            [c for c in before if c.is_active]
        )

    sandbox.until("the channel is ready", opened)


def wallet(check, shop, _):
    api = shop.StoreWalletOnChainApi
    here = dict(store_id=sandbox.STORE, crypto_code=BTC)
    check.works(
        api.store_on_chain_wallets_show_on_chain_wallet_overview,
        **here,
        then=lambda wallet: decimal.Decimal(wallet.confirmed_balance) > 0,
    )
    check.works(
        api.store_on_chain_wallets_get_on_chain_fee_rate,
        **here,
        block_target=2,
        _preload_content=False,
        then=lambda fee: json.loads(fee.data)["feeRate"] >= 1,
    )
    address = check.works(
        api.store_on_chain_wallets_get_on_chain_wallet_receive_address,
        **here,
        then=lambda made: made.address.startswith("bcrt1"),
    )
    check.works(
        api.store_on_chain_wallets_get_on_chain_wallet_receive_address,
        **here,
        then=lambda same: same.address == address.address,
    )
    check.works(
        api.store_on_chain_wallets_get_on_chain_wallet_receive_address,
        **here,
        force_generate="true",
        then=lambda other: other.address != address.address and other.payment_link.startswith("bitcoin:"),
    )
    check.works(api.store_on_chain_wallets_un_reserve_on_chain_wallet_receive_address, **here)
    check.refused(
        400, "no-reserved-address", api.store_on_chain_wallets_un_reserve_on_chain_wallet_receive_address, **here
    )
    sandbox.pay(address.address, 200_000)
    coins = api.store_on_chain_wallets_get_on_chain_wallet_utx_os
    is_ours = lambda coin: coin.address == address.address and coin.confirmations >= 1
    came = lambda: sandbox.mine() and [coin for coin in coins(**here) if is_ours(coin)]
    [coin] = sandbox.until("the coin has come", came)
    check.expect("the coin is worth what was paid", decimal.Decimal(coin.amount) == decimal.Decimal("0.002"))
    check.works(coins, **here, then=lambda all: coin.outpoint in [one.outpoint for one in all])

    destination = g.CreateOnChainTransactionRequestDestination(
        destination=ADDRESS, amount="0.0001", subtract_from_amount=False
    )
    unsent = g.CreateOnChainTransactionRequest(
        destinations=[destination], feerate=2, proceed_with_broadcast=False, selected_inputs=[coin.outpoint]
    )
    check.works(
        api.store_on_chain_wallets_create_on_chain_transaction,
        unsent,
        **here,
        _preload_content=False,
        then=lambda made: bytes.fromhex(json.loads(made.data)),
    )
    check.works(coins, **here, then=lambda all: coin.outpoint in [one.outpoint for one in all])
    body = g.CreateOnChainTransactionRequest(destinations=[destination], feerate=2)
    sent = check.works(
        api.store_on_chain_wallets_create_on_chain_transaction,
        body,
        **here,
        _preload_content=False,
        then=lambda made: decimal.Decimal(json.loads(made.data)["amount"]) < decimal.Decimal("-0.0001"),
    )
    txid = json.loads(sent.data)["transactionHash"]
    check.works(
        api.store_on_chain_wallets_get_on_chain_wallet_transaction,
        **here,
        transaction_id=txid,
        then=lambda read: read.status == "Unconfirmed",
    )
    check.works(
        api.store_on_chain_wallets_patch_on_chain_wallet_transaction,
        g.PatchOnChainTransactionRequest(comment="Rent", labels=["rent"]),
        **here,
        transaction_id=txid,
        then=lambda read: read.comment == "Rent",
    )
    confirmed = lambda: (
        sandbox.mine()
        and api.store_on_chain_wallets_get_on_chain_wallet_transaction(**here, transaction_id=txid).status
        == "Confirmed"
    )
    sandbox.until("the transaction is confirmed", confirmed)
    check.works(
        api.store_on_chain_wallets_show_on_chain_wallet_transactions,
        **here,
        status_filter=["Confirmed"],
        label_filter="rent",
        skip=0,
        limit=3,
        then=lambda all: [one.transaction_hash for one in all] == [txid],
    )


def pull_payments(check, shop, customer):
    store, public = sandbox.STORE, shop.PullPaymentsPublicApi
    body = g.StoreIdPullpaymentsBody(
        name="Wages",
        amount="60000",
        currency="SATS",
        payment_methods=["BTC", "BTC-LightningNetwork"],
        bolt11_expiration="0",
    )
    link = check.works(
        shop.PullPaymentsManagementApi.pull_payments_create_pull_payment,
        store,
        body=body,
        then=lambda made: made.name == "Wages" and made.view_link,
    )
    check.works(
        public.pull_payments_get_pull_payment,
        link.id,
        then=lambda read: decimal.Decimal(read.amount) == 60000 and not read.archived,
    )
    all_links = shop.PullPaymentsManagementApi.pull_payments_get_pull_payments
    check.works(all_links, store, include_archived=False, then=lambda all: link.id in [one["id"] for one in all])

    claim = g.CreatePayoutRequest(destination=ADDRESS, amount="20000", payment_method="BTC")
    payout = check.works(
        public.pull_payments_create_payout,
        claim,
        link.id,
        then=lambda made: (made.state, made.payment_method) == ("AwaitingApproval", "BTC-CHAIN"),
    )
    check.refused(400, "duplicate-destination", public.pull_payments_create_payout, claim, link.id)
    for api in (public, shop.PullPaymentsPayoutPublicApi):
        check.works(
            api.pull_payments_get_payout,
            link.id,
            payout.id,
            then=lambda read: read.destination == ADDRESS and read.revision == 0,
        )
    check.works(
        public.pull_payments_get_payouts,
        link.id,
        include_cancelled=True,
        then=lambda all: [one["id"] for one in all] == [payout.id],
    )

    payouts = shop.StoresPayoutsApi
    check.works(
        payouts.pull_payments_get_store_payouts,
        store,
        include_cancelled=False,
        then=lambda all: payout.id in [one["id"] for one in all],
    )
    check.works(payouts.pull_payments_cancel_payout, store, payout.id)
    check.works(public.pull_payments_get_payout, link.id, payout.id, then=lambda read: read.state == "Cancelled")
    check.refused(
        400,
        "invalid-state",
        payouts.pull_payments_approve_payout,
        store,
        payout.id,
        body=g.PayoutsPayoutIdBody(revision=0),
    )

    # Of a store without senders, so that an approved payout waits for a person.
    still = shop.StoresApi.api_v1_stores_post(g.StoreBaseData(name="Paid by hand")).id
    theirs = bolt11_of(customer, 30_000)
    body = g.CreatePayoutThroughStoreRequest(destination=theirs, payment_method="BTC-LightningNetwork", approved=False)
    payout = check.works(
        payouts.payouts_create_payout_through_store, body, still, then=lambda made: made.state == "AwaitingApproval"
    )
    check.works(
        payouts.pull_payments_approve_payout,
        still,
        payout.id,
        body=g.PayoutsPayoutIdBody(revision=0),
        then=lambda read: (
            read.state == "AwaitingPayment" and decimal.Decimal(read.payment_method_amount) == decimal.Decimal("0.0003")
        ),
    )
    check.works(payouts.pull_payments_mark_payout_paid, still, payout.id)
    check.works(
        payouts.pull_payments_get_store_payouts, still, then=lambda all: [one["state"] for one in all] == ["Completed"]
    )

    check.works(shop.PullPaymentsManagementApi.pull_payments_archive_pull_payment, store, link.id)
    check.works(
        all_links,
        store,
        include_archived=True,
        then=lambda all: link.id in [one["id"] for one in all if one["archived"]],
    )
    senders(check, shop, still)


def senders(check, shop, store):
    api = shop.StoresPayoutProcessorsApi
    start = "greenfield_store_automated_"
    rails = (("lightning", LIGHTNING, "BTC-LightningNetwork", "BTC-LN"), ("on_chain", CHAIN, "BTC", "BTC-CHAIN"))
    for rail, factory, old_name, name in rails:
        update = getattr(
            api, f"{start}{rail}_payout_processors_controller_update_store_{rail}_automated_payout_processor"
        )
        read = getattr(api, f"{start}{rail}_payout_processors_controller_get_store_{rail}_automated_payout_processors")
        read_all = getattr(
            api, f"{start}{rail}_payout_processors_controller_get_store_{rail}_automated_payout_processors_0"
        )
        check.works(
            update,
            {"intervalSeconds": 120},
            store,
            old_name,
            _preload_content=False,
            then=lambda made: json.loads(made.data)["paymentMethod"] == name,
        )
        check.works(
            read,
            store,
            old_name,
            _preload_content=False,
            then=lambda all: json.loads(all.data)[0]["intervalSeconds"] == 120,
        )
        check.works(read_all, store, _preload_content=False, then=lambda all: len(json.loads(all.data)) == 1)
    shortest = api.greenfield_store_automated_on_chain_payout_processors_controller_update_store_on_chain_automated_payout_processor_0
    # The path has no method at the end; the function wants one nevertheless.
    check.works(
        shortest,
        {"intervalSeconds": 180},
        store,
        "BTC",
        _preload_content=False,
        then=lambda made: json.loads(made.data)["intervalSeconds"] == 180,
    )
    configured = api.store_payout_processors_get_store_payout_processors
    check.works(
        configured, store, then=lambda all: sorted(one.payment_methods[0] for one in all) == ["BTC-CHAIN", "BTC-LN"]
    )
    for _, factory, old_name, _ in rails:
        check.works(api.store_payout_processors_remove_store_payout_processor, store, factory, old_name)
    check.works(configured, store, then=lambda all: all == [])


def bolt11_of(customer, sats):
    """A Lightning invoice of the customer's."""
    body = g.CreateLightningInvoiceRequest(
        amount=f"{sats}000", description="Wages", expiry=86400, private_route_hints=False
    )
    return customer.LightningStoreApi.store_lightning_node_api_create_invoice(body, BTC, sandbox.CUSTOMER_STORE).bolt11
