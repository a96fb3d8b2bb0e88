// A bad network before a Worker, for tests: POST /control {"faults": [fault, …]} says what happens to the next requests, one
// fault each; later ones pass. GET /control tells how many requests came, and how many passed.
//   {"status": 429, "headers": {"retry-after": "1"}, "body": …}   answers that instead; body: text, or an object as JSON
//   {"delay_ms": 200}                                             waits before the request passes
//   {"after": true, …}                                            the request passes first: an answer lost or replaced
//   {"cut": 40}                                                   the answer breaks off after 40 bytes
//   {"html": true}                                                a page of somebody else, status 200
//   {"pass": true}                                                nothing happens

let faults = [];
let seen = 0;
let passed = 0;

export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname === "/control") return control(request);
    seen++;
    const fault = faults.shift();
    if (!fault) return pass(request, env);
    if (fault.delay_ms) await new Promise((resolve) => setTimeout(resolve, fault.delay_ms));
    const replaces = fault.status || fault.html;
    const answer = fault.after || !replaces ? await pass(request, env) : null;
    if (fault.html) return new Response("<html><body>502 Bad Gateway</body></html>", { headers: { "content-type": "text/html" } });
    if (fault.status) {
      const json = typeof fault.body === "object";
      const headers = { "content-type": json ? "application/json" : "text/plain", ...fault.headers };
      return new Response(json ? JSON.stringify(fault.body) : fault.body, { status: fault.status, headers });
    }
    return fault.cut === undefined ? answer : cut(answer, fault.cut);
  },
};

async function control(request) {
  if (request.method === "POST") {
    faults = (await request.json()).faults ?? [];
    seen = passed = 0;
  }
  return Response.json({ seen, passed, waiting: faults.length });
}

function pass(request, env) {
  passed++;
  return env.NEXT.fetch(request);
}

/** Half an answer: the body ends with an error, so the connection is closed short of its end. */
async function cut(answer, size) {
  const bytes = new Uint8Array(await answer.arrayBuffer());
  let sent = false;
  const body = new ReadableStream({
    async pull(controller) {
      if (sent) {
        await new Promise((resolve) => setTimeout(resolve, 30)); // so that the first part goes out
        return controller.error(new Error("cut"));
      }
      sent = true;
      controller.enqueue(bytes.slice(0, size));
    },
  });
  return new Response(body, { status: answer.status, headers: { "content-type": "application/json" } });
}
