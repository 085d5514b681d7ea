"""The sandbox that the tests run on: where it is, and what its customer does."""

import json
import os
import subprocess
import time
import urllib.request

URL = os.environ["TOLLWAY_URL"]
STORE = os.environ["TOLLWAY_STORE"]
API_KEY = os.environ["TOLLWAY_API_KEY"]
CUSTOMER_URL = os.environ["CUSTOMER_URL"]
CUSTOMER_STORE = os.environ["CUSTOMER_STORE"]
CUSTOMER_API_KEY = os.environ["CUSTOMER_API_KEY"]
_REGTEST = os.environ["REGTEST"]
_DIR = os.environ["SANDBOX"]


def _run(script, *args):
    done = subprocess.run([f"{_REGTEST}/{script}", "--dir", _DIR, *args], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"regtest/{script} {' '.join(args)}: {done.stderr}")
    return done.stdout


def pay(target, sats=None):
    """The customer pays an invoice, an address or a unified URI."""
    return json.loads(_run("pay", target, *([str(sats)] if sats else [])))


def mine(blocks=1):
    """So many blocks more, and both nodes have seen them; the height."""
    height = int(_run("mine", str(blocks)))
    for url, key in ((URL, API_KEY), (CUSTOMER_URL, CUSTOMER_API_KEY)):
        seen = lambda: _get(f"{url}/api/v1/server/lightning/BTC/info", key)["blockHeight"] >= height
        until(f"the node of {url} has seen block {height}", seen)
        until(f"{url} is ready", lambda: _get(f"{url}/api/v1/health", key)["synchronized"])
    return height


def _get(url, key):
    request = urllib.request.Request(url, headers={"Authorization": f"token {key}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def until(what, probe, seconds=30):
    """Asks again and again until the answer is true, and gives it back."""
    end = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"gave up after {seconds} s waiting until {what}")
        time.sleep(0.1)
