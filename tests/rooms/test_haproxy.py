"""Weights are exact, and the configuration is one that HAProxy takes."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from production import balance, haproxy
from production.balance import Door, Server


@pytest.mark.parametrize(
    ("percents", "counts", "weights"),
    [
        ({230: 90, 231: 10}, {230: 4, 231: 1}, {230: [9, 9, 9, 9], 231: [4]}),
        ({230: 50, 231: 50}, {230: 3, 231: 2}, {230: [2, 2, 2], 231: [3, 3]}),
        ({230: 99, 231: 1}, {230: 1, 231: 1}, {230: [99], 231: [1]}),
        ({231: 100}, {230: 2, 231: 2}, {230: [0, 0], 231: [1, 1]}),
        ({}, {230: 2}, {230: [0, 0]}),
        ({}, {}, {}),
    ],
)
def test_weights_give_each_release_its_percentage(
    percents: dict[int, float], counts: dict[int, int], weights: dict[int, list[int]]
) -> None:
    assert balance.weights(percents, counts) == weights


@given(
    percent=st.integers(1, 99),
    old=st.integers(1, 50),
    new=st.integers(1, 50),
)
def test_no_percentage_is_off_by_more_than_a_half(percent: int, old: int, new: int) -> None:
    weights = balance.weights({230: 100 - percent, 231: percent}, {230: old, 231: new})

    total = sum(weights[230]) + sum(weights[231])
    assert 100 * sum(weights[231]) / total == pytest.approx(percent, abs=0.5)
    assert all(0 <= one <= balance.HEAVIEST for each in weights.values() for one in each)
    assert [len(weights[230]), len(weights[231])] == [old, new]


def test_haproxy_takes_the_configuration(tmp_path: Path) -> None:
    doors = [
        Door("checkout@production", 20_000, (Server("230-1", 30_000, 9), Server("231-1", 30_001, 1))),
        Door("payments.ledger@eu-1", 20_001, ()),
    ]
    file = tmp_path / "haproxy.cfg"
    file.write_text(balance.config(doors, "127.0.0.1", str(tmp_path / "haproxy.sock"), 1000, 2))

    ended = subprocess.run([haproxy.binary(), "-c", "-f", str(file)], capture_output=True, text=True)

    assert ended.returncode == 0, ended.stderr
    assert "WARNING" not in ended.stderr


def test_haproxy_is_there() -> None:
    assert os.access(haproxy.binary(), os.X_OK)
