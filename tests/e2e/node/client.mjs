// node-postgres against the server that PG* names: a line "ok WHAT" or "FAIL WHAT: why" per check.
import assert from 'node:assert/strict';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import pg from 'pg';
import Cursor from 'pg-cursor';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';

const client = new pg.Client();
await client.connect();
let failed = 0;

async function check(what, run) {
    try {
        await run();
        console.log(`ok ${what}`);
    } catch (error) {
        failed++;
        console.log(`FAIL ${what}: ${error.code ?? ''} ${String(error.message).replaceAll('\n', ' ')}`);
    }
}

const one = async (text, values) => (await client.query(text, values)).rows;
const row = n => [n, '9007199254740993', 0.1, '123456789012345678901234567890.50', n % 2 === 0, `it's "ünï" \\ ${n}`, new Date('2024-05-01T10:00:00.123Z'),
    '2024-02-29', '01020304-0506-0708-090a-0b0c0d0e0f10', { a: [1, null, 'x'] }, [1, null, 3], ['a', 'b"c', null], Buffer.from([0, 255, 1])];

// With this argument on a server of its own: MIGRATE as functions, whose rows come as text and in binary, and as statements.
if (process.argv[2] === 'migrations') {
    for (const binary of [false, true]) {
        const name = binary ? 'binary' : 'text', number = binary ? '0002' : '0001', file = `${number}_${name}.sql`;
        await check(`migrations, ${name}`, async () => {
            const ask = async text => (await client.query({ text, binary })).rows;
            assert.equal((await ask(`SELECT name FROM pgd1.migrate_create('${name}', body => 'CREATE TABLE node_${name} (id INTEGER)')`))[0].name, file);
            const pending = "SELECT name, state, applied_at, duration_ms FROM pgd1.migrations WHERE name = $1";
            const before = await client.query({ text: pending, values: [file], binary });
            assert.deepEqual(before.rows, [{ name: file, state: 'pending', applied_at: null, duration_ms: null }]);
            assert.deepEqual(before.fields.map(f => f.dataTypeID), [25, 25, 1184, 20]);
            const up = await ask('SELECT name, result, statements FROM pgd1.migrate_up()');
            assert.deepEqual(up.map(r => [r.name, r.result, Number(r.statements)]), [[file, 'applied', 1]]);
            const after = (await client.query({ text: pending, values: [file], binary })).rows[0];
            // node-postgres makes UTF-8 of binary values before it reads them: test_python.py and Client.java look at this one
            assert.ok(after.state === 'applied' && (binary || Math.abs(after.applied_at - Date.now()) < 600000), JSON.stringify(after));
            const status = (await ask('MIGRATE STATUS')).find(r => r.name === file);
            assert.equal(status.hash.length, 64);
            assert.equal(Number(status.chunks_done), 1);
            assert.deepEqual(await ask('SELECT * FROM pgd1.migrate_validate()'), []);
        });
    }
    await client.end();
    process.exit(failed ? 1 : 0);
}

await check('create', async () => {
    await client.query('DROP TABLE IF EXISTS node_t');
    await client.query(`CREATE TABLE node_t (id int PRIMARY KEY, big int8, dbl float8, num numeric, flag bool, txt text, at timestamptz, day date,
        uid uuid, doc jsonb, ints int[], words text[], raw bytea)`);
});
await check('insert, seven times', async () => {
    for (let n = 1; n <= 7; n++) {
        const result = await client.query('INSERT INTO node_t VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)', row(n));
        assert.equal(result.rowCount, 1);
    }
});
for (const name of [undefined, 'node_select'])
    await check(`select, seven times, ${name ? 'named' : 'unnamed'}`, async () => {
        for (let n = 1; n <= 7; n++) {
            const { rows, fields } = await client.query({ name, text: "SELECT *, to_char(day, 'YYYY-MM-DD') AS day_text FROM node_t WHERE id = $1", values: [n] });
            const { day, day_text, ...rest } = rows[0];
            const [, , , , , , , wantDay, ...more] = row(n);
            assert.deepEqual(Object.values(rest), [...row(n).slice(0, 7), ...more]);
            assert.equal(day_text, wantDay);
            assert.equal(day.getFullYear(), 2024);
            assert.deepEqual(fields.slice(0, 4).map(f => f.dataTypeID), [23, 20, 701, 1700]);
        }
    });
await check('binary results', async () => {
    const { rows } = await client.query({ text: 'SELECT id, txt, flag FROM node_t WHERE id = $1', values: [2], binary: true });
    assert.deepEqual(rows[0], { id: 2, txt: row(2)[5], flag: true });
});
await check('null and returning', async () => {
    assert.deepEqual(await one('INSERT INTO node_t (id, txt) VALUES ($1, $2) RETURNING id, txt, big', [100, null]), [{ id: 100, txt: null, big: null }]);
});
await check('errors have their code', async () => {
    await assert.rejects(one('INSERT INTO node_t (id) VALUES (1)'), { code: '23505', constraint: 'node_t_pkey', table: 'node_t' });
    await assert.rejects(one('SELECT nosuch FROM node_t'), { code: '42703' });
    await assert.rejects(one('SELECT $1::int', ['x']), { code: '22P02' });
    assert.deepEqual(await one('SELECT 1 AS a'), [{ a: 1 }]);
});
await check('string of statements', async () => {
    const results = await client.query("UPDATE node_t SET txt = 'u' WHERE id = 100; SELECT txt FROM node_t WHERE id = 100; DELETE FROM node_t WHERE id = 100");
    assert.deepEqual(results.map(r => [r.command, r.rowCount]), [['UPDATE', 1], ['SELECT', 1], ['DELETE', 1]]);
});
await check('any of an array', async () => {
    assert.deepEqual((await one('SELECT id FROM node_t WHERE id = ANY($1::int[]) ORDER BY id', [[2, 4, 99]])).map(r => r.id), [2, 4]);
});
await check('cursor in parts', async () => {
    const cursor = client.query(new Cursor('SELECT id FROM node_t ORDER BY id'));
    const sizes = [];
    for (let rows; (rows = await cursor.read(3)).length > 0;)
        sizes.push(rows.length);
    await cursor.close();
    assert.deepEqual(sizes, [3, 3, 1]);
});
await check('copy both ways', async () => {
    const lines = Array.from({ length: 1000 }, (_, n) => `${1000 + n}\tcopied ${n}\n`);
    await pipeline(Readable.from(lines), client.query(copyFrom('COPY node_t (id, txt) FROM STDIN')));
    assert.deepEqual(await one("SELECT count(*)::int AS n FROM node_t WHERE txt LIKE 'copied%'"), [{ n: 1000 }]);
    const out = [];
    await pipeline(client.query(copyTo('COPY (SELECT id, txt FROM node_t WHERE id >= 1000 ORDER BY id) TO STDOUT')), async source => {
        for await (const chunk of source)
            out.push(chunk);
    });
    assert.equal(Buffer.concat(out).toString(), lines.join(''));
});
await check('transaction', async () => {
    await client.query('BEGIN');
    assert.deepEqual(await one('INSERT INTO node_t (id, txt) VALUES ($1, $2) RETURNING id, txt, ints', [500, 'in a block']), [{ id: 500, txt: 'in a block', ints: null }]);
    await client.query('SAVEPOINT s');
    await assert.rejects(one('INSERT INTO node_t (id) VALUES ($1)', [500]), { code: '23505', constraint: 'node_t_pkey' });
    await assert.rejects(one('SELECT 1'), { code: '25P02' });
    await client.query('ROLLBACK TO SAVEPOINT s');
    assert.equal((await client.query('UPDATE node_t SET big = $1 WHERE id = $2', ['9007199254740993', 500])).rowCount, 1);
    assert.deepEqual(await one('SELECT big, txt FROM node_t WHERE id = $1', [500]), [{ big: '9007199254740993', txt: 'in a block' }]);
    const pool = new pg.Pool({ max: 1 });
    assert.deepEqual((await pool.query('SELECT id FROM node_t WHERE id = 500')).rows, []);
    assert.equal((await client.query('COMMIT')).command, 'COMMIT');
    assert.deepEqual((await pool.query('SELECT big FROM node_t WHERE id = 500')).rows, [{ big: '9007199254740993' }]);
    await pool.end();
    await client.query('BEGIN');
    assert.equal((await client.query('DELETE FROM node_t')).rowCount > 0, true);
    await client.query('ROLLBACK');
    assert.equal((await client.query('DELETE FROM node_t WHERE id = 500')).rowCount, 1);
});
await check('pool of ten', async () => {
    const pool = new pg.Pool({ max: 10 });
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => pool.query('SELECT $1::int AS n', [n])));
    assert.deepEqual(answers.map(a => a.rows[0].n), Array.from({ length: 40 }, (_, n) => n));
    await pool.end();
});
await check('drop', () => client.query('DROP TABLE node_t'));
await client.end();
process.exit(failed ? 1 : 0);
