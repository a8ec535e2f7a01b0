// Hands a batch over (java Fahuo.java send), or verifies a webhook (java Fahuo.java verify < body). See ../README.md.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Fahuo {
    private static final HttpClient CLIENT = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

    /** Makes a request, and again while the server is away or asks to come later: the same twice does no harm. */
    static String call(String method, String path, String body) throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("FAHUO_URL") + path))
                .header("Authorization", "Bearer " + System.getenv("FAHUO_TOKEN"))
                .header("Content-Type", "application/json")
                .timeout(Duration.ofSeconds(90))
                .method(method, body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body))
                .build();
        for (long wait = 1; ; wait = Math.min(2 * wait, 60)) {
            try {
                HttpResponse<String> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
                int status = answer.statusCode();
                if (status >= 200 && status < 300) {
                    return answer.body();
                }
                if (status != 429 && status != 503) { // a problem (RFC 9457): repeating it would not help
                    throw new IllegalStateException(status + ": " + answer.body());
                }
                wait = answer.headers().firstValueAsLong("Retry-After").orElse(wait);
            } catch (java.io.IOException e) {
                System.err.println(e + "; trying again");
            }
            Thread.sleep(wait * 1000);
        }
    }

    static void send() throws InterruptedException {
        // Java brings no JSON along; in your system use what you have (Jackson, Gson).
        System.out.println(call("POST", "/v1/shipments?batch=java-example", "["
                + "{\"trade_no\":\"2026112300001001000000000041\",\"logistics_name\":\"顺丰速运\",\"invoice_no\":\"SF1000000041\",\"order_ref\":\"A-41\"},"
                + "{\"trade_no\":\"2026112300001001000000000042\",\"logistics_name\":\"顺丰速运\",\"invoice_no\":\"SF1000000042\",\"order_ref\":\"A-42\"},"
                + "{\"trade_no\":\"12\",\"logistics_name\":\"顺丰速运\",\"invoice_no\":\"SF1000000043\",\"order_ref\":\"A-43\"}]"));
        // Waits up to a second for something to happen; use wait=60s and ask again until "done" is true.
        System.out.println(call("GET", "/v1/batches/java-example?wait=1s", null));
    }

    /** Follows https://www.standardwebhooks.com: HMAC-SHA256 over id, time and body, one "v1,…" for every secret. */
    static boolean verify(String secret, String id, String timestamp, String signatures, byte[] body) throws Exception {
        if (Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > 300) {
            return false; // somebody may be repeating it
        }
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret.substring("whsec_".length())), "HmacSHA256"));
        mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        byte[] expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(StandardCharsets.UTF_8);
        boolean genuine = false;
        for (String one : signatures.split(" ")) {
            genuine |= MessageDigest.isEqual(expected, one.getBytes(StandardCharsets.UTF_8)); // in constant time
        }
        return genuine;
    }

    public static void main(String[] args) throws Exception {
        if (args.length == 1 && args[0].equals("send")) {
            send();
        } else if (args.length == 1 && args[0].equals("verify")) {
            boolean genuine = verify(System.getenv("FAHUO_WEBHOOK_SECRET"), System.getenv("WEBHOOK_ID"), System.getenv("WEBHOOK_TIMESTAMP"),
                    System.getenv("WEBHOOK_SIGNATURE"), System.in.readAllBytes());
            System.out.println(genuine ? "genuine" : "not genuine");
            System.exit(genuine ? 0 : 1);
        } else {
            System.err.println("usage: java Fahuo.java send|verify");
            System.exit(2);
        }
    }
}
