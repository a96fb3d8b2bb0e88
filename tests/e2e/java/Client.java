// pgjdbc against the server that PG* names: a line "ok WHAT" or "FAIL WHAT: why" per check. Each query runs seven times: with the
// fifth pgjdbc changes to a named statement, with the sixth to binary results.
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Objects;
import java.util.UUID;
import org.postgresql.PGConnection;

public class Client {
    interface Check {
        void run() throws Exception;
    }

    static final OffsetDateTime AT = OffsetDateTime.of(2024, 5, 1, 10, 0, 0, 123456000, ZoneOffset.UTC);
    static final LocalDateTime LOCAL = LocalDateTime.of(1999, 12, 31, 23, 59, 59);
    static final LocalDate DAY = LocalDate.of(2024, 2, 29);
    static final UUID UID = UUID.fromString("01020304-0506-0708-090a-0b0c0d0e0f10");
    static final byte[] RAW = {0, -1, 1};
    static boolean failed;

    static void check(String what, Check check) {
        try {
            check.run();
            System.out.println("ok " + what);
        } catch (Exception | AssertionError e) {
            failed = true;
            System.out.println("FAIL " + what + ": " + e.toString().replace('\n', ' '));
        }
    }

    static void same(Object got, Object want) {
        if (!Objects.deepEquals(got, want))
            throw new AssertionError("got " + got + ", not " + want);
    }

    static void fails(String state, Check check) throws Exception {
        try {
            check.run();
        } catch (SQLException e) {
            same(e.getSQLState(), state);
            return;
        }
        throw new AssertionError("no error, not " + state);
    }

    static String url(String options) {
        return "jdbc:postgresql://" + env("PGHOST") + ":" + env("PGPORT") + "/" + env("PGDATABASE") + options;
    }

    static String env(String name) {
        return Objects.requireNonNullElse(System.getenv(name), "");
    }

    static Connection connect(String options) throws SQLException {
        return DriverManager.getConnection(url(options), env("PGUSER"), env("PGPASSWORD"));
    }

    static void create(Connection c) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.execute("DROP TABLE IF EXISTS java_t");
            s.execute("CREATE TABLE java_t (id int PRIMARY KEY, big int8, dbl float8, num numeric(12,2), flag bool, txt text, at timestamptz, "
                    + "local timestamp, day date, uid uuid, ints int[], raw bytea)");
        }
    }

    static void insert(Connection c) throws SQLException {
        try (PreparedStatement p = c.prepareStatement("INSERT INTO java_t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
            for (int n = 1; n <= 7; n++) {
                p.setInt(1, n);
                p.setLong(2, 9007199254740993L);
                p.setDouble(3, 0.1);
                p.setBigDecimal(4, new BigDecimal("1234567890.50"));
                p.setBoolean(5, n % 2 == 0);
                p.setString(6, "it's ünï " + n);
                p.setObject(7, AT);
                p.setObject(8, LOCAL);
                p.setObject(9, DAY);
                p.setObject(10, UID);
                p.setArray(11, c.createArrayOf("int4", new Integer[] {1, null, n}));
                p.setBytes(12, RAW);
                same(p.executeUpdate(), 1);
            }
        }
    }

    static void select(Connection c) throws SQLException {
        try (PreparedStatement p = c.prepareStatement("SELECT * FROM java_t WHERE id = ?")) {
            for (int n = 1; n <= 7; n++) {
                p.setInt(1, n);
                try (ResultSet r = p.executeQuery()) {
                    same(r.next(), true);
                    same(r.getInt(1), n);
                    same(r.getLong(2), 9007199254740993L);
                    same(r.getDouble(3), 0.1);
                    same(r.getBigDecimal(4), new BigDecimal("1234567890.50"));
                    same(r.getBoolean(5), n % 2 == 0);
                    same(r.getString(6), "it's ünï " + n);
                    same(r.getObject(7, OffsetDateTime.class).toInstant(), AT.toInstant());
                    same(r.getObject(8, LocalDateTime.class), LOCAL);
                    same(r.getObject(9, LocalDate.class), DAY);
                    same(r.getObject(10), UID);
                    same(r.getArray(11).getArray(), new Integer[] {1, null, n});
                    same(r.getBytes(12), RAW);
                    same(r.next(), false);
                }
            }
        }
    }

    static void nulls(Connection c) throws SQLException {
        try (PreparedStatement p = c.prepareStatement("INSERT INTO java_t (id, txt, big) VALUES (?, ?, ?) RETURNING txt, big")) {
            for (int n = 100; n < 107; n++) {
                p.setInt(1, n);
                p.setString(2, null);
                p.setNull(3, java.sql.Types.BIGINT);
                try (ResultSet r = p.executeQuery()) {
                    same(r.next(), true);
                    same(r.getString(1), null);
                    same(r.getLong(2), 0L);
                    same(r.wasNull(), true);
                }
            }
        }
    }

    static void errors(Connection c) throws Exception {
        try (Statement s = c.createStatement(); PreparedStatement p = c.prepareStatement("INSERT INTO java_t (id) VALUES (?)")) {
            for (int n = 0; n < 7; n++)
                fails("23505", () -> {
                    p.setInt(1, 1);
                    p.executeUpdate();
                });
            fails("42703", () -> s.executeQuery("SELECT nosuch FROM java_t"));
            fails("42601", () -> s.executeQuery("SELEKT 1"));
            try (ResultSet r = s.executeQuery("SELECT 1")) {
                same(r.next(), true);
            }
        }
    }

    static void batch(Connection c) throws Exception {
        try (PreparedStatement p = c.prepareStatement("INSERT INTO java_t (id, txt) VALUES (?, ?)")) {
            for (int n = 200; n < 250; n++) {
                p.setInt(1, n);
                p.setString(2, "batch");
                p.addBatch();
            }
            int[] want = new int[50];
            Arrays.fill(want, 1);
            same(p.executeBatch(), want);
            p.setInt(1, 300);
            p.setString(2, "batch");
            p.addBatch();
            p.setInt(1, 200);
            p.addBatch();
            fails("23505", p::executeBatch);
        }
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT count(*) FROM java_t WHERE txt = 'batch'")) {
            r.next();
            same(r.getLong(1), 50L);
        }
    }

    static void inParts(Connection c) throws SQLException {
        c.setAutoCommit(false);
        try (PreparedStatement p = c.prepareStatement("SELECT id FROM java_t WHERE id < ? ORDER BY id")) {
            p.setFetchSize(3);
            p.setInt(1, 8);
            int n = 0;
            try (ResultSet r = p.executeQuery()) {
                while (r.next())
                    same(r.getInt(1), ++n);
            }
            same(n, 7);
        } finally {
            c.commit();
            c.setAutoCommit(true);
        }
    }

    static void copy(Connection c) throws Exception {
        StringBuilder lines = new StringBuilder();
        for (int n = 1000; n < 2000; n++)
            lines.append(n).append("\tcopied ").append(n).append('\n');
        var copy = c.unwrap(PGConnection.class).getCopyAPI();
        same(copy.copyIn("COPY java_t (id, txt) FROM STDIN", new StringReader(lines.toString())), 1000L);
        var out = new StringWriter();
        copy.copyOut("COPY (SELECT id, txt FROM java_t WHERE id >= 1000 ORDER BY id) TO STDOUT", out);
        same(out.toString(), lines.toString());
    }

    static long requests(Connection c) throws SQLException {
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SHOW pgd1.round_trips")) {
            r.next();
            return r.getLong(1);
        }
    }

    // A row with its generated id, three that point to it, a change, and the commit: five statements.
    static void unit(Connection c) throws SQLException {
        int parent;
        try (PreparedStatement p = c.prepareStatement("INSERT INTO java_parent (name) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
            p.setString(1, "unit");
            same(p.executeUpdate(), 1);
            try (ResultSet r = p.getGeneratedKeys()) {
                same(r.next(), true);
                parent = r.getInt("id");
            }
        }
        try (PreparedStatement p = c.prepareStatement("INSERT INTO java_child (parent, name) VALUES (?, ?)")) {
            for (int n = 0; n < 3; n++) {
                p.setInt(1, parent);
                p.setString(2, "child " + n);
                same(p.executeUpdate(), 1);
            }
        }
        try (PreparedStatement p = c.prepareStatement("UPDATE java_parent SET children = 3 WHERE id = ?")) {
            p.setInt(1, parent);
            same(p.executeUpdate(), 1);
        }
        c.commit();
    }

    static void unitOfWork(Connection c) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.execute("CREATE TABLE java_parent (id serial PRIMARY KEY, name text, children int)");
            s.execute("CREATE TABLE java_child (id serial PRIMARY KEY, parent int REFERENCES java_parent, name text)");
        }
        long least = Long.MAX_VALUE;
        try (Connection observer = connect("")) {
            c.setAutoCommit(false);
            // The schema may be polled meanwhile, which is a request too.
            for (int n = 0; n < 3; n++) {
                long before = requests(observer);
                unit(c);
                least = Math.min(least, requests(observer) - before);
            }
            c.setAutoCommit(true);
        }
        same(least, 6L);
        try (Statement s = c.createStatement()) {
            s.execute("DROP TABLE java_child, java_parent");
        }
    }

    /** MIGRATE as functions and as statements, on a server of its own. */
    static void migrations(Connection c, String name, String number) throws Exception {
        String file = number + "_" + name + ".sql";
        try (Statement s = c.createStatement()) {
            ResultSet made = s.executeQuery("SELECT * FROM pgd1.migrate_create('" + name + "', body => 'CREATE TABLE java_" + name + " (id INTEGER)')");
            same(made.next() ? made.getString("name") : "nothing", file);
            for (String state : new String[] {"pending", "applied"}) {
                try (PreparedStatement p = c.prepareStatement("SELECT name, applied_at, chunks_done FROM pgd1.migrations WHERE state = ? AND name = ?")) {
                    p.setString(1, state);
                    p.setString(2, file);
                    ResultSet r = p.executeQuery();
                    same(r.next() ? r.getString(1) : "nothing " + state, file);
                    same(r.getMetaData().getColumnTypeName(2) + " " + r.getMetaData().getColumnTypeName(3), "timestamptz int8");
                    boolean isNow = r.getTimestamp(2) != null && Math.abs(r.getTimestamp(2).getTime() - System.currentTimeMillis()) < 600000;
                    same(isNow, state.equals("applied"));
                    same(r.getLong(3), state.equals("pending") ? 0L : 1L);
                }
                ResultSet up = s.executeQuery(state.equals("pending") ? "SELECT * FROM pgd1.migrate_up()" : "MIGRATE UP");
                same(up.next() ? up.getString("result") + up.getLong("statements") : "nothing", state.equals("pending") ? "applied1" : "nothing");
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0 && arguments[0].equals("migrations")) {
            String[] urls = {"", "?preferQueryMode=simple", "?binaryTransfer=true&prepareThreshold=-1"};
            for (int i = 0; i < urls.length; i++) {
                String name = "way" + i, number = "000" + (i + 1);
                try (Connection c = connect(urls[i])) {
                    check("migrations " + urls[i], () -> migrations(c, name, number));
                }
            }
            System.exit(failed ? 1 : 0);
        }
        try (Connection c = connect("")) {
            check("create", () -> create(c));
            check("insert, seven times", () -> insert(c));
            check("select, seven times", () -> select(c));
            check("null and returning, seven times", () -> nulls(c));
            check("errors have their state", () -> errors(c));
            check("batch", () -> batch(c));
            check("a unit of work is a request a statement, and one", () -> unitOfWork(c));
            check("rows in parts", () -> inParts(c));
            check("copy both ways", () -> copy(c));
        }
        try (Connection c = connect("?preferQueryMode=simple")) {
            check("select, simple protocol", () -> select(c));
        }
        try (Connection c = connect("?binaryTransfer=true&prepareThreshold=-1"); Statement s = c.createStatement()) {
            check("select, binary from the start", () -> select(c));
            check("drop", () -> s.execute("DROP TABLE java_t"));
        }
        System.exit(failed ? 1 : 0);
    }
}
