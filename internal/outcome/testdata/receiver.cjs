// An order system in Node.js: it verifies webhooks with npm's standardwebhooks, fails for every second message, and
// tells repeats by their id. It prints a line for each message, and its port first.
// usage: node receiver.cjs PORT SECRET
const http = require("node:http");
const { Webhook } = require("standardwebhooks");

const webhook = new Webhook(process.argv[3]);
let messages = 0;

const server = http.createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    let event;
    try {
      event = webhook.verify(body, request.headers);
    } catch (error) {
      console.log(`refused ${error.message}`);
      response.writeHead(400).end();
      return;
    }
    const fails = messages++ % 2 === 0;
    console.log(`${fails ? "failed" : "took"} ${request.headers["webhook-id"]} ${event.type}`);
    response.writeHead(fails ? 500 : 204).end();
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(`port ${server.address().port}`));
