"""What shall run is kept alike on both databases: the fence only grows, and no port is given twice."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ledger.db import Database
from ledger.errors import Code, Error
from production.ports import Failed, Release, Site
from production.refusals import in_words
from production.store import Store
from tests.conftest import NOON

RELEASE = Release(1, "a" * 40)
SITES = [Site(f"component:default/shop{number}", "production", {"kind": "local"}) for number in range(4)]


@pytest.fixture
def store(each_database: Database) -> Store:
    made = Store(each_database, 20_000, 30_000)
    for site in SITES:
        made.claim(site, 5)
    return made


def free(port: int) -> bool:
    return port not in (20_001, 30_002)


def test_an_older_fence_is_refused_and_changes_nothing(store: Store) -> None:
    name = SITES[0].name
    for refused in (lambda: store.claim(SITES[0], 4), lambda: store.guard(name, 4)):
        with pytest.raises(Error) as error:
            refused()
        assert error.value.code is Code.CONFLICT

    store.guard(name, 5)
    store.claim(SITES[0], 6)
    with pytest.raises(Error):
        store.guard(name, 5)


def test_ports_are_free_ones_and_each_is_given_once_also_to_sites_at_the_same_moment(store: Store) -> None:
    def place(site: Site) -> None:
        store.publish(site.name, None, free)
        store.place(site.name, RELEASE, 3, lambda port: {"port": port}, free)

    with ThreadPoolExecutor(len(SITES)) as pool:
        list(pool.map(place, SITES))

    wanted = store.all()
    assert sorted(one.public_port or 0 for one in wanted) == [20_000, 20_002, 20_003, 20_004]
    ports = sorted(one.port for site in wanted for one in site.placed)
    assert ports == [30_000, 30_001, *range(30_003, 30_013)]


def test_placing_again_adds_only_what_is_missing(store: Store) -> None:
    name = SITES[0].name
    for count in (1, 3, 2):
        store.place(name, RELEASE, count, lambda port: {"port": port}, free)

    assert [(one.number, one.port) for one in store.known(name).placed] == [(1, 30_000), (2, 30_001), (3, 30_003)]


def test_a_public_port_belongs_to_one_site(store: Store) -> None:
    assert store.publish(SITES[0].name, 8080, free) == 8080
    assert store.publish(SITES[0].name, 8080, free) == 8080

    with pytest.raises(Error, match="port 8080 already belongs to shop0@production"):
        store.publish(SITES[1].name, 8080, free)


def test_draining_counts_from_the_first_time_and_anew_after_new_weights(store: Store) -> None:
    name = SITES[0].name
    store.weigh(name, {1: 90, 2: 10, 3: 0})
    assert store.known(name).weights == {1: 90, 2: 10}

    store.drain(name, 2, NOON)
    store.drain(name, 2, NOON + timedelta(seconds=9))
    assert (store.known(name).weights, store.known(name).since) == ({2: 100}, NOON)

    store.weigh(name, {1: 100})
    store.drain(name, 1, NOON + timedelta(hours=1))
    assert store.known(name).since == NOON + timedelta(hours=1)


def test_keeping_one_warm_forgets_neither_and_leaves_the_traffic_to_the_first(store: Store) -> None:
    name = SITES[0].name
    for number in (1, 2, 3):
        store.place(name, Release(number, "b" * 40), 2, lambda port: {}, free)
    store.weigh(name, {1: 50, 3: 50})

    store.keep_only(name, 3, 1)

    assert [one.release for one in store.known(name).placed] == [1, 1, 3, 3]
    assert store.known(name).weights == {3: 50}


def test_keeping_only_one_forgets_the_others(store: Store) -> None:
    name = SITES[0].name
    for number in (1, 2):
        store.place(name, Release(number, "b" * 40), 2, lambda port: {}, free)
    store.weigh(name, {1: 50, 2: 50})

    store.keep_only(name, 2)

    assert [one.release for one in store.known(name).placed] == [2, 2]
    assert store.known(name).weights == {2: 50}


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full (/data/x); free some space and deploy again"),
        (errno.EACCES, "the portal may not write there (/data/x); give its OS user the right to, and deploy again"),
        (errno.EMFILE, "this machine refused: Too many open files (/data/x)"),
    ],
)
def test_what_the_system_refuses_is_said_in_words(number: int, said: str) -> None:
    answer = in_words(OSError(number, os.strerror(number), "/data/x"))

    assert isinstance(answer, Failed)
    assert answer.reason == said
