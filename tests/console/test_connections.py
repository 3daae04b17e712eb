"""Who has to go when there is no room for a new connection."""

from console.connections import ConnectionBook, connection_book
from tests.support.api import MakeSettings


async def test_what_is_being_answered_is_never_closed_for_others() -> None:
    """Only who waits for its client gives way, the longest first; when all are at work, a new one is refused."""

    class Holder:
        deadline_s = 0.0
        is_evicted = False

        def expire(self, now_s: float) -> None:
            raise AssertionError

        def evict(self) -> None:
            self.is_evicted = True

    book = ConnectionBook(limit=5, per_address=3, trusted_proxies=["10.0.0.0/8"])
    first, second, third, fourth, fifth, sixth, seventh = (Holder() for _ in range(7))
    seats = [book.enter(holder, "2001:db8::1") for holder in (first, second)]
    seats.append(book.enter(third, "2001:db8::ffff"))
    assert all(seats)
    assert seats[0] is not None
    seats[0].work()
    assert book.enter(fourth, "2001:db8::2") is not None
    assert [holder.is_evicted for holder in (first, second, third)] == [False, True, False]
    assert book.enter(fifth, "::ffff:10.0.0.1") is not None
    assert book.enter(sixth, "10.0.0.1") is not None
    assert book.count == 5
    assert book.enter(seventh, "10.0.0.1") is not None  # a proxy's address has no limit of its own
    assert third.is_evicted
    assert book.count == 5
    for seat in book.waiting.copy().values():
        seat.work()
    assert book.enter(Holder(), "192.0.2.1") is None
    seats[0].leave()
    seats[0].leave()
    assert book.count == 4
    assert book.enter(Holder(), "192.0.2.1") is not None


async def test_the_connections_of_an_office_fit_at_the_defaults(make_settings: MakeSettings) -> None:
    """Three tabs of each of 150 people, and six connections of each browser that loads one: nobody has to go."""

    class Holder:
        deadline_s = 0.0

        def expire(self, now_s: float) -> None:
            raise AssertionError

        def evict(self) -> None:
            raise AssertionError

    book = connection_book(make_settings())
    for _ in range(450):
        seat = book.enter(Holder(), "192.0.2.1")
        assert seat is not None
        seat.work()
    for _ in range(900):
        assert book.enter(Holder(), "192.0.2.1") is not None
