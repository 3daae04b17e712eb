"""Who has to go when there is no room for a new connection."""

import resource

from console.connections import MOST_DESCRIPTORS, ConnectionBook, connection_book
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

    book = connection_book(make_settings())
    for _ in range(450):
        seat = book.enter(Guest(), "192.0.2.1")
        assert seat is not None
        seat.work()
    for _ in range(900):
        assert book.enter(Guest(), "192.0.2.1") is not None


class Guest:
    """A connection that is being served."""

    deadline_s = 0.0

    def expire(self, now_s: float) -> None:
        """It has all the time that it wants."""
        raise AssertionError

    def evict(self) -> None:
        """It is never closed for another."""
        raise AssertionError


def test_a_process_takes_all_the_descriptors_that_it_may(make_settings: MakeSettings) -> None:
    """Many systems start a process with 1024 of them, and let it have more when it asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
        connection_book(make_settings())
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, MOST_DESCRIPTORS)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_clients_leave_descriptors_for_our_own_calls(make_settings: MakeSettings) -> None:
    """However many connect, and are all being served: bots and the database can be reached."""
    settings = make_settings(max_http_connections_per_address=1_000_000)
    book = connection_book(settings)
    while (seat := book.enter(Guest(), "192.0.2.1")) is not None:
        seat.work()
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert descriptors // 2 <= book.count <= descriptors - settings.connection_pool_size - settings.database_pool_size
