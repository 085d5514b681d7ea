// Each function of btcpay-greenfield-node-client (generated from the first Greenfield document) against the sandbox.
'use strict';

const api = require('./client');
const money = require('./money');
const { Receiver } = require('./receiver');
const sandbox = require('./sandbox');

const { store: storeId } = sandbox;
const cryptoCode = 'BTC';

async function server(check) {
  await check.works(api.HealthService.healthGetHealth, undefined, (health) => health.synchronized === true);
  await check.works(
    api.ServerInfoService.serverInfoGetServerInfo,
    undefined,
    (info) => info.fullySynched && info.version,
  );
  await check.works(api.MiscalleneousService.langCodes, undefined, (all) => all.some(({ code }) => code === 'en'));
}

async function accounts(check) {
  await check.works(api.UsersService.usersGetCurrentUser, undefined, (user) => user.roles.includes('ServerAdmin'));
  const login = [`clerk-${process.hrtime.bigint()}@shop.example`, 'correct horse battery staple'];
  const requestBody = { email: login[0], password: login[1], isAdministrator: false };
  await check.works(api.UsersService.postUsersService, { requestBody }, (user) => user.email === login[0]);

  // The new account has no key yet: its log-in makes the first one, and is no use afterwards.
  const permissions = ['btcpay.store.canviewinvoices'];
  const keyOf = { requestBody: { label: 'clerk', permissions } };
  api.as({ url: sandbox.url, login });
  const first = await check.works(api.ApiKeysService.postApiKeysService, keyOf, (key) => key.apiKey.length === 40);
  await check.refused(401, 'unauthenticated', api.ApiKeysService.postApiKeysService, keyOf);
  api.as({ url: sandbox.url, key: first.apiKey });
  await check.works(
    api.ApiKeysService.getApiKeysService,
    undefined,
    (key) => key.permissions.join() === permissions.join(),
  );
  await check.refused(403, 'missing-permission', api.InvoicesService.invoicesGetInvoices, { storeId });
  await check.works(api.ApiKeysService.deleteApiKeysService1);
  await check.refused(401, 'unauthenticated', api.ApiKeysService.getApiKeysService);

  api.as(api.SHOP);
  const second = await api.ApiKeysService.postApiKeysService(keyOf);
  await check.works(api.ApiKeysService.deleteApiKeysService, { apikey: second.apiKey });
  await check.refused(400, 'apikey-not-found', api.ApiKeysService.deleteApiKeysService, { apikey: second.apiKey });
  const consent = { permissions, applicationName: 'A shop', strict: true, selectiveStores: false };
  await check.works(api.AuthorizationService.getAuthorizationService, consent, (page) => page.includes('<html'));
}

async function stores(check) {
  const stall = {
    name: 'A stall',
    defaultCurrency: 'EUR',
    speedPolicy: 'HighSpeed',
    networkFeeMode: 'Never',
    paymentTolerance: 2.5,
  };
  const asked = (store) => Object.entries(stall).every(([member, value]) => store[member] === value);
  const { id } = await check.works(api.StoresService.postStoresService, { requestBody: stall }, asked);
  await check.works(api.StoresService.storesGetStores, undefined, (all) => all.some((store) => store.id === id));
  const read = await check.works(api.StoresService.storesGetStore, { storeId: id }, asked);
  // A client that knows fewer members than we have sends back those it knows.
  const changed = { ...read, name: 'A bigger stall' };
  await check.works(api.StoresService.storesUpdateStore, { storeId: id, requestBody: changed }, (store) => {
    return JSON.stringify(store) === JSON.stringify(changed);
  });
  await check.refused(422, ['Name'], api.StoresService.postStoresService, { requestBody: { name: '' } });
  await check.works(api.StoresService.deleteStoresService, { storeId: id });
  await check.works(api.StoresService.storesGetStores, undefined, (all) => all.every((store) => store.id !== id));
}

async function paymentMethods(check) {
  const lightning = api.StorePaymentMethodsLightningNetworkService;
  const old = { storeId, cryptoCode };
  const gone = [410, 'unsupported-in-v2'];
  await check.refused(...gone, lightning.storeLightningNetworkPaymentMethodsGetLightningNetworkPaymentMethod, old);
  await check.refused(...gone, lightning.storeLightningNetworkPaymentMethodsUpdateLightningNetworkPaymentMethod, {
    ...old,
    requestBody: {},
  });
  await check.refused(...gone, lightning.deleteStorePaymentMethodsLightningNetworkService, old);

  const chain = api.StorePaymentMethodsOnChainService;
  const { id } = await api.StoresService.postStoresService({ requestBody: { name: 'A wallet of its own' } });
  const here = { storeId: id, cryptoCode };
  const own = await check.works(
    chain.storeOnChainPaymentMethodsGetOnChainPaymentMethod,
    here,
    (method) => method.enabled && method.derivationScheme,
  );
  const page = { ...here, offset: 1, amount: 3 };
  const shown = await check.works(
    chain.storeOnChainPaymentMethodsGetOnChainPaymentMethodPreview,
    page,
    ({ addresses }) => {
      return (
        addresses
          .slice(0, 3)
          .map(({ keyPath }) => keyPath)
          .join() === '0/1,0/2,0/3'
      );
    },
  );
  const requestBody = { derivationScheme: own.derivationScheme, enabled: true };
  await check.works(
    chain.storeOnChainPaymentMethodsGetOnChainPaymentMethodPreview1,
    { ...page, requestBody },
    (again) => {
      return JSON.stringify(again.addresses) === JSON.stringify(shown.addresses);
    },
  );
  await check.works(chain.deleteStorePaymentMethodsOnChainService, here);
  await check.refused(
    404,
    'paymentmethod-not-configured',
    api.StoreWalletOnChainService.storeOnChainWalletsShowOnChainWalletOverview,
    here,
  );
  await check.works(chain.storeOnChainPaymentMethodsUpdateOnChainPaymentMethod, { ...here, requestBody }, (method) => {
    return method.enabled === true && method.derivationScheme === own.derivationScheme;
  });
  await api.StoresService.deleteStoresService({ storeId: id });
}

async function invoices(check) {
  const service = api.InvoicesService;
  const checkout = {
    expirationMinutes: 30,
    paymentMethods: ['BTC', 'BTC-LightningNetwork'],
    redirectURL: 'https://shop.example/{OrderId}',
  };
  const requestBody = { amount: '12.50', currency: 'USD', metadata: { orderId: 'N-1', itemDesc: 'Tea' }, checkout };
  const made = await check.works(service.invoicesCreateInvoice, { storeId, requestBody }, (invoice) => {
    return invoice.status === 'New' && Number(invoice.amount) === 12.5 && invoice.checkout.expirationMinutes === 30;
  });
  const here = { storeId, invoiceId: made.id };
  await check.works(service.invoicesGetInvoices, { storeId }, (all) => all[0].id === made.id);
  await check.works(service.invoicesGetInvoice, here, (invoice) => invoice.metadata.orderId === 'N-1');
  await check.works(service.invoicesGetInvoicePaymentMethods, here, (methods) => {
    return (
      methods
        .map(({ paymentMethod }) => paymentMethod)
        .sort()
        .join() === 'BTC-CHAIN,BTC-LN'
    );
  });
  const changed = { metadata: { orderId: 'N-2' } };
  await check.works(
    service.invoicesUpdateInvoice,
    { ...here, requestBody: changed },
    (invoice) => invoice.metadata.orderId === 'N-2',
  );
  await check.works(api.MiscalleneousService.getMiscalleneousService, { invoiceId: made.id, lang: 'en' }, (page) =>
    page.includes('<html'),
  );
  // The document once described "archive" under this path, too; no server ever had it.
  await check.outside('a misprint of the old document', service.invoicesArchiveInvoice1, here);
  await check.works(service.invoicesArchiveInvoice, here);
  await check.works(service.invoicesUnarchiveInvoice, here, (invoice) => invoice.archived === false);
  await check.works(service.invoicesMarkInvoiceStatus, { ...here, requestBody: { status: 'Invalid' } }, (invoice) => {
    return invoice.status === 'Invalid' && invoice.additionalStatus === 'Marked';
  });
  await check.refused(422, ['Status'], service.invoicesMarkInvoiceStatus, {
    ...here,
    requestBody: { status: 'Expired' },
  });
  await check.refused(404, 'invoice-not-found', service.invoicesGetInvoice, { storeId, invoiceId: 'unknown' });
}

async function webhooks(check) {
  const service = api.WebhooksService;
  const receiver = await Receiver.open();
  const authorizedEvents = { everything: false, specificEvents: ['InvoiceCreated'] };
  const requestBody = { url: receiver.url, enabled: true, automaticRedelivery: true, authorizedEvents };
  const hook = await check.works(service.postWebhooksService, { storeId, requestBody }, (made) => made.secret);
  receiver.secret = hook.secret;
  const here = { storeId, webhookId: hook.id };
  await check.works(service.webhokksGetWebhooks, { storeId }, (all) => all.some(({ id }) => id === hook.id));
  await check.works(service.webhokksGetWebhook, here, (read) => read.secret === undefined && read.url === receiver.url);
  const invoice = await api.InvoicesService.invoicesCreateInvoice({
    storeId,
    requestBody: { amount: '1', currency: 'USD' },
  });
  await receiver.wait('invoiceId', invoice.id, ['InvoiceCreated']);

  const sent = async () =>
    (await service.getWebhooksService({ ...here, count: '5' })).some(({ status }) => status === 'HttpSuccess');
  await sandbox.until('the delivery is noted', sent);
  const [{ id: deliveryId }] = await check.works(
    service.getWebhooksService,
    { ...here, count: '5' },
    (all) => all.length === 1 && all[0].httpCode === 200,
  );
  await check.works(
    service.getWebhooksService1,
    { ...here, deliveryId },
    (read) => read.id === deliveryId && read.timestamp,
  );
  await check.works(
    service.getWebhooksService2,
    { ...here, deliveryId },
    (request) => request.invoiceId === invoice.id,
  );
  const again = await check.works(
    service.postWebhooksService1,
    { ...here, deliveryId },
    (id) => typeof id === 'string' && id !== deliveryId,
  );
  const came = await receiver.wait('invoiceId', invoice.id, ['InvoiceCreated', 'InvoiceCreated']);
  check.expect(
    'the second one says that it is one',
    came[1].isRedelivery && came[1].originalDeliveryId === deliveryId && came[1].deliveryId === again,
  );
  await check.works(
    service.putWebhooksService,
    { ...here, requestBody: { ...requestBody, enabled: false } },
    (read) => read.enabled === false,
  );
  await check.refused(422, ['Url'], service.putWebhooksService, {
    ...here,
    requestBody: { ...requestBody, url: 'ftp://shop.example' },
  });
  await check.works(service.deleteWebhooksService, here);
  await check.refused(404, 'webhook-not-found', service.webhokksGetWebhook, here);
  receiver.close();
}

async function roomsThatAreNotThere(check) {
  const rooms = {
    'payment requests': [api.PaymentRequestsService, { storeId, paymentRequestId: 'x', requestBody: {} }],
    notifications: [api.NotificationsCurrentUserService, { id: 'x', requestBody: {} }],
  };
  for (const [room, [service, options]] of Object.entries(rooms)) {
    for (const name of Object.getOwnPropertyNames(service)) {
      if (check.names.has(service[name])) await check.outside(room, service[name], options);
    }
  }
}

const ROOMS = {
  server,
  accounts,
  stores,
  'payment methods': paymentMethods,
  invoices,
  "the server's node": money.nodeOfServer,
  "the store's node": money.nodeOfStore,
  wallet: money.wallet,
  'pull payments': money.pullPayments,
  webhooks,
  'other rooms': roomsThatAreNotThere,
};

/** All rooms. */
async function run(check) {
  for (const [name, part] of Object.entries(ROOMS)) {
    api.as(api.SHOP);
    await check.room(name, () => part(check));
  }
}

module.exports = { run };
