// A client's functions, each of which has to be called or has to be named as outside of what Tollway answers.
'use strict';

const wire = require('./wire');

class Checklist {
  /** `services` are the client's classes; all their static functions have to be called. */
  constructor(client, services) {
    this.client = client;
    this.names = new Map(); // function → Class.function
    for (const [service, api] of Object.entries(services)) {
      for (const name of Object.getOwnPropertyNames(api)) {
        const own = !['length', 'name', 'prototype'].includes(name);
        if (own && typeof api[name] === 'function') this.names.set(api[name], `${service}.${name}`);
      }
    }
    this.called = new Set();
    this.calls = 0;
    this.failures = [];
  }

  /** Has to succeed, and its answer to satisfy `then`. Gives the answer back. */
  async works(call, options, then) {
    const { answer, error, line } = await this.send(call, options);
    if (error) return this.failed(line, shown(error));
    try {
      if (then && !then(answer)) return this.failed(line, `this is not what was asked for: ${shown(answer)}`);
    } catch (wrong) {
      return this.failed(line, `${wrong} in ${shown(answer)}`); // an answer of another shape
    }
    this.passed(line);
    return answer;
  }

  /** Has to be refused in this way. */
  async refused(status, code, call, options) {
    const { answer, error, line } = await this.send(call, options);
    if (!error) return this.failed(line, `not refused, but answered ${shown(answer)}`);
    const same = error.status === status && JSON.stringify(codeOf(error.body)) === JSON.stringify(code);
    if (!same) return this.failed(line, `not refused with ${status} ${code}, but: ${shown(error)}`);
    return this.passed(line, `${status} ${code}`);
  }

  /** Belongs to a room that isn't there: 404 (or 405, if the path has other methods) without any harm. */
  async outside(room, call, options) {
    const { answer, error, line } = await this.send(call, options);
    if (!error)
      return this.failed(line, `outside (${room}), but answered ${shown(answer)}: it belongs to another row now`);
    const fitting = [404, 405].includes(error.status) && codeOf(error.body) === 'generic-error';
    return fitting
      ? this.passed(line, `outside: ${room}`)
      : this.failed(line, `outside (${room}), but: ${shown(error)}`);
  }

  /** A part that may break off without taking the others along. */
  async room(name, part) {
    try {
      await part();
    } catch (error) {
      console.log(`${name} BROKE OFF: ${shown(error)}`);
      const place =
        String(error.stack)
          .split('\n')
          .find((line) => line.includes(__dirname)) ?? '';
      this.failures.push(`${this.client}: ${name} broke off: ${shown(error)} ${place.trim()}`);
    }
  }

  /** Something beside a call that has to be so. */
  expect(what, isSo) {
    if (!isSo) this.failed(what, 'is not so');
  }

  /** Names what was forgotten. */
  end() {
    for (const name of this.names.values()) {
      if (!this.called.has(name)) this.failures.push(`${this.client}: ${name} is in no row of the table`);
    }
    for (const failure of this.failures) console.log(`FAILED ${failure}`);
    console.log(`${this.client}: ${this.calls} calls, ${this.failures.length} failures`);
  }

  async send(call, options) {
    const name = this.names.get(call);
    if (!name) throw new Error(`no function of the installed package: ${call}`);
    this.called.add(name);
    this.calls += 1;
    const before = wire.seen.length;
    let answer, error;
    try {
      answer = await call(options);
    } catch (raised) {
      error = raised;
    }
    const request = wire.seen[before];
    const line = `${request ? `${request.method} ${request.path}` : 'no request'} [${name}]`;
    return { answer, error, line };
  }

  passed(line, words) {
    console.log(`${line} … ok${words ? ` (${words})` : ''}`);
  }

  failed(line, words) {
    console.log(`${line} … FAILED: ${words}`);
    this.failures.push(`${this.client}: ${line}: ${words}`);
  }
}

/** An answer or an error in one line, the beginning of it if it is long. */
function shown(value) {
  let words = value instanceof Error && value.status ? `${value.status} ${JSON.stringify(value.body)}` : undefined;
  words ??= value instanceof Error ? String(value) : (JSON.stringify(value) ?? 'nothing');
  return words.length <= 600 ? words : `${words.slice(0, 600)} …`;
}

/** The `code` of an error object, or the paths of an array of faults. */
function codeOf(body) {
  return Array.isArray(body) ? body.map((fault) => fault.path) : body?.code;
}

module.exports = { Checklist };
