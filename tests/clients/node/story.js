// One shop from end to end, by btcpay-greenfield-node-client: a store, its key, its webhook, payments in and payments out
// with their proofs.
'use strict';

const { createHash } = require('node:crypto');

const api = require('./client');
const { Receiver } = require('./receiver');
const sandbox = require('./sandbox');

const LIGHTNING_EVENTS = [
  'InvoiceCreated',
  'InvoicePaymentSettled',
  'InvoiceReceivedPayment',
  'InvoiceProcessing',
  'InvoiceSettled',
];
const CHAIN_EVENTS = [
  'InvoiceCreated',
  'InvoiceReceivedPayment',
  'InvoiceProcessing',
  'InvoicePaymentSettled',
  'InvoiceSettled',
];
const PAYOUT_EVENTS = ['PayoutCreated', 'PayoutApproved', 'PayoutUpdated', 'PayoutUpdated'];
const PAYOUT_STATES = ['AwaitingApproval', 'AwaitingPayment', 'InProgress', 'Completed'];
const RIGHTS = [
  'cancreateinvoice',
  'canviewinvoices',
  'webhooks.canmodifywebhooks',
  'cancreatepullpayments',
  'canmanagepayouts',
];

/** A step is done if everything about it is so. */
function step(words, ...facts) {
  if (!facts.every(Boolean)) throw new Error(`${words}: not so, fact ${facts.findIndex((fact) => !fact) + 1}`);
  console.log(`story: ${words} … ok`);
}

/** Tells it; what isn't so counts as a failure of `check`. */
async function run(check) {
  api.as(api.SHOP);
  await check.room('the story', async () => {
    const shop = await openStore();
    await sell(shop, 'BTC-LN', LIGHTNING_EVENTS);
    await sell(shop, 'BTC-CHAIN', CHAIN_EVENTS);
    const requestBody = {
      name: 'Takings',
      amount: '50000',
      currency: 'SATS',
      BOLT11Expiration: 0,
      paymentMethods: ['BTC', 'BTC-LightningNetwork'],
    };
    const link = await api.PullPaymentsManagementService.pullPaymentsCreatePullPayment({
      storeId: shop.storeId,
      requestBody,
    });
    step('a pull payment over 50,000 sat', link.viewLink.endsWith(`/pull-payments/${link.id}`));
    await payOut(shop, link.id, 'BTC-LN');
    await payOut(shop, link.id, 'BTC-CHAIN');
    shop.receiver.close();
  });
}

async function openStore() {
  const requestBody = { name: 'Corner shop', defaultCurrency: 'USD', speedPolicy: 'MediumSpeed' };
  const { id: storeId } = await api.StoresService.postStoresService({ requestBody });
  // This client is older than automatic senders.
  for (const sender of [
    'LightningAutomatedPayoutSenderFactory/BTC-LN',
    'OnChainAutomatedPayoutSenderFactory/BTC-CHAIN',
  ]) {
    const body = { intervalSeconds: 60, processNewPayoutsInstantly: true };
    await sandbox.ask(
      'PUT',
      `${sandbox.url}/api/v1/stores/${storeId}/payout-processors/${sender}`,
      sandbox.apiKey,
      body,
    );
  }
  step('a store that pays what is approved', storeId);

  const permissions = RIGHTS.map((right) => `btcpay.store.${right}:${storeId}`);
  const { apiKey } = await api.ApiKeysService.postApiKeysService({
    requestBody: { label: 'corner shop', permissions },
  });
  const who = { url: sandbox.url, key: apiKey };
  api.as(who);
  const refused = await api.InvoicesService.invoicesGetInvoices({ storeId: sandbox.store }).catch(
    (error) => error.status,
  );
  const own = await api.InvoicesService.invoicesGetInvoices({ storeId });
  step('a key for this store alone', refused === 403, own.length === 0);

  const receiver = await Receiver.open();
  const hook = await api.WebhooksService.postWebhooksService({ storeId, requestBody: { url: receiver.url } });
  receiver.secret = hook.secret;
  step(
    'a webhook for every event, with a secret that was made for it',
    hook.secret.length >= 20,
    hook.authorizedEvents.everything,
  );
  return { storeId, who, receiver, hookId: hook.id };
}

async function sell(shop, rail, events) {
  const { storeId } = shop;
  const service = api.InvoicesService;
  const orderId = `story-${process.hrtime.bigint()}`;
  const invoice = await service.invoicesCreateInvoice({
    storeId,
    requestBody: { amount: '25.00', currency: 'USD', metadata: { orderId } },
  });
  const here = { storeId, invoiceId: invoice.id };
  const method = async () =>
    (await service.invoicesGetInvoicePaymentMethods(here)).find(({ paymentMethod }) => paymentMethod === rail);
  const is = (status) => async () => (await service.invoicesGetInvoice(here)).status === status;
  const { destination, due } = await method();
  step(`an invoice over 25 USD, to be paid over ${rail}`, invoice.status === 'New', Number(due) > 0);

  if (rail === 'BTC-LN') {
    await sandbox.pay(destination);
  } else {
    await sandbox.pay(destination, Math.round(Number(due) * 1e8));
    await sandbox.until('the payment is seen', is('Processing'));
    await sandbox.mine();
  }
  await sandbox.until('the invoice is settled', is('Settled'));
  const paid = await method();
  const [payment] = paid.payments;
  step(
    'the customer has paid, and it is settled',
    Number(paid.due) === 0,
    payment.status === 'Settled',
    Number(payment.value) === Number(due),
  );

  const told = await shop.receiver.wait('invoiceId', invoice.id, events);
  const named = Object.fromEntries(told.map((event) => [event.type, event]));
  const received = named.InvoiceReceivedPayment;
  step(
    `signed webhooks in this order: ${events.join(', ')}`,
    told.every((event) => isFirst(shop, event) && event.metadata.orderId === orderId),
    received.paymentMethodId === rail && received.paymentMethod === rail,
    received.payment.id === payment.id && received.afterExpiration === false,
    named.InvoiceProcessing.overPaid === false,
    named.InvoiceSettled.overPaid === false && named.InvoiceSettled.manuallyMarked === false,
  );
}

/** The envelope of an event that was sent once. */
function isFirst(shop, event) {
  return (
    event.deliveryId === event.originalDeliveryId &&
    event.isRedelivery === false &&
    event.webhookId === shop.hookId &&
    event.storeId === shop.storeId &&
    Math.abs(event.timestamp - Date.now() / 1000) < 300
  );
}

async function payOut(shop, pullPaymentId, rail) {
  // Whoever claims is a store of the customer's gateway: its invoice shows that the money has arrived.
  const asCustomer = (call, options) => api.once(api.CUSTOMER, shop.who, call, options);
  const theirs = { storeId: sandbox.customerStore };
  const requestBody = { amount: '20000', currency: 'SATS' };
  theirs.invoiceId = (await asCustomer(api.InvoicesService.invoicesCreateInvoice, { ...theirs, requestBody })).id;
  const wanted = async () => {
    const methods = await asCustomer(api.InvoicesService.invoicesGetInvoicePaymentMethods, theirs);
    return methods.find(({ paymentMethod }) => paymentMethod === rail);
  };

  const claim = { destination: (await wanted()).destination, amount: '20000', paymentMethod: rail };
  const stranger = { url: sandbox.url };
  const open = api.PullPaymentsPublicService;
  const payout = await api.once(stranger, shop.who, open.pullPaymentsCreatePayout, {
    pullPaymentId,
    requestBody: claim,
  });
  step(`a claim over 20,000 sat by somebody without a key, over ${rail}`, payout.state === 'AwaitingApproval');

  const approval = { storeId: shop.storeId, payoutId: payout.id, requestBody: { revision: payout.revision } };
  const approved = await api.PullPaymentsManagementService.pullPaymentsApprovePayout(approval);
  step('the shop approves', Number(approved.paymentMethodAmount) === 0.0002);

  const read = async () => (await open.pullPaymentsGetPayouts({ pullPaymentId })).find(({ id }) => id === payout.id);
  if (rail === 'BTC-CHAIN') {
    await sandbox.until(
      'the transaction is sent',
      async () => (await read()).state === 'InProgress' && (await read()).paymentProof,
    );
  }
  await sandbox.until('the payout is completed', async () => {
    if (rail === 'BTC-CHAIN') await sandbox.mine();
    return (await read()).state === 'Completed';
  });
  await sandbox.until(
    'the money has arrived',
    async () => (await asCustomer(api.InvoicesService.invoicesGetInvoice, theirs)).status === 'Settled',
  );
  const [arrival] = (await wanted()).payments;
  const { paymentProof: proof } = await read();
  const proven =
    rail === 'BTC-LN'
      ? proof.proofType === 'PayoutLightningBlob' &&
        proof.paymentHash === arrival.id &&
        createHash('sha256').update(proof.preimage, 'hex').digest('hex') === proof.paymentHash
      : proof.proofType === 'PayoutTransactionOnChainBlob' && arrival.id.startsWith(proof.id);
  step('it is paid, and the proof is what the customer received', proven);

  const told = await shop.receiver.wait('payoutId', payout.id, PAYOUT_EVENTS);
  step(
    `signed webhooks in this order: ${PAYOUT_EVENTS.join(', ')}`,
    told.map(({ payoutState }) => payoutState).join() === PAYOUT_STATES.join(),
    told.every((event) => isFirst(shop, event) && event.pullPaymentId === pullPaymentId),
  );
}

module.exports = { run };
