// The REST API of D1 as production shapes it, over D1's own engine in workerd: addresses, envelope, codes, one result per
// statement. Only for tests. What production does is stated in the table of codes below; what is unknown there is a mode:
// POST /control {"params": "strings"|"any", "atomic": true|false}, with the token.
//
// Time travel is a test double with a real effect: each bookmark that is asked for is a copy of all rows and objects, kept here, and
// restoring makes the database anew from it in one batch. D1 itself can go back to any moment of 30 days; this, to what was asked for.

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
    /^\/client\/v4\/accounts\/([^/]+)\/d1\/database\/([^/]+)(?:\/(query|raw|time_travel\/bookmark|time_travel\/restore))?$/.exec(pathname) ?? [];
  if (!account) throw new ApiError(404, 7003, "Could not route to " + pathname + ", perhaps your object identifier is invalid?");
  if (account !== env.ACCOUNT)
    throw new ApiError(403, 7403, "The given account is not valid or is not authorized to access this service");
  if (!UUID.test(database)) throw new ApiError(400, 7400, "Invalid property: databaseId => Invalid uuid");
  if (database !== env.DATABASE) throw new ApiError(404, 7404, `The database ${database} could not be found`);
  if (!form) return envelope(true, [], { uuid: database, name: "app", version: "production", num_tables: 0, file_size: 0 });
  if (request.method !== (form === "time_travel/bookmark" ? "GET" : "POST")) throw new ApiError(405, 7405, "Method not allowed");
  if (form.startsWith("time_travel/")) return envelope(true, [], await travel(env, form, new URL(request.url).searchParams));
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

const DAYS_KEPT = 30;
const history = [];

async function travel(env, form, asked) {
  const bookmark = asked.get("bookmark");
  const timestamp = asked.get("timestamp");
  if (form === "time_travel/bookmark") return { bookmark: timestamp ? at(timestamp).bookmark : (await copy(env)).bookmark };
  if (!bookmark === !timestamp) throw new ApiError(400, 7400, "Either a bookmark or a timestamp is wanted");
  const to = bookmark ? history.find((state) => state.bookmark === bookmark) : at(timestamp);
  if (!to) throw new ApiError(400, 7500, `Invalid bookmark ${bookmark}`);
  const previous = await copy(env);
  await env.D1.query({ queries: restoring(previous, to).map((sql) => ({ sql, params: [] })) });
  return { bookmark: (await copy(env)).bookmark, previous_bookmark: previous.bookmark, message: "Database restored successfully" };
}

/** The newest state at or before a time. */
function at(timestamp) {
  const time = Date.parse(timestamp);
  if (!/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(timestamp) || Number.isNaN(time)) throw new ApiError(400, 7400, "Invalid timestamp");
  if (time < Date.now() - DAYS_KEPT * 86400000) throw new ApiError(400, 7500, `You can only Time Travel up to ${DAYS_KEPT} days in the past`);
  const found = history.filter((state) => state.time <= time).pop();
  if (!found) throw new ApiError(400, 7500, `No bookmark at or before ${timestamp}`);
  return found;
}

const identifier = (name) => `"${name.replaceAll('"', '""')}"`;
const text = (value) => `'${value.replaceAll("'", "''")}'`;

async function ask(env, ...statements) {
  const { results } = await env.D1.query({ queries: statements.map((sql) => ({ sql, params: [] })) });
  return results.map(({ data }) => data.rows);
}

async function copy(env) {
  const [objects, columns] = await ask(env,
    "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*' ORDER BY rowid",
    "SELECT l.name, l.wr, c.name, c.pk, upper(c.type), c.hidden FROM pragma_table_list AS l JOIN pragma_table_xinfo(l.name) AS c " +
      "WHERE l.schema = 'main' AND l.type = 'table' AND l.name NOT GLOB 'sqlite_*' AND l.name NOT GLOB '_cf_*' ORDER BY l.name, c.cid");
  if (objects.some(([, , sql]) => /^CREATE VIRTUAL/i.test(sql))) throw new ApiError(501, 7500, "this double does not copy virtual tables");
  const tables = objects.filter(([type]) => type === "table").map(([, name]) => {
    const own = columns.filter((column) => column[0] === name);
    const key = own.filter((column) => column[3] > 0);
    const has_rowid = !own[0][1] && !(key.length === 1 && key[0][4] === "INTEGER");
    return { name, columns: [...(has_rowid ? ["rowid"] : []), ...own.filter((column) => column[5] === 0).map((column) => identifier(column[2]))] };
  });
  const counts = objects.some(([, , sql]) => /AUTOINCREMENT/i.test(sql));
  const rows = await ask(env, "SELECT 1", ...(counts ? ["SELECT name, seq FROM sqlite_sequence"] : []),
    ...tables.map((table) => `SELECT ${table.columns.map((name) => `quote(${name})`).join("||','||")} FROM ${identifier(table.name)}`));
  const sequences = counts ? rows[1] : [];
  const contents = rows.slice(counts ? 2 : 1);
  const inserts = tables.flatMap(({ name, columns: names }, i) => contents[i].map(([values]) => `INSERT INTO ${identifier(name)}(${names}) VALUES(${values})`));
  const number = (history.length + 1).toString(16).padStart(8, "0");
  const random = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const state = { bookmark: `${number}-00000000-00004c6d-${random}`, time: Date.now(), objects, inserts, sequences, counts };
  history.push(state);
  return state;
}

/** The statements from one state to another. */
function restoring(from, to) {
  const of = (state, ...types) => state.objects.filter(([type]) => types.includes(type));
  return ["PRAGMA defer_foreign_keys=on",
    ...of(from, "trigger", "view", "table").reverse().sort((a, b) => (a[0] === "table") - (b[0] === "table"))
      .map(([type, name]) => `DROP ${type} ${identifier(name)}`),
    ...of(to, "table").map(([, , sql]) => sql), ...to.inserts,
    ...(from.counts || to.counts ? ["DELETE FROM sqlite_sequence"] : []),
    ...to.sequences.map(([name, seq]) => `INSERT INTO sqlite_sequence(name, seq) VALUES(${text(name)}, ${seq})`),
    ...of(to, "index", "view", "trigger").map(([, , sql]) => sql)];
}
