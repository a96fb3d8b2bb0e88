// pgx against the server that PG* names: a line "ok WHAT" or "FAIL WHAT: why" per check.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var (
	ctx    = context.Background()
	failed = false
)

func check(what string, run func() error) {
	if err := run(); err != nil {
		failed = true
		fmt.Printf("FAIL %s: %v\n", what, err)
		return
	}
	fmt.Println("ok", what)
}

func same(got, want any) error {
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("got %v, not %v", got, want)
	}
	return nil
}

type row struct {
	ID    int32
	Big   int64
	Dbl   float64
	Num   string
	Flag  bool
	Txt   *string
	At    time.Time
	UID   string
	Ints  []int32
	Words []string
	Raw   []byte
}

func wanted(n int32) row {
	txt := fmt.Sprintf("it's ünï %d", n)
	return row{n, 9007199254740993, 0.1, "123456789012345678901234567890.50", n%2 == 0, &txt, time.Date(2024, 5, 1, 10, 0, 0, 123456000, time.UTC),
		"01020304-0506-0708-090a-0b0c0d0e0f10", []int32{1, 2, 3}, []string{"a", `b"c`, ""}, []byte{0, 255, 1}}
}

func insertAndSelect(c *pgx.Conn, mode pgx.QueryExecMode, first int32) error {
	for n := first; n < first+7; n++ {
		w := wanted(n)
		tag, err := c.Exec(ctx, "INSERT INTO go_t VALUES ($1, $2, $3, $4::numeric, $5, $6, $7, $8::uuid, $9, $10, $11)", mode,
			w.ID, w.Big, w.Dbl, w.Num, w.Flag, w.Txt, w.At, w.UID, w.Ints, w.Words, w.Raw)
		if err != nil {
			return err
		}
		if tag.String() != "INSERT 0 1" {
			return fmt.Errorf("tag %s", tag)
		}
	}
	for n := first; n < first+7; n++ {
		var r row
		err := c.QueryRow(ctx, "SELECT id, big, dbl, num::text, flag, txt, at, uid::text, ints, words, raw FROM go_t WHERE id = $1", mode, n).
			Scan(&r.ID, &r.Big, &r.Dbl, &r.Num, &r.Flag, &r.Txt, &r.At, &r.UID, &r.Ints, &r.Words, &r.Raw)
		if err != nil {
			return err
		}
		r.At = r.At.UTC()
		if err := same(r, wanted(n)); err != nil {
			return err
		}
	}
	return nil
}

func fails(err error, code string) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != code {
		return fmt.Errorf("got %v, not %s", err, code)
	}
	return nil
}

func batch(c *pgx.Conn) error {
	b := &pgx.Batch{}
	for n := 200; n < 210; n++ {
		b.Queue("INSERT INTO go_t (id, txt) VALUES ($1, $2)", n, "batch")
	}
	b.Queue("SELECT count(*) FROM go_t WHERE txt = $1", "batch")
	results := c.SendBatch(ctx, b)
	for n := 0; n < 10; n++ {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	var count int64
	if err := results.QueryRow().Scan(&count); err != nil {
		return err
	}
	if err := results.Close(); err != nil {
		return err
	}
	return same(count, int64(10))
}

func failedBatch(c *pgx.Conn) error {
	b := &pgx.Batch{}
	b.Queue("INSERT INTO go_t (id) VALUES (300)")
	b.Queue("INSERT INTO go_t (id) VALUES (200)")
	if err := fails(c.SendBatch(ctx, b).Close(), "23505"); err != nil {
		return err
	}
	var count int64
	if err := c.QueryRow(ctx, "SELECT count(*) FROM go_t WHERE id = 300").Scan(&count); err != nil {
		return err
	}
	return same(count, int64(0))
}

func copyBoth(c *pgx.Conn) error {
	rows := make([][]any, 1000)
	for n := range rows {
		rows[n] = []any{int32(1000 + n), fmt.Sprintf("copied %d", n), int64(n)}
	}
	count, err := c.CopyFrom(ctx, pgx.Identifier{"go_t"}, []string{"id", "txt", "big"}, pgx.CopyFromRows(rows))
	if err != nil {
		return err
	}
	if err := same(count, int64(1000)); err != nil {
		return err
	}
	var out bytes.Buffer
	if _, err := c.PgConn().CopyTo(ctx, &out, "COPY (SELECT id, txt, big FROM go_t WHERE id IN (1000, 1999) ORDER BY id) TO STDOUT"); err != nil {
		return err
	}
	return same(out.String(), "1000\tcopied 0\t0\n1999\tcopied 999\t999\n")
}

func main() {
	c, err := pgx.Connect(ctx, "")
	if err != nil {
		fmt.Println("FAIL connect:", err)
		os.Exit(1)
	}
	check("create", func() error {
		_, err := c.Exec(ctx, "DROP TABLE IF EXISTS go_t")
		if err == nil {
			_, err = c.Exec(ctx, "CREATE TABLE go_t (id int PRIMARY KEY, big int8, dbl float8, num numeric, flag bool, txt text, at timestamptz, "+
				"uid uuid, ints int[], words text[], raw bytea)")
		}
		return err
	})
	for n, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		check("seven inserts and selects, "+mode.String(), func() error { return insertAndSelect(c, mode, int32(1+10*n)) })
	}
	check("null", func() error {
		var txt *string
		err := c.QueryRow(ctx, "INSERT INTO go_t (id) VALUES ($1) RETURNING txt", 100).Scan(&txt)
		if err == nil && txt != nil {
			err = errors.New("not null")
		}
		return err
	})
	check("errors have their code", func() error {
		_, err := c.Exec(ctx, "INSERT INTO go_t (id) VALUES ($1)", 1)
		if err := fails(err, "23505"); err != nil {
			return err
		}
		_, err = c.Exec(ctx, "SELECT nosuch FROM go_t")
		return fails(err, "42703")
	})
	check("batch", func() error { return batch(c) })
	check("batch with an error leaves nothing", func() error { return failedBatch(c) })
	check("copy both ways", func() error { return copyBoth(c) })
	check("read in a transaction", func() error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			var n int64
			return tx.QueryRow(ctx, "SELECT count(*) FROM go_t").Scan(&n)
		})
	})
	check("write in a transaction", func() error {
		var shown, kept int64
		err := pgx.BeginTxFunc(ctx, c, pgx.TxOptions{IsoLevel: pgx.Serializable}, func(tx pgx.Tx) error {
			if err := tx.QueryRow(ctx, "INSERT INTO go_t (id, big) VALUES ($1, $2) RETURNING big", 7700, int64(9007199254740993)).Scan(&shown); err != nil {
				return err
			}
			return tx.QueryRow(ctx, "SELECT big FROM go_t WHERE id = $1", 7700).Scan(&kept)
		})
		if err == nil {
			err = c.QueryRow(ctx, "DELETE FROM go_t WHERE id = $1 AND big = $2 RETURNING big", 7700, shown).Scan(&kept)
		}
		if err == nil && (shown != 9007199254740993 || kept != shown) {
			err = fmt.Errorf("shown %d, kept %d", shown, kept)
		}
		return err
	})
	check("drop", func() error { _, err := c.Exec(ctx, "DROP TABLE go_t"); return err })
	if err := c.Close(ctx); err != nil || failed {
		os.Exit(1)
	}
}
