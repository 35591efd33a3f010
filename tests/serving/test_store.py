"""The store: the same behaviour on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select

from palate.errors import ConfigError, StoreError
from palate.serving import keys
from palate.serving.store import Store, activations, audit, events, items, schema, users
from palate.serving.store.database import now
from palate.serving.store.events import Happened, KeyReusedError
from palate.serving.store.models import Base, Fact

from .conftest import Postgres


def happened(user: str = "ann", item: str = "7", kind: str = "like") -> Happened:
    return Happened(user, item, kind, None, now())


def history(store: Store, user: str) -> list[str]:
    return [one.item for one in users.known(store, user)[0]]


def test_the_tables_are_those_of_the_models(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == schema.HEAD
    script = ScriptDirectory.from_config(schema.configuration())
    assert script.get_current_head() == schema.HEAD


def test_migrations_go_down_and_up_again(store: Store) -> None:
    from alembic import command

    with store.writing() as connection:
        command.downgrade(schema.configuration(connection), "base")
    schema.upgrade(store.engine)
    events.add(store, [happened()])
    assert history(store, "ann") == ["7"]


def test_events_come_back_in_order(store: Store) -> None:
    events.add(store, [happened(item="1"), happened("bob", "2"), happened(item="3")])
    events.add(store, [happened(item="4", kind="skip")])
    assert history(store, "ann") == ["1", "3", "4"]
    assert history(store, "nobody") == []
    assert users.listed(store, "", 10) == ["ann", "bob"]
    assert users.listed(store, "b", 10) == ["bob"]


@pytest.mark.parametrize("wild", ["%", "_", "A", "an%"])
def test_a_prefix_means_what_it_says(store: Store, wild: str) -> None:
    events.add(store, [happened("ann"), happened("%x"), happened("_y")])
    expected = {"%": ["%x"], "_": ["_y"], "A": [], "an%": []}[wild]
    assert users.listed(store, wild, 10) == expected


def test_a_repeated_key_writes_nothing(store: Store) -> None:
    assert events.add(store, [happened(), happened()], "key", "request") == (2, False)
    assert events.add(store, [happened(), happened()], "key", "request") == (2, True)
    assert len(history(store, "ann")) == 2
    with pytest.raises(KeyReusedError, match="new key"):
        events.add(store, [happened()], "key", "another")
    assert len(history(store, "ann")) == 2


def test_a_key_that_two_send_at_once_is_written_once(store: Store) -> None:
    answers: list[tuple[int, bool]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(events.add(store, [happened()], "k", "r")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [(1, False)] + [(1, True)] * 7
    assert history(store, "ann") == ["7"]


def test_old_answers_are_forgotten(store: Store) -> None:
    events.add(store, [happened()], "key", "request")
    events.forget_answers(store, now())
    assert events.add(store, [happened()], "key", "request") == (1, False)


def test_many_writers_lose_nothing(store: Store) -> None:
    def write(number: int) -> None:
        for n in range(10):
            events.add(store, [happened(f"user{number}", str(n)), happened("all", str(n))])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(history(store, "all")) == 80
    assert all(history(store, f"user{n}") == [str(i) for i in range(10)] for n in range(8))


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    def half() -> None:
        with store.writing() as connection:
            connection.execute(Fact.__table__.insert(), [{"name": "a", "value": "b"}])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    with store.reading() as connection:
        assert connection.scalar(select(Fact.value).where(Fact.name == "a")) is None


def test_deleting_a_user_leaves_nothing_but_a_hash(store: Store) -> None:
    events.add(store, [happened("ann"), happened("bob")], "key", "request")
    done = users.deleted(store, "ann", "tests")
    assert (done.events, done.known) == (1, True)
    assert history(store, "ann") == []
    assert history(store, "bob") == ["7"]
    assert users.exported(store, "ann")["events"] == []
    assert users.known(store, "ann")[1]
    assert not users.known(store, "bob")[1]
    with store.reading() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                assert "ann" not in row
    assert audit.read(store)[0][1:3] == ("tests", "delete user")


def test_a_user_can_be_deleted_twice_and_come_back(store: Store) -> None:
    users.deleted(store, "ann", "tests")
    again = users.deleted(store, "ann", "tests")
    assert (again.events, again.known) == (0, False)
    events.add(store, [happened("ann", "9")])
    assert history(store, "ann") == ["9"]
    assert users.known(store, "ann")[1]


def test_items_are_put_and_described_anew(store: Store) -> None:
    items.put(store, "x", "First", {"year": 1}, "tests")
    items.put(store, "y", "Other", {}, "tests")
    items.put(store, "x", "Second", {"genres": ["Ä", "b"]}, "tests")
    with store.reading() as connection:
        found = items.changed(connection)
        assert [(one.item, one.title) for one in found] == [("y", "Other"), ("x", "Second")]
        assert found[1].attributes == {"genres": ["Ä", "b"]}
        assert [one.item for one in items.changed(connection, found[0].changed)] == ["x"]
        assert items.one(connection, "z") is None


def test_activations_are_remembered(store: Store) -> None:
    for version in ("a", "a-v2", "a"):
        activations.add(store, "shop", version, "tests")
    activations.add(store, "other", "b", "tests")
    assert activations.history(store, "shop") == ["a", "a-v2", "a"]
    with store.reading() as connection:
        assert activations.current(connection) == {"shop": "a", "other": "b"}


def test_keys_open_what_their_role_may(store: Store) -> None:
    key = keys.make(store, "shop", "write")
    caller = keys.Keys(store).caller(f"Bearer {key}")
    assert caller is not None
    assert [caller.may(role) for role in keys.ROLES] == [True, True, False]
    public = key.split("_")[1]
    with store.reading() as connection:
        kept = [str(row) for row in connection.execute(select(Base.metadata.tables["keys"]))]
    assert key.rpartition("_")[2] not in "".join(kept)
    known = keys.Keys(store)
    assert known.caller(f"bearer  {key}") is not None
    keys.revoke(store, public)
    with store.reading() as connection:
        known.refresh(connection)
    assert known.caller(f"Bearer {key}") is None
    with pytest.raises(ConfigError, match="keys ls"):
        keys.revoke(store, public)
    assert [one.revoked is not None for one in keys.listed(store)] == [True]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", "Basic abc", "Bearer plt_000000000000_" + "a" * 43]
)
def test_what_is_no_key_opens_nothing(store: Store, header: str) -> None:
    keys.make(store, "shop", "admin")
    assert keys.Keys(store).caller(header) is None


def test_two_open_an_empty_store_at_once(address: str) -> None:
    opened: list[Store] = []
    threads = [threading.Thread(target=lambda: opened.append(Store(address))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    assert len({one.salt for one in opened}) == 1
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("nowhere/here/store.sqlite", "make it first"),
        ("mysql://here/x", "mysql is no store"),
        ("sqlite://", "in memory"),
        ("://", "not an address"),
    ],
)
def test_an_address_that_is_none_says_the_mend(address: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Store(address)


def test_a_file_that_is_no_database_says_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    path.write_text("not a database, but a long enough text to look at" * 20)
    with pytest.raises(StoreError, match="move the file away"):
        Store(str(path))


def test_no_postgresql_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        Store("postgresql://palate@127.0.0.1:1/none")


def test_a_password_is_not_told(postgres: Postgres) -> None:
    url = postgres.database().replace("palate@", "palate:secret@")
    opened = Store(url)
    assert "secret" not in opened.place
    opened.close()


def test_a_database_that_was_gone_is_taken_up_again(postgres: Postgres) -> None:
    opened = Store(postgres.database())
    events.add(opened, [happened()])
    postgres.stop()
    with pytest.raises(StoreError, match="cannot be"):
        events.add(opened, [happened()])
    postgres.start()
    events.add(opened, [happened(item="8")])
    assert history(opened, "ann") == ["7", "8"]
    opened.close()
