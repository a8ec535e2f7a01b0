// Hands shipments over with a client generated from the document, and follows them. Prints what clients_test.go wants.
import createClient from "openapi-fetch";
import type { paths, components } from "./schema.js";

declare const process: { argv: string[] };
const [url, token] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

const shipment = (n: number): components["schemas"]["ShipmentInput"] => ({
  trade_no: "202611230000100100000000000" + n,
  logistics_name: "顺丰速运",
  batch: "b",
});

const one = await client.POST("/v1/shipments", { body: shipment(1) });
if (one.data && "status" in one.data) console.log(one.data.status);

const many = await client.POST("/v1/shipments", { body: [shipment(1), shipment(2), { ...shipment(3), trade_no: "2026112300001x01" }] });
if (many.data && "items" in many.data) {
  console.log(`already ${many.data.already} accepted ${many.data.accepted} rejected ${many.data.rejected}`);
}

const batch = await client.GET("/v1/batches/{batch}", { params: { path: { batch: "b" }, query: { wait: "1s" } } });
console.log(`queued ${batch.data?.counts.queued}`);

const file = await client.POST("/v1/files", {
  params: { query: { batch: "f" } },
  body: "trade_no,logistics_name\n2026112300001001000000000009,SF\n",
  headers: { "Content-Type": "text/csv" },
  bodySerializer: (text) => text as string,
});
console.log(`file ${file.data?.accepted}`);

const wrong = await client.POST("/v1/shipments", { body: { ...shipment(4), trade_no: "2026112300001x01" } });
console.log(`problem ${wrong.error?.errors?.[0]?.location}`);
