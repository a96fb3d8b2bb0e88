"""Migration tools people have, through the wire: up, up again, status, a step that fails, down, two runners at once. PostgreSQL 15 runs the
same story first, and what a tool leaves behind on pgd1 must be what it leaves behind there."""
import pytest
from pgd1 import Pgd1
from postgres import Postgres

from tools import TOOLS, Missing, both

TRANSPORTS = ("embedded", "workerd")

SCHEMA = """SELECT table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable
FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'pgd1') ORDER BY table_name, ordinal_position"""
CONSTRAINTS = """SELECT c.relname, o.conname, pg_get_constraintdef(o.oid) FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' ORDER BY 1, 2"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"


def picture(server, tool):
    """What is in the database: its schema, the rows of authors, how many steps the tool has noted."""
    with server.connect() as connection:
        read = lambda sql: connection.execute(sql).fetchall()  # noqa: E731
        tables = {row[0] for row in read("SELECT table_name FROM information_schema.tables")}
        bookkeeping = tool.bookkeeping.split(".")
        quoted = ".".join(f'"{part}"' for part in bookkeeping)
        email = any(row[:2] == ("authors", "email") for row in read(SCHEMA))
        return {"columns": read(SCHEMA), "constraints": read(CONSTRAINTS), "indexes": read(INDEXES),
                "authors": read(f"SELECT id, name{', email' if email else ''} FROM authors ORDER BY id") if "authors" in tables else None,
                "steps": read(f"SELECT count(*) FROM {quoted}")[0][0] if bookkeeping[-1] in tables else None}


def story(server, kind, installed, folder):
    """Every scene's outcome: whether the tool was content, and the picture after it."""
    folder.mkdir()
    tool = kind(installed, folder, server.client_env())
    scenes, outputs = {}, {}

    def scene(name, done):
        outputs[name] = done[1]
        scenes[name] = (tool.content(*done), picture(server, tool))

    scene("up", tool.up())
    scene("up again", tool.up())
    if kind.has_status:
        scene("status", tool.status())
    if kind.has_down:
        scene("down", tool.down())
        scene("up after down", tool.up())
    tool.break_it()
    scene("broken", tool.up())
    return scenes, outputs


@pytest.fixture(scope="session", params=TOOLS, ids=lambda kind: kind.name)
def kind(request):
    return request.param


@pytest.fixture(scope="session")
def installed(kind):
    try:
        return kind.install()
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def told_by_postgres(kind, installed, tmp_path_factory):
    with Postgres(password="oracle") as server:
        scenes, outputs = story(server, kind, installed, tmp_path_factory.mktemp("tool") / kind.name)
    content = {name for name, (ok, _) in scenes.items() if ok}
    assert content == set(scenes) - {"broken"}, outputs  # else the project itself is wrong
    return scenes


@pytest.mark.timeout(900)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_story_is_postgresql_s(kind, installed, told_by_postgres, transport, tmp_path):
    with Pgd1(transport) as server:
        scenes, outputs = story(server, kind, installed, tmp_path / kind.name)
    for name, (ok, after) in told_by_postgres.items():
        assert scenes[name][0] == ok, f"{name}:\n{outputs[name]}"
        assert scenes[name][1] == after, f"{name}:\n{outputs[name]}"
    assert [row[1] for row in scenes["up"][1]["authors"]] == ["Ursula", "Stanislaw"]
    assert any(row[0] == "half" for row in scenes["broken"][1]["columns"]) == (not kind.is_atomic)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_two_runners_at_once_apply_each_step_once(kind, installed, told_by_postgres, transport, tmp_path):
    folder = tmp_path / kind.name
    folder.mkdir()
    with Pgd1(transport) as server:
        tool = kind(installed, folder, server.client_env())
        with both(tool) as runs:
            assert any(tool.content(*run) for run in runs), runs
        last = tool.up()  # the one that gave way says so, and a third finds all done
        assert tool.content(*last), (last, runs)
        assert picture(server, tool) == told_by_postgres["up"][1], runs
