// The REST API of D1 as production shapes it, over D1's own engine in workerd: addresses, envelope, codes, one result per
// statement. Only for tests. What production does is stated in the table of codes below; what is unknown there is a mode:
// POST /control {"params": "strings"|"any", "atomic": true|false}, with the token.

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const mode = { params: "strings", atomic: true };

/** An error of the API: HTTP status and code. */
class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

const envelope = (success, errors, result, status = 200) =>
  Response.json({ success, errors, messages: [], result }, { status });

export default {
  async fetch(request, env) {
    try {
      return await route(request, env);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return envelope(false, [{ code: error.code, message: error.message }], null, error.status);
    }
  },
};

async function route(request, env) {
  if (request.headers.get("authorization") !== `Bearer ${env.TOKEN}`) throw new ApiError(403, 10000, "Authentication error");
  const { pathname } = new URL(request.url);
  if (pathname === "/control") {
    Object.assign(mode, await request.json());
    return Response.json(mode);
  }
  const [, account, database, form] =
    /^\/client\/v4\/accounts\/([^/]+)\/d1\/database\/([^/]+)(?:\/(query|raw))?$/.exec(pathname) ?? [];
  if (!account) throw new ApiError(404, 7003, "Could not route to " + pathname + ", perhaps your object identifier is invalid?");
  if (account !== env.ACCOUNT)
    throw new ApiError(403, 7403, "The given account is not valid or is not authorized to access this service");
  if (!UUID.test(database)) throw new ApiError(400, 7400, "Invalid property: databaseId => Invalid uuid");
  if (database !== env.DATABASE) throw new ApiError(404, 7404, `The database ${database} could not be found`);
  if (!form) return envelope(true, [], { uuid: database, name: "app", version: "production", num_tables: 0, file_size: 0 });
  if (request.method !== "POST") throw new ApiError(405, 7405, "Method not allowed");
  const queries = read(await request.json().catch(() => null));
  return envelope(true, [], (await run(env, queries)).map((r) => shape(form, r)));
}

/** The statements asked for, those joined by semicolons taken apart. */
function read(body) {
  const asked = Array.isArray(body?.batch) ? body.batch : [body];
  return asked.flatMap((query) => {
    const { sql, params = [] } = query ?? {};
    const known = (p) => typeof p === "string" || (mode.params === "any" && (p === null || typeof p === "number"));
    if (typeof sql !== "string" || !Array.isArray(params) || !params.every(known)) throw new ApiError(400, 10001, "Invalid input");
    const parts = split(sql);
    return parts.map((text, i) => ({ sql: text, params: i === parts.length - 1 ? params : [] }));
  });
}

/** As production: a body of a trigger is known by BEGIN in capitals only. */
function split(sql) {
  const parts = [];
  let depth = 0;
  let start = 0;
  for (const { 0: token, index } of sql.matchAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[^]*?\*\/|\b(?:BEGIN|END)\b|;/g)) {
    if (token === "BEGIN") depth++;
    if (token === "END" && depth > 0) depth--;
    if (token !== ";" || depth > 0) continue;
    parts.push(sql.slice(start, index));
    start = index + 1;
  }
  parts.push(sql.slice(start));
  return parts.filter((text) => text.trim() !== "");
}

async function run(env, queries) {
  try {
    if (mode.atomic) return (await env.D1.query({ queries })).results;
    const results = [];
    for (const query of queries) results.push(...(await env.D1.query({ queries: [query] })).results);
    return results;
  } catch (error) {
    throw new ApiError(400, 7500, String(error.message).replace(/^(D1_ERROR: )+/, ""));
  }
}

function shape(form, { data: { columns, rows }, meta }) {
  const objects = () => rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
  return { results: form === "raw" ? { columns, rows } : objects(), success: true, meta };
}
