<?php
// Hands a batch over (php fahuo.php send), or verifies a webhook (php fahuo.php verify < body). See ../README.md.
declare(strict_types=1);

// call makes a request, and again while the server is away or asks to come later: the same twice does no harm.
function call(string $method, string $path, ?array $body = null): array
{
    for ($wait = 1; ; $wait = min(2 * $wait, 60)) {
        $http = ['method' => $method, 'ignore_errors' => true, 'timeout' => 90,
            'header' => ['Authorization: Bearer ' . getenv('FAHUO_TOKEN'), 'Content-Type: application/json']];
        if ($body !== null) {
            $http['content'] = json_encode($body, JSON_THROW_ON_ERROR);
        }
        $answer = @file_get_contents(getenv('FAHUO_URL') . $path, false, stream_context_create(['http' => $http]));
        $headers = $http_response_header ?? [];
        $status = preg_match('~^HTTP/\S+ (\d+)~', $headers[0] ?? '', $m) ? (int) $m[1] : 0;
        if ($status >= 200 && $status < 300 && $answer !== false) {
            return json_decode($answer, true, 512, JSON_THROW_ON_ERROR);
        }
        if ($status !== 0 && $status !== 429 && $status !== 503) { // a problem (RFC 9457): repeating it would not help
            fwrite(STDERR, "$status: $answer\n");
            exit(1);
        }
        foreach ($headers as $header) {
            if (preg_match('~^Retry-After: (\d+)~i', $header, $m)) {
                $wait = (int) $m[1];
            }
        }
        sleep($wait);
    }
}

function send(): void
{
    $answer = call('POST', '/v1/shipments?batch=php-example', [
        ['trade_no' => '2026112300001001000000000031', 'logistics_name' => '顺丰速运', 'invoice_no' => 'SF1000000031', 'order_ref' => 'A-31'],
        ['trade_no' => '2026112300001001000000000032', 'logistics_name' => '顺丰速运', 'invoice_no' => 'SF1000000032', 'order_ref' => 'A-32'],
        ['trade_no' => '12', 'logistics_name' => '顺丰速运', 'invoice_no' => 'SF1000000033', 'order_ref' => 'A-33'],
    ]);
    foreach ($answer['items'] as $item) {
        echo "{$item['order_ref']} {$item['status']} {$item['reason']}\n";
    }
    // Waits up to a second for something to happen; use wait=60s and ask again until "done" is true.
    $batch = call('GET', '/v1/batches/php-example?wait=1s');
    echo json_encode($batch['counts']), " until {$batch['eta']}\n";
}

// verify follows https://www.standardwebhooks.com: HMAC-SHA256 over id, time and body, one "v1,…" for every secret.
function verify(string $secret, string $id, string $timestamp, string $signatures, string $body): bool
{
    if (abs(time() - (int) $timestamp) > 300) {
        return false; // somebody may be repeating it
    }
    $key = base64_decode(substr($secret, strlen('whsec_')), true);
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", (string) $key, true));
    foreach (explode(' ', $signatures) as $one) {
        if (hash_equals($expected, $one)) {
            return true;
        }
    }
    return false;
}

switch ($argv[1] ?? '') {
    case 'send':
        send();
        break;
    case 'verify': // in a web server: $_SERVER['HTTP_WEBHOOK_ID'] and so on, and file_get_contents('php://input')
        $genuine = verify((string) getenv('FAHUO_WEBHOOK_SECRET'), (string) getenv('WEBHOOK_ID'), (string) getenv('WEBHOOK_TIMESTAMP'),
            (string) getenv('WEBHOOK_SIGNATURE'), (string) stream_get_contents(STDIN));
        echo $genuine ? "genuine\n" : "not genuine\n";
        exit($genuine ? 0 : 1);
    default:
        fwrite(STDERR, "usage: php fahuo.php send|verify\n");
        exit(2);
}
