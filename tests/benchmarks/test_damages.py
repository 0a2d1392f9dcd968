from __future__ import annotations

import random

import pytest

from benchmarks.damages import DAMAGES, mutated
from tests.archive.making import gif, jpeg, png, ugoira

BODY, OTHER = jpeg(400, 300), png(400, 300)


@pytest.mark.parametrize("name", list(DAMAGES))
def test_each_kind_of_damage_follows_from_its_seed_and_keeps_the_signature(name: str) -> None:
    for seed in range(50):
        damaged = DAMAGES[name](BODY, OTHER, random.Random(seed))
        assert damaged == DAMAGES[name](BODY, OTHER, random.Random(seed))
        assert damaged != BODY
        assert damaged[:16] == BODY[:16]


def test_each_kind_of_damage_does_what_it_says() -> None:
    damaged = {name: damage(BODY, OTHER, random.Random(3)) for name, damage in DAMAGES.items()}
    assert BODY.startswith(damaged["truncated"])
    assert bytes(4096) in damaged["a hole of 4 KB"]
    assert damaged["zeros from the middle on"].endswith(bytes(len(BODY) // 4))
    changes = [(old, new) for old, new in zip(BODY, damaged["one bit flipped"], strict=True) if old != new]
    assert [(old ^ new).bit_count() for old, new in changes] == [1]
    assert damaged["another file's tail"].endswith(OTHER[-len(BODY) // 4 :])
    assert sorted(damaged["two blocks swapped"]) == sorted(BODY)
    assert len(damaged["a stretch twice"]) == len(BODY) + 4096
    assert damaged["junk behind the end"].startswith(BODY)
    same_length = {name for name, body in damaged.items() if len(body) == len(BODY)}
    assert same_length == {
        "a hole of 4 KB",
        "zeros from the middle on",
        "one bit flipped",
        "another file's tail",
        "two blocks swapped",
    }


@pytest.mark.parametrize(
    ("body", "data"), [(jpeg(), b"\xff\xda"), (png(), b"IDAT"), (gif(), b","), (ugoira(), b"\xff\xd8")]
)
def test_half_of_the_mutated_files_keep_their_header(body: bytes, data: bytes) -> None:
    files = [mutated(body, random.Random(seed)) for seed in range(200)]
    assert all(file[:3] == body[:3] for file in files)
    header = body[: body.index(data)]
    assert 80 < sum(file.startswith(header) for file in files) < 160
    assert len(set(files)) > 190
