"""Hands a batch over (python3 fahuo.py send), or verifies a webhook (python3 fahuo.py verify < body). See ../README.md."""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request


def call(method, path, body=None):
    """Makes a request, and again while the server is away or asks to come later: the same twice does no harm."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": "Bearer " + os.environ["FAHUO_TOKEN"], "Content-Type": "application/json"}
    wait = 1
    while True:
        request = urllib.request.Request(os.environ["FAHUO_URL"] + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):  # a problem (RFC 9457): repeating it would not help
                raise SystemExit(f"{error.code}: {error.read().decode()}")
            wait = int(error.headers.get("Retry-After", wait))
        except OSError as error:
            print(f"{error}; trying again", file=sys.stderr)
        time.sleep(wait)
        wait = min(2 * wait, 60)


def send():
    shipments = [
        {"trade_no": "2026112300001001000000000021", "logistics_name": "顺丰速运", "invoice_no": "SF1000000021", "order_ref": "A-21"},
        {"trade_no": "2026112300001001000000000022", "logistics_name": "顺丰速运", "invoice_no": "SF1000000022", "order_ref": "A-22"},
        {"trade_no": "12", "logistics_name": "顺丰速运", "invoice_no": "SF1000000023", "order_ref": "A-23"},
    ]
    answer = call("POST", "/v1/shipments?batch=python-example", shipments)
    for item in answer["items"]:
        print(item["order_ref"], item["status"], item["reason"])
    # Waits up to a second for something to happen; use wait=60s and ask again until "done" is true.
    batch = call("GET", "/v1/batches/python-example?wait=1s")
    print(batch["counts"], "until", batch["eta"])


def verify(secret, message_id, timestamp, signatures, body):
    """Follows https://www.standardwebhooks.com: HMAC-SHA256 over id, time and body, one "v1,…" for every secret."""
    if abs(time.time() - int(timestamp)) > 300:
        return False  # somebody may be repeating it
    key = base64.b64decode(secret[len("whsec_"):])
    signed = message_id.encode() + b"." + timestamp.encode() + b"." + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    return any(hmac.compare_digest(expected, one.encode()) for one in signatures.split(" "))


if __name__ == "__main__":
    if sys.argv[1:] == ["send"]:
        send()
    elif sys.argv[1:] == ["verify"]:
        env = os.environ
        genuine = verify(env["FAHUO_WEBHOOK_SECRET"], env["WEBHOOK_ID"], env["WEBHOOK_TIMESTAMP"], env["WEBHOOK_SIGNATURE"], sys.stdin.buffer.read())
        sys.exit(print("genuine") if genuine else "not genuine")
    else:
        sys.exit(__doc__)
