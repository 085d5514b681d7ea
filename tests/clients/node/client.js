// btcpay-greenfield-node-client as it is installed. Its settings are global, so each call is made as somebody.
'use strict';

const client = require('btcpay-greenfield-node-client');

const sandbox = require('./sandbox');

const SHOP = { url: sandbox.url, key: sandbox.apiKey };
const CUSTOMER = { url: sandbox.customerUrl, key: sandbox.customerApiKey };
const services = Object.fromEntries(Object.entries(client).filter(([name]) => name.endsWith('Service')));

/** From now on the calls go to this gateway, with this key or log-in. */
function as({ url, key, login }) {
  client.OpenAPI.BASE = url;
  client.OpenAPI.TOKEN = key;
  [client.OpenAPI.USERNAME, client.OpenAPI.PASSWORD] = login ?? [];
}

/** One call as somebody else. */
async function once(who, back, call, options) {
  as(who);
  try {
    return await call(options);
  } finally {
    as(back);
  }
}

module.exports = { ...client, services, SHOP, CUSTOMER, as, once };
