"""What is built is read back; places and days agree."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.sandbox.addresses import Addresses, read
from pixivcrawl.sandbox.works import JAPAN, Page, Work
from tests.sandbox.shadow import Shadow

ORIGIN = "https://127.0.0.1:40002"
MOMENTS = st.datetimes(datetime(2007, 9, 10), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
WORKS = st.builds(
    lambda work_id, moment, form: Work(work_id, 11, "", moment, moment, pages=(Page(form),) * 3),
    st.integers(1, 10**9),
    MOMENTS.map(lambda moment: moment.replace(microsecond=0)),
    st.sampled_from(("jpg-grey", "png", "gif-still")),
)


@given(WORKS, st.integers(0, 2))
def test_an_original_is_read_back(work: Work, number: int):
    wanted = read(Addresses(ORIGIN).original(work, number).removeprefix(ORIGIN))
    assert wanted is not None
    assert (wanted.sort, wanted.id, wanted.page) == ("original", work.id, number)
    assert (wanted.revision, wanted.extension) == (work.revision, work.pages[number].extension)
    assert datetime.strptime(wanted.revision, "%Y%m%d%H%M%S").replace(tzinfo=JAPAN) == work.uploaded


@given(WORKS, st.integers(0, 2), st.sampled_from((("c/250x250_80_a2", 250), ("c/48x48", 48))))
def test_a_reduced_picture_is_read_back(work: Work, number: int, prefix: tuple[str, int]):
    addresses = Addresses(ORIGIN)
    for url in (addresses.square(work, prefix[0], number), addresses.master(work, f"{prefix[0]}/", number)):
        wanted = read(url.removeprefix(ORIGIN))
        assert wanted is not None
        assert (wanted.sort, wanted.id, wanted.page, wanted.box) == ("reduced", work.id, number, (prefix[1], prefix[1]))


@given(st.text())
def test_any_other_path_asks_for_nothing(path: str):
    assert read(path) is None


@given(st.integers(1, 500), st.integers(-3, 10), st.integers(-3, 10))
def test_the_places_between_two_days_are_their_works(count: int, first: int, length: int):
    shadow = Shadow(count)
    start = date(2019, 5, 1) + timedelta(days=first)
    stop = start + timedelta(days=length)
    made = [shadow.at(place).created.astimezone(JAPAN).date() for place in range(count)]
    assert list(shadow.between(start, stop)) == [place for place, day in enumerate(made) if start <= day <= stop]
    assert shadow.between(None, None) == range(count)
