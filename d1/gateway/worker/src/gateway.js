// pgd1's gateway Worker: one POST /v1/batch is one D1 batch() in one session. README.md states the protocol.

const PROTOCOL = 1;
const VERSION = "1.0.0";

const MAX_REQUEST_BYTES = 32 * 1024 * 1024;
const MAX_STATEMENTS = 10_000;
const SESSION = /^[A-Za-z0-9-]{1,200}$/;

/** An answer that is not a result: status and text for the client. */
class Refusal extends Error {
  constructor(status, message, bookmark) {
    super(message);
    this.status = status;
    this.bookmark = bookmark;
  }
}

export default {
  async fetch(request, env) {
    try {
      await authorize(request, env);
      return Response.json(await route(request, env));
    } catch (error) {
      if (!(error instanceof Refusal)) return refuse(500, "gateway: " + text(error));
      return refuse(error.status, error.message, error.bookmark);
    }
  },
};

function refuse(status, message, bookmark) {
  const body = { error: { message } };
  if (bookmark) body.bookmark = bookmark;
  return Response.json(body, { status });
}

async function route(request, env) {
  const { pathname } = new URL(request.url);
  if (pathname.endsWith("/v1/batch")) {
    if (request.method !== "POST") throw new Refusal(400, "gateway: /v1/batch takes POST");
    return batch(parse(await read(request)), env);
  }
  if (pathname.endsWith("/v1/info") && request.method === "GET")
    return { protocol: PROTOCOL, worker: VERSION, databases: databases(env) };
  throw new Refusal(404, "gateway: no such path");
}

// --- who asks

async function authorize(request, env) {
  if (!env.PGD1_TOKEN) throw new Refusal(500, "gateway: the secret PGD1_TOKEN is not set");
  const given = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  const current = await same(given, env.PGD1_TOKEN);
  const previous = await same(given, env.PGD1_TOKEN_PREVIOUS || env.PGD1_TOKEN);
  if (!current && !previous) throw new Refusal(401, "gateway: token missing or wrong");
}

/** Equal texts, in a time that does not depend on where they differ: their digests are compared. */
async function same(a, b) {
  const [x, y] = await Promise.all([a, b].map((s) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(s))));
  return crypto.subtle.timingSafeEqual(x, y);
}

// --- what is asked

/** The body as text, never more than the limit in memory. */
async function read(request) {
  const limit = new Refusal(413, `gateway: a request may have ${MAX_REQUEST_BYTES} bytes`);
  if (Number(request.headers.get("content-length") ?? 0) > MAX_REQUEST_BYTES) throw limit;
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let body = "";
  let size = 0;
  try {
    for await (const chunk of request.body ?? []) {
      size += chunk.byteLength;
      if (size > MAX_REQUEST_BYTES) throw limit;
      body += decoder.decode(chunk, { stream: true });
    }
    return body + decoder.decode();
  } catch (error) {
    throw error === limit ? limit : new Refusal(400, "gateway: the request is not UTF-8 or was cut");
  }
}

function parse(body) {
  let asked;
  try {
    asked = JSON.parse(body);
  } catch {
    throw new Refusal(400, "gateway: the request is not JSON");
  }
  const { db, session, statements } = asked ?? {};
  if (typeof db !== "string") throw new Refusal(400, "gateway: db must be a binding's name");
  if (session && !(typeof session === "string" && SESSION.test(session)))
    throw new Refusal(400, "gateway: session must be a bookmark, first-primary or first-unconstrained");
  if (!Array.isArray(statements) || statements.length === 0) throw new Refusal(400, "gateway: statements must be a list");
  if (statements.length > MAX_STATEMENTS) throw new Refusal(413, `gateway: a batch may have ${MAX_STATEMENTS} statements`);
  for (const statement of statements) {
    const { sql, params } = statement ?? {};
    if (typeof sql !== "string" || sql.trim() === "") throw new Refusal(400, "gateway: sql must be a statement");
    if (params !== undefined && !Array.isArray(params)) throw new Refusal(400, "gateway: params must be a list");
  }
  return { db, session: session || "first-primary", statements };
}

const isDatabase = (binding) => typeof binding?.prepare === "function" && typeof binding?.withSession === "function";
const databases = (env) => Object.keys(env).filter((name) => isDatabase(env[name]));

// --- the batch

async function batch({ db, session: start, statements }, env) {
  if (!Object.hasOwn(env, db) || !isDatabase(env[db])) throw new Refusal(404, `gateway: no D1 binding has the name ${db}`);
  const session = env[db].withSession(start);
  const prepared = [];
  let answers;
  try {
    for (const { sql, params = [], changes } of statements) {
      const statement = session.prepare(sql);
      prepared.push(params.length ? statement.bind(...params) : statement);
      if (changes) prepared.push(session.prepare("SELECT changes() AS c0"));
    }
    answers = await session.batch(prepared);
  } catch (error) {
    throw new Refusal(422, text(error), session.getBookmark());
  }
  // D1 drops entries that are only a comment: then results could not be told apart.
  if (answers.length !== prepared.length) throw new Refusal(500, "gateway: D1 answered another number of results");
  return { results: fold(statements, answers), bookmark: session.getBookmark() ?? "" };
}

/** D1's own text. */
function text(error) {
  return String(error?.message ?? error).replace(/^(D1_ERROR: )+/, "");
}

/** One result per statement of the client: rows as lists, the counting SELECT folded in. */
function fold(statements, answers) {
  let at = 0;
  return statements.map(({ changes }) => {
    const { results, meta } = answers[at++];
    const result = { rows: (results ?? []).map(list) };
    if (changes) result.changes = answers[at++].results[0].c0;
    result.meta = { rows_read: meta.rows_read, rows_written: meta.rows_written, duration: meta.duration };
    return result;
  });
}

/** {c0, c1, …} -> [c0, c1, …]. */
function list(row) {
  return Object.values(row);
}
