"""Each function of pygreenfield (generated from the first Greenfield document) against the sandbox."""

import decimal
import json
import time

import pygreenfield as g

import greenfield_client
import greenfield_money as money
import sandbox
import story
from checklist import Checklist
from receiver import Receiver

BTC = "BTC"
GONE = "unsupported-in-v2"


def run():
    """All rooms; the number of calls and of failures."""
    check = Checklist("pygreenfield", greenfield_client.functions(), greenfield_client.refusal)
    shop = greenfield_client.caller(sandbox.URL, sandbox.API_KEY)
    customer = greenfield_client.caller(sandbox.CUSTOMER_URL, sandbox.CUSTOMER_API_KEY)
    for name, room in ROOMS.items():
        with check.room(name):
            room(check, shop, customer)
    story.run(check)
    check.end()
    return check


def server(check, shop, _):
    check.works(shop.HealthApi.health_get_health, then=lambda health: health.synchronized is True)
    check.works(
        shop.ServerInfoApi.server_info_get_server_info, then=lambda info: info.fully_synched and info.sync_status
    )
    check.works(shop.MiscelleneousApi.permissions_metadata, then=lambda all: len(all) > 20 and all[0].name)
    check.works(shop.MiscelleneousApi.lang_codes, then=lambda all: "en" in [language.code for language in all])
    check.works(
        shop.PayoutProcessorsApi.payout_processors_get_payout_processors,
        sandbox.STORE,
        then=lambda kinds: len(kinds) == 2,
    )


def accounts(check, shop, _):
    check.works(shop.UsersApi.users_get_current_user, then=lambda user: user.roles == ["ServerAdmin"])
    login = (f"clerk-{time.time_ns()}@shop.example", "correct horse battery staple")
    body = g.V1UsersBody(email=login[0], password=login[1], is_administrator=False)
    clerk = check.works(shop.UsersApi.api_v1_users_post, body, then=lambda user: user.email == login[0] and user.id)

    body = g.V1ApikeysBody(
        label="pygreenfield", permissions=["btcpay.store.canviewinvoices", "btcpay.user.candeleteuser"]
    )
    made = check.works(shop.APIKeysApi.api_v1_api_keys_post, body=body, then=lambda key: len(key.api_key) == 40)
    narrow = greenfield_client.caller(sandbox.URL, made.api_key)
    check.works(narrow.APIKeysApi.api_v1_api_keys_current_get, then=lambda key: key.permissions == body.permissions)
    check.refused(403, "missing-permission", narrow.StoresApi.stores_get_store, sandbox.STORE)
    check.works(shop.APIKeysApi.api_v1_api_keys_apikey_delete, made.api_key)
    check.refused(401, "unauthenticated", narrow.APIKeysApi.api_v1_api_keys_current_get)
    made = shop.APIKeysApi.api_v1_api_keys_post(body=body)
    narrow = greenfield_client.caller(sandbox.URL, made.api_key)
    # It was generated for an answer with the key's data; BTCPay answers nothing.
    check.works(
        narrow.APIKeysApi.api_v1_api_keys_current_delete,
        _preload_content=False,
        then=lambda answer: answer.status == 200,
    )
    check.refused(401, "unauthenticated", narrow.APIKeysApi.api_v1_api_keys_current_get)

    people = lambda: [user["email"] for user in shop.StoresUsersApi.stores_get_store_users(sandbox.STORE)]
    check.works(
        shop.StoresUsersApi.stores_get_store_users,
        sandbox.STORE,
        then=lambda users: [user["role"] for user in users] == ["Owner"],
    )
    # It leaves `{storeId}` in the path as it stands: no store has this id.
    check.refused(
        403, "missing-permission", shop.StoresUsersApi.stores_add_store_user, {"userId": clerk.id, "role": "Guest"}
    )
    plain = shop.StoresUsersApi.api_client
    plain.call_api(
        f"/api/v1/stores/{sandbox.STORE}/users",
        "POST",
        body={"userId": clerk.id, "role": "Guest"},
        auth_settings=["API_Key"],
    )
    check.expect("the new guest is one of the store's people", login[0] in people())
    check.works(shop.StoresUsersApi.stores_remove_store_user, sandbox.STORE, clerk.id)
    check.expect("the guest is gone again", login[0] not in people())

    check.works(
        shop.AuthorizationApi.api_keys_authorize_get,
        application_name="A shop",
        _preload_content=False,
        then=lambda page: b"<html" in page.data,
    )
    made = plain.call_api(
        f"/api/v1/users/{clerk.id}/api-keys",
        "POST",
        body={"permissions": ["btcpay.user.candeleteuser"]},
        response_type="ApiKeyData",
        auth_settings=["API_Key"],
        _return_http_data_only=True,
    )
    clerks = greenfield_client.caller(sandbox.URL, made.api_key)
    check.works(clerks.UsersApi.users_delete_current_user)
    check.refused(401, "unauthenticated", clerks.APIKeysApi.api_v1_api_keys_current_get)


def stores(check, shop, _):
    body = g.StoreBaseData(
        name="A stall",
        default_currency="EUR",
        speed_policy="HighSpeed",
        network_fee_mode="Always",
        payment_tolerance=1.5,
    )
    stall = check.works(
        shop.StoresApi.api_v1_stores_post,
        body,
        then=lambda store: (store.name, store.default_currency, store.payment_tolerance) == ("A stall", "EUR", 1.5),
    )
    check.works(shop.StoresApi.stores_get_stores, then=lambda all: stall.id in [store["id"] for store in all])
    check.works(
        shop.StoresApi.stores_get_store,
        stall.id,
        then=lambda store: store.network_fee_mode == "Always" and store.speed_policy == "HighSpeed",
    )
    body = g.StoreBaseData(name="A bigger stall", html_title="Stall", recommended_fee_block_target=3)
    check.works(
        shop.StoresApi.stores_update_store,
        body,
        stall.id,
        then=lambda store: (store.name, store.html_title) == ("A bigger stall", "Stall"),
    )
    check.works(shop.StoresApi.api_v1_stores_store_id_delete, stall.id)
    check.works(shop.StoresApi.stores_get_stores, then=lambda all: stall.id not in [store["id"] for store in all])


def payment_methods(check, shop, _):
    methods = shop.StorePaymentMethodsApi.store_payment_methods_get_store_payment_methods
    check.works(methods, sandbox.STORE, then=lambda all: len(all) >= 2 and all[0].enabled)

    lightning = shop.StorePaymentMethodsLightningNetworkApi
    old = dict(store_id=sandbox.STORE, crypto_code=BTC)
    check.refused(
        410, GONE, lightning.store_lightning_network_payment_methods_get_lightning_network_payment_method, **old
    )
    check.refused(
        410, GONE, lightning.store_lightning_network_payment_methods_update_lightning_network_payment_method, {}, **old
    )
    check.refused(
        410, GONE, lightning.api_v1_stores_store_id_payment_methods_lightning_network_crypto_code_delete, **old
    )
    # Without a currency these are no paths of their own any more, but ids of methods that nobody knows.
    unknown = (404, "paymentmethod-not-found")
    check.refused(
        *unknown, lightning.store_lightning_network_payment_methods_get_lightning_network_payment_methods, sandbox.STORE
    )
    lnurl = shop.StorePaymentMethodsLNURLPayApi
    check.refused(*unknown, lnurl.store_lnurl_pay_payment_methods_get_lnurl_pay_payment_methods, sandbox.STORE)
    chain = shop.StorePaymentMethodsOnChainApi
    check.refused(*unknown, chain.store_on_chain_payment_methods_get_on_chain_payment_methods, sandbox.STORE)
    for function in (
        lnurl.store_lnurl_pay_payment_methods_get_lnurl_pay_payment_method,
        lnurl.store_lnurl_pay_payment_methods_update_lnurl_pay_payment_method,
        lnurl.api_v1_stores_store_id_payment_methods_lnurl_crypto_code_delete,
    ):
        check.outside("settings of LNURL under their oldest path", function, **old)

    store = shop.StoresApi.api_v1_stores_post(g.StoreBaseData(name="A wallet of its own")).id
    here = dict(store_id=store, crypto_code=BTC)
    check.works(
        chain.store_on_chain_payment_methods_get_on_chain_payment_method,
        **here,
        then=lambda method: method.crypto_code == BTC,
    )
    check.works(chain.api_v1_stores_store_id_payment_methods_onchain_crypto_code_delete, **here)
    body = g.GenerateOnChainWalletRequest(save_private_keys=True, word_count=12, script_pub_key_type="Segwit")
    generated = check.works(
        chain.store_on_chain_payment_methods_generate_on_chain_wallet,
        body,
        **here,
        _preload_content=False,
        then=lambda answer: len(json.loads(answer.data)["mnemonic"].split()) == 12,
    )
    scheme = json.loads(generated.data)["config"]["derivationScheme"]
    preview = check.works(
        chain.store_on_chain_payment_methods_get_on_chain_payment_method_preview,
        **here,
        offset=1,
        amount=3,
        then=lambda preview: [item.key_path for item in preview.addresses][:3] == ["0/1", "0/2", "0/3"],
    )
    check.works(
        chain.store_on_chain_payment_methods_post_on_chain_payment_method_preview,
        {"derivationScheme": scheme},
        **here,
        offset=1,
        amount=3,
        then=lambda again: again == preview,
    )
    check.works(
        chain.store_on_chain_payment_methods_update_on_chain_payment_method,
        {"derivationScheme": scheme, "enabled": True},
        **here,
    )
    shop.StoresApi.api_v1_stores_store_id_delete(store)


def invoices(check, shop, _):
    api, store = shop.InvoicesApi, sandbox.STORE
    order = f"order-{time.time_ns()}"
    checkout = g.CheckoutOptions(
        expiration_minutes=30, payment_methods=["BTC", "BTC-LightningNetwork"], speed_policy="MediumSpeed"
    )
    body = g.CreateInvoiceRequest(
        amount="12.50", currency="USD", metadata={"orderId": order, "itemDesc": "Tea"}, checkout=checkout
    )
    invoice = check.works(
        api.invoices_create_invoice,
        body,
        store,
        then=lambda made: (
            made.status == "New"
            and decimal.Decimal(made.amount) == decimal.Decimal("12.5")
            and made.checkout.expiration_minutes == 30
        ),
    )
    check.works(
        api.invoices_get_invoice,
        store,
        invoice.id,
        then=lambda read: read.metadata["orderId"] == order and read.type == "Standard",
    )
    check.works(
        api.invoices_get_invoices,
        store,
        order_id=[order],
        take=5,
        skip=0,
        then=lambda all: [one["id"] for one in all] == [invoice.id],
    )
    check.works(
        api.invoices_get_invoice_payment_methods,
        store,
        invoice.id,
        only_accounted_payments=True,
        then=lambda methods: (
            sorted(method.payment_method for method in methods) == ["BTC-CHAIN", "BTC-LN"]
            and methods[0].crypto_code == BTC
        ),
    )
    check.works(api.invoices_activate_payment_method, store, invoice.id, "BTC-LightningNetwork")
    changed = g.UpdateInvoiceRequest(metadata={"orderId": order, "itemDesc": "Coffee"})
    check.works(
        api.invoices_update_invoice, changed, store, invoice.id, then=lambda read: read.metadata["itemDesc"] == "Coffee"
    )
    check.works(
        shop.MiscelleneousApi.i_invoice_id_get,
        invoice.id,
        _preload_content=False,
        then=lambda page: b"<html" in page.data,
    )
    check.works(api.invoices_archive_invoice, store, invoice.id)
    check.works(api.invoices_unarchive_invoice, store, invoice.id, then=lambda read: read.archived is False)
    check.refused(400, "already-unarchived", api.invoices_unarchive_invoice, store, invoice.id)
    check.works(
        api.invoices_mark_invoice_status,
        g.MarkInvoiceStatusRequest(status="Settled"),
        store,
        invoice.id,
        then=lambda read: (read.status, read.additional_status) == ("Settled", "Marked"),
    )
    check.refused(404, "invoice-not-found", api.invoices_get_invoice, store, "unknown")


def webhooks(check, shop, _):
    api, store = shop.WebhooksApi, sandbox.STORE
    receiver = Receiver()
    events = g.WebhookDataBaseAuthorizedEvents(everything=False, specific_events=["InvoiceCreated"])
    body = g.WebhookDataCreate(url=receiver.url, enabled=True, automatic_redelivery=True, authorized_events=events)
    hook = check.works(
        api.api_v1_stores_store_id_webhooks_post,
        body,
        store,
        then=lambda made: made.secret and made.url == receiver.url,
    )
    receiver.secret = hook.secret
    hook = greenfield_client.webhook_id(shop, store, receiver.url)
    check.works(
        api.webhokks_get_webhooks,
        store,
        then=lambda all: hook in [one["id"] for one in all] and "secret" not in all[0],
    )
    check.works(
        api.webhokks_get_webhook,
        store,
        hook,
        then=lambda read: read.authorized_events.specific_events == ["InvoiceCreated"],
    )
    invoice = shop.InvoicesApi.invoices_create_invoice(g.CreateInvoiceRequest(amount="1", currency="USD"), store)
    receiver.wait("invoiceId", invoice.id, ["InvoiceCreated"])

    deliveries = api.api_v1_stores_store_id_webhooks_webhook_id_deliveries_get
    sent = lambda: [one for one in deliveries(store, hook, count="5") if one["status"] == "HttpSuccess"]
    sandbox.until("the delivery is noted", sent)
    delivery = check.works(
        deliveries, store, hook, count="5", then=lambda all: [one["httpCode"] for one in all] == [200]
    )[0]["id"]
    check.works(
        api.api_v1_stores_store_id_webhooks_webhook_id_deliveries_delivery_id_get,
        store,
        hook,
        delivery,
        then=lambda read: read.status == "HttpSuccess",
    )
    check.works(
        api.api_v1_stores_store_id_webhooks_webhook_id_deliveries_delivery_id_request_get,
        store,
        hook,
        delivery,
        then=lambda request: request["invoiceId"] == invoice.id and request["type"] == "InvoiceCreated",
    )
    again = check.works(
        api.api_v1_stores_store_id_webhooks_webhook_id_deliveries_delivery_id_redeliver_post,
        store,
        hook,
        delivery,
        then=lambda id: id != delivery,
    )
    came = receiver.wait("invoiceId", invoice.id, ["InvoiceCreated", "InvoiceCreated"])
    check.expect(
        "the second one says that it is one",
        (came[1]["isRedelivery"], came[1]["originalDeliveryId"], came[1]["deliveryId"]) == (True, delivery, again),
    )
    body = g.WebhookDataBase(url=receiver.url, enabled=False, automatic_redelivery=False, authorized_events=events)
    check.works(
        api.api_v1_stores_store_id_webhooks_webhook_id_put,
        body,
        store,
        hook,
        then=lambda read: read.enabled is False,
    )
    check.works(api.api_v1_stores_store_id_webhooks_webhook_id_delete, store, hook)
    check.refused(404, "webhook-not-found", api.webhokks_get_webhook, store, hook)
    receiver.close()


def rooms_that_are_not_there(check, shop, _):
    rooms = {
        "payment requests": (shop.PaymentRequestsApi,),
        "notifications": (shop.NotificationsCurrentUserApi,),
        "apps": (shop.AppsApi,),
        "custodians, which BTCPay has given up": (shop.CustodiansApi,),
        "e-mail": (shop.StoresEmailApi,),
    }
    for room, apis in rooms.items():
        for api in apis:
            for name in sorted(
                name for name in greenfield_client.functions() if name.startswith(f"{type(api).__name__}.")
            ):
                check.outside(room, getattr(api, name.split(".")[1]), store_id=sandbox.STORE)
    users = shop.UsersApi
    for function in (
        users.api_v1_users_get,
        users.api_v1_users_id_or_email_get,
        users.api_v1_users_id_or_email_delete,
        users.api_v1_users_id_or_email_lock_delete,
    ):
        check.outside("administration of users", function)


ROOMS = {
    "server": server,
    "accounts": accounts,
    "stores": stores,
    "payment methods": payment_methods,
    "invoices": invoices,
    "the server's node": money.node_of_server,
    "the store's node": money.node_of_store,
    "wallet": money.wallet,
    "pull payments": money.pull_payments,
    "webhooks": webhooks,
    "other rooms": rooms_that_are_not_there,
}
