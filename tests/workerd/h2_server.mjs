// An HTTPS server with HTTP/2 for test_http2.py: node h2_server.mjs KEY CERTIFICATE [1]; with 1 it speaks HTTP/1.1 only.
// Prints its port; each line of standard input asks for the counts. What a request gets is told by its SQL text:
//   rows N     that many rows of 200 bytes     die   the session is destroyed, no answer     anything else: one row
import { createSecureServer as h2 } from "node:http2";
import { createServer as h1 } from "node:https";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [key, cert, old] = process.argv.slice(2);
const counts = { connections: 0, requests: 0, versions: {} };
const server = (old ? h1 : h2)({ key: readFileSync(key), cert: readFileSync(cert) });

function answer(sql) {
  const n = Number(/^rows (\d+)$/.exec(sql)?.[1] ?? 1);
  const rows = Array.from({ length: n }, (_, i) => [i, "x".repeat(200)]);
  return JSON.stringify({ results: [{ rows, meta: {} }], bookmark: "b" });
}

server.on("secureConnection", () => counts.connections++);
server.on("request", async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  counts.requests++;
  counts.versions[request.httpVersion] = (counts.versions[request.httpVersion] ?? 0) + 1;
  const { sql } = JSON.parse(body).statements[0];
  if (sql === "die") return request.stream ? request.stream.session.destroy() : request.socket.destroy();
  setTimeout(() => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(answer(sql));
  }, 20);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
createInterface({ input: process.stdin }).on("line", () => console.log(JSON.stringify(counts))).on("close", () => process.exit());
