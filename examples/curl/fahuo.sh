#!/bin/sh
# Hands a batch over (sh fahuo.sh send), or verifies a webhook (sh fahuo.sh verify < body). See ../README.md.
set -eu

send() {
  # --retry comes again after 429, 503, a timeout or when nobody listens, and heeds Retry-After. Whatever else breaks, run it
  # again: sending the same twice does no harm.
  curl --silent --show-error --fail-with-body --retry 10 --retry-connrefused --max-time 60 \
    -H "Authorization: Bearer $FAHUO_TOKEN" -H 'Content-Type: application/json' --data-binary @- \
    "$FAHUO_URL/v1/shipments?batch=curl-example" <<'BODY'
[
  {"trade_no": "2026112300001001000000000011", "logistics_name": "顺丰速运", "invoice_no": "SF1000000011", "order_ref": "A-11"},
  {"trade_no": "2026112300001001000000000012", "logistics_name": "顺丰速运", "invoice_no": "SF1000000012", "order_ref": "A-12"},
  {"trade_no": "12", "logistics_name": "顺丰速运", "invoice_no": "SF1000000013", "order_ref": "A-13"}
]
BODY
  # Waits up to a second for something to happen; use wait=60s and ask again until "done" is true.
  curl --silent --show-error --fail-with-body -H "Authorization: Bearer $FAHUO_TOKEN" "$FAHUO_URL/v1/batches/curl-example?wait=1s"
}

# verify follows https://www.standardwebhooks.com: HMAC-SHA256 over id, time and body, one "v1,…" for every secret.
verify() {
  age=$(($(date +%s) - WEBHOOK_TIMESTAMP))
  if [ "$age" -gt 300 ] || [ "$age" -lt -300 ]; then
    echo "too old: somebody may be repeating it" >&2
    return 1
  fi
  key=$(printf %s "${FAHUO_WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
  expected=$({ printf '%s.%s.' "$WEBHOOK_ID" "$WEBHOOK_TIMESTAMP"; cat; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
  for signature in $WEBHOOK_SIGNATURE; do
    if [ "$signature" = "v1,$expected" ]; then # a shell cannot compare in constant time; your receiver should
      echo genuine
      return 0
    fi
  done
  echo "not genuine" >&2
  return 1
}

case "${1:-}" in
  send) send ;;
  verify) verify ;;
  *) echo "usage: sh fahuo.sh send|verify" >&2; exit 2 ;;
esac
