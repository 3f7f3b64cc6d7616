"""Whether a change can be taken back: what migrations do, as far as their text shows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipelines.reversible import migrations, why_not

SQL, ALEMBIC = "migrations/0007_orders.sql", "alembic/versions/7f_orders.py"


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        (SQL, "ALTER TABLE orders ADD COLUMN note text;", ""),
        (SQL, "CREATE TABLE notes (id int);\nDROP INDEX old;", ""),
        (SQL, "ALTER TABLE orders\n  DROP COLUMN note;", f"{SQL}:2 drops a column"),
        (SQL, "drop table if exists orders;", f"{SQL}:1 drops a table"),
        (SQL, "ALTER TABLE orders RENAME TO purchases;", f"{SQL}:1 renames what the old code uses"),
        (SQL, "ALTER TABLE orders ALTER COLUMN id TYPE bigint;", f"{SQL}:1 changes the type of a column"),
        (SQL, "UPDATE orders SET state = 'paid';", f"{SQL}:1 rewrites rows"),
        (SQL, "DELETE FROM orders WHERE old;", f"{SQL}:1 deletes rows"),
        (SQL, "ALTER TABLE a ALTER COLUMN b SET NOT NULL;", f"{SQL}:1 refuses rows as the old code writes them"),
        (SQL, "-- DROP TABLE orders; not yet", ""),
        (SQL, "CREATE TABLE a (b int);\n-- +goose Down\nDROP TABLE a;", ""),
        (SQL, "create table a (b int);\n-- migrate:down\ndrop table a;", ""),
        (ALEMBIC, "def upgrade():\n    op.add_column('a')\ndef downgrade():\n    op.drop_column('a')", ""),
        (ALEMBIC, "def upgrade():\n    op.drop_column('orders', 'note')", f"{ALEMBIC}:2 drops a column"),
        (
            "shop/migrations/0003_x.py",
            "migrations.RemoveField('order', 'note')",
            "shop/migrations/0003_x.py:1 drops a column",
        ),
        ("db/migrate/3_x.rb", "def change\n  remove_column :orders, :note\nend", "db/migrate/3_x.rb:2 drops a column"),
        ("migrations/7.down.sql", "DROP TABLE orders;", ""),
        ("src/orders.py", "DROP TABLE orders", ""),
    ],
)
def test_what_a_migration_takes_away_is_said_with_its_line(path: str, text: str, why: str) -> None:
    assert why_not([path], {path: text}) == why


def test_the_team_knows_better_in_both_directions() -> None:
    drops = {SQL: "DROP TABLE orders;"}

    assert why_not([SQL], drops, reversible=["migrations/*"]) == ""
    assert why_not(["terraform/main.tf"], {}, irreversible=["terraform/**"]) == (
        "terraform/main.tf fits “terraform/**”, which the catalog file calls irreversible"
    )
    assert why_not(["deep/in/here.proto"], {}, irreversible=["*.proto"]).startswith("deep/in/here.proto fits")
    assert why_not(["a.proto"], {}, irreversible=["*.proto"], reversible=["a.proto"]) == ""


def test_only_migrations_forward_are_read_and_not_too_many() -> None:
    paths = ["app.py", "migrations/1.sql", "migrations/1.down.sql", *(f"migrations/{n:03}.sql" for n in range(50))]

    assert migrations(paths, ["migrations/000.sql"])[:2] == ["migrations/1.sql", "migrations/001.sql"]
    assert len(migrations(paths, [])) == 20


@given(some.text(), some.lists(some.text(max_size=30), max_size=3))
def test_no_text_and_no_pattern_makes_it_raise(text: str, patterns: list[str]) -> None:
    assert isinstance(why_not([SQL, text], {SQL: text}, patterns, patterns[:1]), str)
