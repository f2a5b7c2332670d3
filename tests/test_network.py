"""The proxy is what it claims: delays, jitter, loss, rate and outages are measured over a real server and printed beside the claim."""

from __future__ import annotations

import socket
import threading
import time

import numpy as np
import pytest

from edgekit.bench import network

PICTURE = np.arange(784, dtype=np.uint8).reshape(28, 28)


def first_pixel(picture) -> int:
    return int(picture[0, 1])


@pytest.fixture(scope="module")
def server():
    with network.serve(first_pixel) as address:
        yield address


def timed(cloud, calls: int) -> np.ndarray:
    seconds = []
    for _ in range(calls):
        begin = time.perf_counter()
        assert cloud(PICTURE) == 1
        seconds.append(time.perf_counter() - begin)
    return np.array(seconds)


def through(server, link: network.Link, calls: int, seed: int = 1) -> tuple[np.ndarray, network.Proxy]:
    with network.Proxy(server, link, seed) as proxy:
        cloud = network.Cloud(proxy.address, timeout=10)
        cloud(PICTURE)
        proxy.forget()
        seconds = timed(cloud, calls)
        cloud.close()
    return seconds, proxy


ROWS: list[tuple[str, str, str]] = []


@pytest.fixture(scope="module", autouse=True)
def print_the_table():
    yield
    print("\n" + "\n".join(f"{what:30} claimed {claimed:22} measured {measured}" for what, claimed, measured in ROWS))


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.020, 0.100])
def test_delay(server, delay):
    seconds, _ = through(server, network.Link(delay=delay), 20)
    ROWS.append((f"delay {1e3 * delay:g} ms", f"{2e3 * delay:.1f} ms there and back", f"{1e3 * np.median(seconds):.2f} ms (median of 20)"))
    # Below it nothing can be; above it are the server and the wake-ups of a busy machine.
    assert 2 * delay <= seconds.min() < 2 * delay + 0.010


def test_jitter(server):
    """The sum of two even draws of +-10 ms: standard deviation 10 ms x sqrt(2 / 3) = 8.2 ms, or more where more segments are sent."""
    seconds, _ = through(server, network.Link(delay=0.02, jitter=0.01), 80)
    ROWS.append(
        (
            "delay 20 +- 10 ms",
            "20 to 60 ms",
            f"{1e3 * seconds.min():.1f} to {1e3 * np.percentile(seconds, 95):.1f} ms (5% longer), deviation {1e3 * seconds.std():.1f} ms",
        )
    )
    assert 0.020 <= seconds.min() < 0.036 and 0.044 < np.percentile(seconds, 95) < 0.070
    assert 0.004 < seconds.std() < 0.015


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.2])
def test_loss(server, loss):
    seconds, proxy = through(server, network.Link(loss=loss), 40)
    sent = proxy.segments + proxy.lost
    late = int((seconds > 0.8 * network.RETRANSMIT).sum())
    ROWS.append(
        (
            f"loss {loss:.0%}",
            f"{loss:.0%} of segments",
            f"{proxy.lost}/{sent} lost; {late} of 40 calls waited {1e3 * network.RETRANSMIT:g} ms or more",
        )
    )
    assert abs(proxy.lost - loss * sent) <= 4 * np.sqrt(sent * loss * (1 - loss))
    assert (late > 0) == (proxy.lost > 0) and late <= proxy.lost


@pytest.mark.parametrize("rate", [100_000, 800_000])
def test_rate(rate):
    """One way, many segments: what a busy machine adds to the last one hardly counts."""
    size, listener = rate // 8, socket.create_server(("127.0.0.1", 0))  # one second's worth
    with (
        listener,
        network.Proxy(listener.getsockname(), network.Link(rate=rate)) as proxy,
        socket.create_connection(proxy.address, timeout=10) as client,
    ):
        begin = time.perf_counter()
        client.sendall(bytes(size))
        client.shutdown(socket.SHUT_WR)
        connection, got = listener.accept()[0], 0
        with connection:
            while part := connection.recv(65536):
                got += len(part)
        measured = 8 * got / (time.perf_counter() - begin)
    ROWS.append((f"rate {rate / 1e3:g} kbit/s", f"{rate / 1e3:g} kbit/s", f"{measured / 1e3:.1f} kbit/s over {got:,} bytes"))
    assert got == size and 0.85 * rate < measured < 1.02 * rate


def test_scheduled_outage(server):
    """Nothing passes inside, and what waited passes right after."""
    start, end = 0.4, 0.8
    with network.Proxy(server, network.Link(outages=((start, end),))) as proxy:
        cloud, answers, longest = network.Cloud(proxy.address, timeout=5), [], 0.0
        begin = proxy._start
        while (now := time.monotonic() - begin) < 1.1:
            assert cloud(PICTURE) == 1
            answers.append(time.monotonic() - begin)
            longest = max(longest, answers[-1] - now)
        cloud.close()
    answers = np.array(answers)
    inside = ((answers > start + 0.02) & (answers < end)).sum()
    ROWS.append((f"outage {start} to {end} s", "no answer inside", f"{inside} answers inside, the longest call {longest:.3f} s"))
    assert inside == 0 and 0.35 < longest < 0.6 and answers[-1] > 1.0


def test_down_and_up_again(server):
    with network.Proxy(server) as proxy:
        cloud = network.Cloud(proxy.address, timeout=0.1)
        assert cloud(PICTURE) == 1
        proxy.down = True
        for _ in range(3):
            begin = time.perf_counter()
            with pytest.raises(OSError):
                cloud(PICTURE)
            assert 0.05 < time.perf_counter() - begin < 0.5
        proxy.down = False
        cloud.timeout = 2
        assert cloud(PICTURE) == 1
        cloud.close()


def test_five_outages_and_a_thousand_decisions_lose_nothing(server):
    """The lab's own policy over the lab's own link; a device without a fallback loses some in the same outages."""
    from edgekit.course.catalog import find
    from tests.conftest import answer_cells

    namespace = {"np": np}
    exec(answer_cells(find("01").solution)["decide"], namespace)
    outages = tuple((s, s + 0.3) for s in (0.4, 1.3, 2.2, 3.1, 4.0))
    counts = {}
    for name in ("fallback", "cloud only"):
        with network.Proxy(server, network.Link(delay=0.0015, outages=outages)) as proxy:
            cloud, state, results, begin = network.Cloud(proxy.address, 0.03), {}, [], time.monotonic()
            for i in range(1000):
                now = time.monotonic() - begin
                try:
                    if name == "fallback":
                        results.append(namespace["decide"](PICTURE, cloud, lambda p: 11, state, now, 0.1))
                    else:
                        results.append((cloud(PICTURE), "cloud"))
                except OSError:
                    results.append(None)
                time.sleep(max(0, begin + 0.005 * (i + 1) - time.monotonic()))
            cloud.close()
        counts[name] = [sum(r is not None and r[1] == who for r in results) for who in ("cloud", "edge")] + [results.count(None)]
        ROWS.append((f"1,000 decisions, {name}", "5 outages of 0.3 s", "cloud {}, edge {}, lost {}".format(*counts[name])))
    assert counts["fallback"][2] == 0 and sum(counts["fallback"]) == 1000
    assert counts["fallback"][0] > 200 and counts["fallback"][1] > 50 and counts["cloud only"][2] > 5


def test_what_passed_is_seen_and_bounded(server, monkeypatch):
    monkeypatch.setattr(network, "MOST_SEEN", 2000)
    _, proxy = through(server, network.Link(), 10)
    assert PICTURE.tobytes() in proxy.sent and b'"label": 1' in proxy.received
    assert len(proxy.sent) <= 2000 and len(proxy.received) <= 2000


@pytest.mark.parametrize("size", [1, 100_000])
def test_bytes_come_out_as_they_went_in(size):
    """Also where both sides send at once, and much more than fits into one segment."""
    listener = socket.create_server(("127.0.0.1", 0))

    def echo():
        connection, _ = listener.accept()
        with connection:
            while part := connection.recv(65536):
                connection.sendall(part)

    thread = threading.Thread(target=echo, daemon=True)
    thread.start()
    payload = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8).tobytes()
    with (
        network.Proxy(listener.getsockname(), network.Link(delay=0.01, jitter=0.01)) as proxy,
        socket.create_connection(proxy.address, timeout=10) as client,
    ):
        sender = threading.Thread(target=lambda: (client.sendall(payload), client.shutdown(socket.SHUT_WR)))
        sender.start()
        back = b""
        while part := client.recv(65536):
            back += part
        sender.join(5)
    listener.close()
    assert back == payload


@pytest.mark.parametrize(
    "fields, says",
    [
        ({"delay": 0.01, "jitter": 0.02}, "jitter"),
        ({"delay": -1}, "delay"),
        ({"delay": 60}, "delay"),
        ({"loss": 0.9}, "loss"),
        ({"loss": 5}, "one segment in a hundred"),
        ({"rate": 0}, "rate"),
        ({"outages": ((2, 1),)}, "outage"),
    ],
)
def test_links_that_do_not_exist_are_refused(fields, says):
    with pytest.raises(ValueError, match=says):
        network.Link(**fields)


def test_only_this_machine_is_served():
    with pytest.raises(ValueError, match="this machine only"):
        network.Proxy(("192.0.2.1", 80))


def test_no_server_is_a_connection_error():
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    with pytest.raises(ConnectionError):
        network.Cloud(address, timeout=1)(PICTURE)
    with network.Proxy(address) as proxy, pytest.raises(ConnectionError):  # the proxy is there, the target is not
        network.Cloud(proxy.address, timeout=1)(PICTURE)


def test_a_wrong_picture_is_answered_with_what_was_expected(server):
    with pytest.raises(network.LinkError, match="expected 784 bytes.*got 4"):
        network.Cloud(server)(np.zeros((2, 2)))


def test_nothing_is_left_running(server):
    before = threading.active_count()
    through(server, network.Link(delay=0.01), 3)
    time.sleep(0.2)
    assert threading.active_count() <= before + 1  # the server's thread of the closed connection may take a moment
