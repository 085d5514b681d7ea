// btcpay-greenfield-node-client's functions around money: the node, the wallet, what goes out.
'use strict';

const { createHash } = require('node:crypto');

const api = require('./client');
const sandbox = require('./sandbox');

const { store: storeId } = sandbox;
const cryptoCode = 'BTC';
const ADDRESS = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080'; // BIP-173's key, on regtest

/** A Lightning node, by either of its two paths: money in, money out, and one channel more. */
async function node(check, service, prefix, where) {
  const call = (name) => service[`${prefix}${name}`];
  await check.works(call('GetInfo'), where, (info) => info.nodeURIs.length && info.blockHeight > 100);
  const open = (all) => all.filter((channel) => channel.isActive).length;
  const before = await check.works(call('GetChannels'), where, (all) => open(all) >= 2);
  await check.works(call('GetDepositAddress'), where, (address) => address.startsWith('bcrt1'));

  const wanted = { amount: '15000000', description: 'Tea', expiry: 600 };
  const invoice = await check.works(
    call('CreateInvoice'),
    { ...where, requestBody: wanted },
    (made) => made.status === 'Unpaid' && made.BOLT11,
  );
  await sandbox.pay(invoice.BOLT11);
  await sandbox.until(
    'the invoice is paid',
    async () => (await call('GetInvoice')({ ...where, id: invoice.id })).status === 'Paid',
  );
  await check.works(
    call('GetInvoice'),
    { ...where, id: invoice.id },
    (read) => read.amountReceived === '15000000' && read.paidAt,
  );

  const theirs = await api.once(
    api.CUSTOMER,
    api.SHOP,
    api.LightningInternalNodeService.internalLightningNodeApiCreateInvoice,
    { cryptoCode, requestBody: wanted },
  );
  const payment = await check.works(
    call('PayInvoice'),
    { ...where, requestBody: { BOLT11: theirs.BOLT11 } },
    (paid) => {
      return (
        paid.status === 'Complete' && createHash('sha256').update(paid.preimage, 'hex').digest('hex') === theirs.id
      );
    },
  );
  await check.works(
    call('PayInvoice'),
    { ...where, requestBody: { BOLT11: theirs.BOLT11 } },
    (again) => again.preimage === payment.preimage,
  );
  await check.refused(422, ['BOLT11'], call('PayInvoice'), { ...where, requestBody: { BOLT11: 'lnbcrt1nothing' } });

  const { nodeURIs } = await api.once(
    api.CUSTOMER,
    api.SHOP,
    api.LightningInternalNodeService.internalLightningNodeApiGetInfo,
    { cryptoCode },
  );
  const nodeURI = nodeURIs[0];
  await check.works(call('ConnectToNode'), { ...where, requestBody: { nodeURI } });
  await check.works(call('OpenChannel'), { ...where, requestBody: { nodeURI, channelAmount: '300000', feeRate: 1 } });
  await sandbox.until('the channel is ready', async () => {
    await sandbox.mine();
    return open(await call('GetChannels')(where)) > open(before);
  });
}

const nodeOfServer = (check) =>
  node(check, api.LightningInternalNodeService, 'internalLightningNodeApi', { cryptoCode });
const nodeOfStore = (check) => node(check, api.LightningStoreService, 'storeLightningNodeApi', { cryptoCode, storeId });

async function wallet(check) {
  const service = api.StoreWalletOnChainService;
  const here = { storeId, cryptoCode };
  await check.works(
    service.storeOnChainWalletsShowOnChainWalletOverview,
    here,
    (overview) => Number(overview.confirmedBalance) > 0,
  );
  const first = await check.works(service.storeOnChainWalletsGetOnChainWalletReceiveAddress, here, ({ address }) =>
    address.startsWith('bcrt1'),
  );
  await check.works(
    service.storeOnChainWalletsGetOnChainWalletReceiveAddress,
    { ...here, forceGenerate: 'true' },
    ({ address }) => address !== first.address,
  );
  await check.works(service.storeOnChainWalletsUnReserveOnChainWalletReceiveAddress, here);
  await sandbox.pay(first.address, 150_000);
  const coins = service.storeOnChainWalletsGetOnChainWalletUtxOs;
  const coin = await sandbox.until('the coin has come', async () => {
    await sandbox.mine();
    return (await coins(here)).find((one) => one.address === first.address && one.confirmations >= 1);
  });
  const others = await check.works(coins, here, (all) => all.some(({ outpoint }) => outpoint === coin.outpoint));
  const largest = others.sort((a, b) => Number(b.amount) - Number(a.amount))[0];

  const destinations = [{ destination: `bitcoin:${ADDRESS}?amount=0.0001` }];
  const unsent = { destinations, feerate: 2, selectedInputs: [coin.outpoint], proceedWithBroadcast: false };
  const create = service.storeOnChainWalletsCreateOnChainTransaction;
  const transaction = await check.works(create, { ...here, requestBody: unsent }, (hex) => /^[0-9a-f]+$/.test(hex));
  await check.works(coins, here, (all) => all.some(({ outpoint }) => outpoint === coin.outpoint));
  // This client is older than the operation that sends it.
  const wallet = `${sandbox.url}/api/v1/stores/${storeId}/payment-methods/BTC-CHAIN/wallet`;
  await sandbox.ask('POST', `${wallet}/transactions/broadcast`, sandbox.apiKey, { transaction });
  await check.works(coins, here, (all) => all.every(({ outpoint }) => outpoint !== coin.outpoint));

  const requestBody = { destinations, feerate: 2, selectedInputs: [largest.outpoint] };
  const sent = await check.works(create, { ...here, requestBody }, ({ amount }) => Number(amount) < -0.0001);
  const transactionId = sent.transactionHash;
  await check.works(
    service.storeOnChainWalletsGetOnChainWalletTransaction,
    { ...here, transactionId },
    ({ status }) => status === 'Unconfirmed',
  );
  await sandbox.until('the transaction is confirmed', async () => {
    await sandbox.mine();
    return (
      (await service.storeOnChainWalletsGetOnChainWalletTransaction({ ...here, transactionId })).status === 'Confirmed'
    );
  });
  const statusFilter = ['Confirmed', 'Unconfirmed'];
  await check.works(service.storeOnChainWalletsShowOnChainWalletTransactions, { ...here, statusFilter }, (all) => {
    return all.some(({ transactionHash }) => transactionHash === transactionId);
  });
}

async function pullPayments(check) {
  const { PullPaymentsManagementService: managed, PullPaymentsPublicService: open } = api;
  const requestBody = {
    name: 'Wages',
    amount: '60000',
    currency: 'SATS',
    paymentMethods: ['BTC', 'BTC-LightningNetwork'],
  };
  const link = await check.works(
    managed.pullPaymentsCreatePullPayment,
    { storeId, requestBody },
    (made) => made.name === 'Wages' && made.viewLink,
  );
  const pullPaymentId = link.id;
  await check.works(
    managed.pullPaymentsGetPullPayments,
    { storeId, includeArchived: false },
    (all) => all[0].id === pullPaymentId,
  );
  await check.works(open.pullPaymentsGetPullPayment, { pullPaymentId }, (read) => Number(read.amount) === 60000);
  const claim = { destination: ADDRESS, amount: '20000', paymentMethod: 'BTC' };
  const payout = await check.works(
    open.pullPaymentsCreatePayout,
    { pullPaymentId, requestBody: claim },
    (made) => made.state === 'AwaitingApproval',
  );
  await check.refused(400, 'duplicate-destination', open.pullPaymentsCreatePayout, {
    pullPaymentId,
    requestBody: claim,
  });
  await check.works(
    open.pullPaymentsGetPayouts,
    { pullPaymentId, includeCancelled: false },
    (all) => all[0].paymentMethod === 'BTC-CHAIN',
  );
  const here = { storeId, payoutId: payout.id };
  await check.refused(400, 'old-revision', managed.pullPaymentsApprovePayout, {
    ...here,
    requestBody: { revision: payout.revision + 1 },
  });
  await check.works(managed.pullPaymentsCancelPayout, here);
  await check.refused(400, 'invalid-state', managed.pullPaymentsApprovePayout, {
    ...here,
    requestBody: { revision: payout.revision },
  });
  const larger = { destination: ADDRESS, amount: '60001', paymentMethod: 'BTC' };
  await check.refused(400, 'overdraft', open.pullPaymentsCreatePayout, { pullPaymentId, requestBody: larger });
  await check.works(managed.pullPaymentsArchivePullPayment, { storeId, pullPaymentId });
  await check.works(open.pullPaymentsGetPullPayment, { pullPaymentId }, (read) => read.archived === true);
}

module.exports = { nodeOfServer, nodeOfStore, wallet, pullPayments };
