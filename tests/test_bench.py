"""The measuring room. Most tests run on made-up time: a clock that only moves when the measured function says so."""

from __future__ import annotations

import contextlib
import functools
import html
import itertools
import json
import math
import re
import time

import numpy as np
import pytest
import tqdm.notebook

from edgekit.bench import speed as bench
from edgekit.bench import stats, timing
from edgekit.formatting import seconds, still_going


class Clock:
    """A timer whose time is spent by the functions it times. `noise` maps (now, rng) to a factor."""

    def __init__(self, noise=lambda now, rng: 1.0, seed: int = 0):
        self.now, self.noise, self.rng = 0.0, noise, np.random.default_rng(seed)

    def __call__(self) -> float:
        return self.now

    def work(self, base: float):
        def run():
            self.now += base * self.noise(self.now, self.rng)

        return run


def white(now, rng):
    return math.exp(rng.normal(0, 0.05))


def drift(now, rng):
    return (1 + now / 2) * math.exp(rng.normal(0, 0.02))


def outliers(now, rng):
    return math.exp(rng.normal(0, 0.02)) * (50 if rng.random() < 0.05 else 1)


def bimodal(now, rng):
    return 1.3 if rng.random() < 0.5 else 1.0 + rng.normal(0, 0.01)


def bursts(now, rng):
    """A neighbour that comes and goes every 50 ms and doubles the time of whatever runs."""
    return math.exp(rng.normal(0, 0.03)) * (2 if math.sin(now * 2 * math.pi / 0.1) > 0 else 1)


NOISES = [white, drift, outliers, bimodal, bursts]


@functools.cache
def trial(noise, seed: int, speedup: float = 1.05) -> bench.Comparison:
    """A baseline, the same once more, and a variant with the given true speed-up."""
    clock = Clock(noise, seed)
    entries = {"a": clock.work(1e-3), "same": clock.work(1e-3), "b": clock.work(1e-3 / speedup)}
    return bench.compare(entries, max_time=1.0, max_warmup=0.02, seed=seed, timer=clock)


@pytest.fixture(autouse=True)
def plain_environment(request, monkeypatch):
    """Made-up time needs no real machine; the tests that look at the environment ask for it by mark-free name."""
    if "environment" not in request.node.name:
        monkeypatch.setattr(bench, "conditions", lambda entries: {})


# ---------------------------------------------------------------- verdicts on made-up time


TRIALS = 24
each_noise = pytest.mark.parametrize("noise", NOISES, ids=lambda f: f.__name__)


@each_noise
def test_a_thing_is_not_told_from_itself(noise):
    results = [trial(noise, seed) for seed in range(TRIALS)]
    claims = [str(r["same"]) for r in results if r["same"].verdict != "can't tell"]
    assert len(claims) <= 0.05 * TRIALS, claims
    assert all(r["same"].why or str(r["same"]) in claims for r in results), "a verdict withheld must say why"


@each_noise
def test_the_interval_covers_the_truth(noise):
    results = [trial(noise, seed) for seed in range(TRIALS)]
    for name, truth in (("same", 1.0), ("b", 1.05)):
        covered = sum(r[name].low <= truth <= r[name].high for r in results)
        assert stats.wilson(covered, TRIALS)[1] > 0.95, f"{covered} of {TRIALS} intervals for {name} hold {truth}"


@pytest.mark.parametrize("noise", [white, drift, outliers, bursts], ids=lambda f: f.__name__)
def test_five_percent_are_found(noise):
    """Not with `bimodal`: 30% of random jitter in every call hides 5% in one second."""
    verdicts = [trial(noise, seed)["b"].verdict for seed in range(TRIALS)]
    assert verdicts.count("faster") >= 0.9 * TRIALS, verdicts
    assert "slower" not in verdicts


def test_drift_that_fools_two_medians_does_not_fool_pairs():
    clock = Clock(drift)
    a, b = clock.work(1e-3), clock.work(1e-3)
    one_after_the_other = [bench.measure(run, timer=clock, max_warmup=0.02).median for run in (a, b)]
    assert one_after_the_other[1] / one_after_the_other[0] > 1.1
    assert trial(drift, 0)["same"].verdict == "can't tell"


def test_cold_caches_after_another_entry_are_not_a_difference():
    """The first call after a switch is slower; a baseline that follows itself half the time must not profit."""
    clock, last = Clock(white), [None]

    def entry(name):
        def run():
            clock.now += 1e-3 * white(0, clock.rng) * (1 if last[0] == name else 1.5)
            last[0] = name

        return run

    result = bench.compare({"a": entry("a"), "b": entry("b")}, max_time=0.9, seed=1, timer=clock)
    assert abs(result["b"].speedup - 1) < 0.02
    assert result["b"].verdict == "can't tell"


def test_entries_that_disturb_each_other_raise_the_floor():
    """`b` leaves the machine 10% slower for the next four calls: a difference of 5% is then not credible."""
    clock, hot = Clock(white), [0]

    def a():
        clock.now += 1e-3 * white(0, clock.rng) * (1.1 if hot[0] > 0 else 1)
        hot[0] -= 1

    def b():
        clock.now += 0.97e-3 * white(0, clock.rng)
        hot[0] = 4

    result = bench.compare({"a": a, "b": b}, max_time=1.5, seed=1, timer=clock)
    assert abs(result.carryover.speedup - 1) > 0.05
    assert result.floor > 1.05 and result["b"].verdict == "can't tell" and "noise floor" in result["b"].why


def test_no_verdict_when_the_control_fails():
    """A function that gets 3% slower with every call differs from itself; even a factor of two proves nothing then."""
    clock, calls = Clock(), itertools.count()

    def growing():
        clock.now += 1e-3 * 1.03 ** next(calls)

    def half():
        clock.now += 0.5e-3 * 1.03 ** next(calls)

    result = bench.compare({"a": growing, "b": half}, min_time=0, max_time=0, min_rounds=40, max_warmup=0.01, seed=3, timer=clock)
    assert result.control_failed and result["b"].verdict == "can't tell"
    assert "A/A control FAILED" in str(result) and "FAILED" in result._repr_html_()
    assert result.to_dict()["control"]["failed"]
    steady = Clock()
    fine = bench.compare({"a": steady.work(1e-3), "b": steady.work(0.5e-3)}, max_time=0.5, seed=3, timer=steady)
    assert not fine.control_failed and fine["b"].verdict == "faster"


def test_every_entry_is_held_against_the_baseline():
    clock = Clock(white)
    entries = {"a": clock.work(1e-3), "b": clock.work(2e-3), "c": clock.work(0.5e-3)}
    result = bench.compare(entries, baseline="b", max_time=1.5, seed=0, timer=clock)
    assert list(result.ratios) == ["a", "c"]
    assert result["a"].speedup == pytest.approx(2, rel=0.03) and result["c"].speedup == pytest.approx(4, rel=0.03)
    assert all(r.verdict == "faster" and r.baseline == "b" for r in result.ratios.values())
    assert result.medians()["b"] == pytest.approx(2e-3, rel=0.03)
    with pytest.raises(KeyError, match="baseline is 'b'"):
        result["b"]


def test_the_order_is_drawn_anew_and_seeded():
    clock = Clock()
    many = {name: timing.loop(clock.work(1e-3), None) for name in "ab"}
    play = lambda seed: [
        "".join(name for name, _ in played)
        for played in timing.play(many, {"a": 1, "b": 1}, {"a": 0, "b": 0}, "a", 0, 300, bench.random.Random(seed), clock)
    ]
    orders = play(0)
    assert set(orders) == {"aab", "aba", "baa"} and min(map(orders.count, set(orders))) > 60
    assert orders == play(0) != play(1)


def test_the_report_can_stand_in_a_report():
    result = trial(white, 0, 0.8)
    number = r"\d\.\d{2,3}"
    wanted = rf"b vs a: 0\.8\d*x \[{number}, {number}\], slower \(A/A control {number} \[{number}, {number}\], \d+ pairs\)"
    assert re.fullmatch(wanted, str(result).splitlines()[1])
    assert f"{result['b'].pairs.size} pairs" in str(result)
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["ratios"]["b"]["verdict"] == "slower" and plain["rounds"] * 2 == plain["ratios"]["b"]["pairs"]
    page = bench.compare({"<a>": (c := Clock()).work(1e-3), "b": c.work(1e-3)}, max_time=0.1, timer=c)._repr_html_()
    assert "&lt;a&gt;" in page and "<a>" not in page


@pytest.mark.parametrize(
    ("entries", "options", "says"),
    [
        ({"a": print}, {}, "at least two"),
        ({"a": print, "b": print}, {"baseline": "c"}, "baseline='c'"),
        ({"a": print, "b": print}, {"min_rounds": 3}, "min_rounds=3"),
        ({"a": print, "b": print}, {"limits": {"a": 2.0}}, r"limits of \['a'\]: only what is compared with 'a'"),
        ({"a": print, "b": print}, {"limits": {"c": 2.0}}, r"limits of \['c'\]"),
    ],
)
def test_bad_comparisons_are_refused(entries, options, says):
    with pytest.raises(ValueError, match=says):
        bench.compare(entries, **options)


def test_what_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match="list"):
        bench.measure([1, 2])


# ---------------------------------------------------------------- one latency


def test_percentiles_need_samples():
    clock = Clock(white)
    few = bench.measure(clock.work(20e-3), timer=clock, min_time=0.5)
    assert len(few.samples) == 30 and few.p90 > few.median
    with pytest.raises(stats.NotEnoughSamples, match="p99 needs at least 300 samples and this measurement has 30"):
        few.p99  # noqa: B018
    assert few.to_dict()["p99"] is None and "p99" not in str(few)
    many = bench.measure(clock.work(20e-3), timer=clock, min_calls=300)
    assert many.p99 > many.p90 and "p99" in str(many)
    with pytest.raises(ValueError, match="min_calls=10"):
        bench.measure(clock.work(20e-3), timer=clock, min_calls=10)


@pytest.mark.parametrize(("q", "n"), [(50, 6), (90, 30), (99, 300), (99.9, 3000), (1, 300)])
def test_needed_samples(q, n):
    assert stats.needed(q) == n
    stats.percentile(np.arange(n), q)
    with pytest.raises(stats.NotEnoughSamples):
        stats.percentile(np.arange(n - 1), q)


def test_a_mean_of_many_calls_has_no_tail():
    clock = Clock()
    quick = bench.measure(clock.work(100e-9), timer=clock, min_time=0.01)
    assert quick.calls_per_sample in (100, 101) and quick.median == pytest.approx(100e-9)
    assert len(quick.samples) > 300
    with pytest.raises(stats.NotEnoughSamples, match="mean of 10[01] calls"):
        quick.p99  # noqa: B018


def test_first_call_and_cold_start_stand_apart():
    clock = Clock()

    def load():
        clock.now += 3.0
        calls = itertools.count()

        def run():
            clock.now += 1.0 if next(calls) == 0 else 1e-3

        return run

    result = bench.measure(load(), load=load, timer=clock)
    assert result.cold_start == pytest.approx(4.0) and result.first_call == pytest.approx(1.0)
    assert result.samples.max() == pytest.approx(1e-3)
    assert bench.measure(None, load=load, timer=clock).first_call == pytest.approx(1e-3)


def test_warm_up_is_detected_not_counted():
    def warming(clock, calls_to_warm):
        calls = itertools.count()

        def run():
            clock.now += 1e-3 * (1 + 4 * math.exp(-next(calls) / calls_to_warm))

        return run

    quick, slow = (bench.measure(warming(c := Clock(), k), timer=c, max_warmup=60) for k in (2, 200))
    assert quick.warmup.steady and slow.warmup.steady and slow.warmup.calls > 3 * quick.warmup.calls
    assert slow.median < 1.2e-3
    cut = bench.measure(warming(c := Clock(), 200), timer=c, max_warmup=0.3)
    assert not cut.warmup.steady and cut.warmup.seconds < 0.4
    assert any("still getting faster" in note for note in cut.notes)


def test_noise_and_drift_are_said():
    clock = Clock(lambda now, rng: 1 + now)
    assert any("drifted" in note for note in bench.measure(clock.work(1e-3), timer=clock, max_warmup=0.02).notes)
    clock = Clock(bimodal)
    assert any("noisy" in note for note in bench.measure(clock.work(1e-3), timer=clock).notes)
    clock = Clock()
    assert bench.measure(clock.work(1e-3), timer=clock).notes == ()


def test_the_device_is_waited_for():
    """A runner that only queues its work: without the wait it would seem to take no time."""

    class Queued:
        engine, device, name, pending = "engine", "device", "queued", 0.0

        def __init__(self, clock):
            self.clock = clock

        def __call__(self, x):
            self.pending += 1e-3
            self.clock.now += 1e-6

        def synchronize(self):
            self.clock.now += self.pending
            self.pending = 0.0

    runner = Queued(clock := Clock())
    result = bench.measure(runner, np.zeros(3), timer=clock)
    assert result.median == pytest.approx(1.001e-3) and result.name == "queued"
    assert "waits for the device" in result.clock and "copies" in result.clock
    assert "nothing to wait for" in bench.measure(clock.work(1e-3), timer=clock).clock
    assert bench.measure(runner, np.zeros(3), timer=clock, clock="compute only").clock == "compute only"


def test_throughput_counts_the_batch():
    clock = Clock()
    assert bench.measure(clock.work(2e-3), timer=clock, items=8).throughput == pytest.approx(4000)


# ---------------------------------------------------------------- real time


def test_twice_the_sleep_is_half_the_speed():
    result = bench.compare({"short": lambda: time.sleep(2e-3), "long": lambda: time.sleep(4e-3)}, max_time=1.5)
    assert result["long"].verdict == "slower", str(result)
    assert 0.45 < result["long"].speedup < 0.6


def test_microseconds_are_grouped():
    result = bench.compare({"one": lambda: sum(range(20)), "ten": lambda: sum(range(400))}, max_time=0.4)
    assert result["ten"].verdict == "slower" and result["ten"].speedup < 0.5
    assert len(result.times["ten"]) < 1000  # rounds; call by call it would take a hundred thousand


def test_inputs_reach_the_callable():
    seen = []
    bench.measure(lambda x: seen.append(x), 7, min_time=0.01)
    assert set(seen) == {7}


def test_results_carry_their_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    class Engine:
        def __call__(self):
            time.sleep(1e-4)

        def describe(self):
            return {"engine": "test engine", "threads": 1}

    result = bench.compare({"a": Engine(), "b": lambda: None}, min_time=0.02, max_time=0.02)
    assert result.environment["python"] and result.environment["threads_set"]["OMP_NUM_THREADS"] == "1"
    assert result.environment["runners"] == {"a": {"engine": "test engine", "threads": 1}}
    assert "OMP_NUM_THREADS=1" in str(result)
    json.dumps(bench.measure(Engine(), min_time=0.02).to_dict(samples=True))


def test_garbage_collection_is_put_back():
    import gc

    def fails():
        assert not gc.isenabled()
        raise RuntimeError("inside")

    assert gc.isenabled()
    with pytest.raises(RuntimeError, match="inside"):
        bench.measure(fails)
    assert gc.isenabled()


# ---------------------------------------------------------------- arithmetic


def test_wilson_against_published_values():
    """Newcombe 1998, table I: 81/263 and 15/148 by the score method."""
    assert stats.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=2e-4)
    assert stats.wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=2e-4)
    assert stats.wilson(0, 20)[0] == 0 and stats.wilson(20, 20)[1] == 1
    with pytest.raises(ValueError, match="3 of 2"):
        stats.wilson(3, 2)


def test_blocks_grow_with_autocorrelation():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=2000)
    smooth = np.convolve(noise, np.ones(50), "same")
    assert stats.block_length(noise) <= 10 < 50 < stats.block_length(smooth)
    assert stats.block_length(np.ones(100)) == 1


def test_correlated_noise_widens_the_interval():
    """Iid resampling of a random-walk-like series would be far too sure of itself."""
    rng = np.random.default_rng(1)
    covered = {"blocks": 0, "iid": 0}
    for _ in range(100):
        series = np.convolve(rng.normal(size=400), np.ones(10) / 10, "valid")
        _, low, high = stats.median_interval(series, resamples=300)
        covered["blocks"] += low <= 0 <= high
        shuffled = rng.permutation(series)
        _, low, high = stats.median_interval(shuffled, resamples=300)
        covered["iid"] += low <= 0 <= high
    assert covered["blocks"] >= 85 > 70 > covered["iid"], covered


@pytest.mark.parametrize(
    ("value", "text"), [(1.5, "1.5 s"), (0.0123, "12.3 ms"), (92.14e-6, "92.1 µs"), (999.7e-6, "1000 µs"), (3e-9, "3 ns"), (0.0, "0 ns")]
)
def test_times_read_well(value, text):
    assert seconds(value) == text


# ---------------------------------------------------------------- figures


def test_figures_show_interval_control_and_one():
    result = trial(white, 0, 0.8)
    figure = result.plot()
    assert "b 0.8" in figure.alt and "slower" in figure.alt and "control" in figure.alt
    shown = figure._repr_html_()
    assert f'alt="{html.escape(figure.alt)}"' in shown and "data-jp-theme-light" in shown
    axes = figure.axes[0]
    assert any(np.allclose(line.get_xdata(), 1) for line in axes.lines), "the line at 1 is missing"
    assert [t.get_text() for t in axes.get_yticklabels()] == ["same", "b", "A/A control"]


def test_latency_figure_names_what_it_shows():
    clock = Clock(white)
    figure = bench.measure(clock.work(2e-3), name="fp32", timer=clock).plot()
    assert "fp32" in figure.alt and "median" in figure.alt and "ms" in figure.axes[0].get_xlabel()


# ---------------------------------------------------------------- looking again and again


def test_bounds_for_repeated_looks_against_published_values():
    """Pocock, "Group sequential methods in the design and analysis of clinical trials", Biometrika 1977, table 1, two-sided 5%."""
    published = {1: 1.960, 2: 2.178, 3: 2.289, 4: 2.361, 5: 2.413, 10: 2.555}
    found = {k: stats.repeated_looks(tuple(range(1, k + 1))) for k in published}
    assert found == pytest.approx(published, abs=3e-3)


def sequential(noise, seed: int, speedup: float) -> bench.Comparison:
    clock = Clock(noise, seed)
    entries = {"a": clock.work(1e-3), "b": clock.work(1e-3 / speedup)}
    return bench.compare(entries, max_warmup=0.02, seed=seed, timer=clock)


@each_noise
def test_going_on_until_it_is_told_claims_nothing_false(noise):
    results = [sequential(noise, 100 + seed, 1.0) for seed in range(TRIALS)]
    assert sum(r["b"].verdict != "can't tell" for r in results) <= 0.05 * TRIALS
    covered = sum(r["b"].low <= 1 <= r["b"].high for r in results)
    assert stats.wilson(covered, TRIALS)[1] > 0.95, f"{covered} of {TRIALS} intervals hold 1"


@each_noise
def test_five_percent_are_found_sooner_than_in_a_fixed_time(noise):
    results = [sequential(noise, 200 + seed, 1.05) for seed in range(TRIALS)]
    assert [r["b"].verdict for r in results].count("faster") >= 0.9 * TRIALS
    assert np.mean([r.seconds for r in results]) < 1.5


def test_large_differences_take_one_look_and_small_ones_the_whole_time():
    assert sequential(white, 0, 2.0).seconds < 0.3
    small = sequential(bimodal, 1, 1.013)
    assert small.seconds <= 5.1 and small.to_dict()["seconds"] == small.seconds


def test_cannot_tell_says_how_many_seconds_more_would_tell():
    clock = Clock(white)
    entries = {"a": clock.work(1e-3), "b": clock.work(1e-3 / 1.03)}
    short = bench.compare(entries, max_time=0.25, max_warmup=0.02, seed=5, timer=clock)
    assert short["b"].verdict == "can't tell"
    advice = re.search(r"about (\d+) s more would tell", short["b"].why)
    assert advice, short["b"].why
    enough = [
        bench.compare(entries, max_time=0.25 + 2 * int(advice[1]), max_warmup=0.02, seed=seed, timer=clock)["b"].verdict
        for seed in range(8)
    ]
    assert enough.count("faster") >= 6, enough


def shared(now, rng):
    """A machine of many users: load that comes and goes over 0.3 s, a slow drift, heavy tails."""
    wave = 0.2 * math.sin(now * 2 * math.pi / 0.3) * math.sin(now * 1.7)
    return (1 + now / 20) * math.exp(wave + 0.03 * rng.standard_t(3))


def test_on_a_shared_machine_nothing_false_is_claimed_and_five_percent_are_found():
    same = [sequential(shared, 300 + seed, 1.0)["b"].verdict for seed in range(TRIALS)]
    assert TRIALS - same.count("can't tell") <= 0.05 * TRIALS, same
    found = [sequential(shared, 400 + seed, 1.05)["b"].verdict for seed in range(TRIALS)]
    assert found.count("faster") >= 0.9 * TRIALS, found


@pytest.mark.parametrize("limit", [1.98, 2.02])
def test_a_limit_is_asked_until_the_interval_lies_beside_it(limit):
    def ask(**more):
        clock = Clock(shared, 5)
        entries = {"a": clock.work(1e-3), "b": clock.work(0.5e-3)}
        found = bench.compare(entries, max_time=20, max_warmup=0.02, seed=1, timer=clock, **more)
        return found["b"], found.seconds

    (near, short), (found, longer), (_, again) = ask(), ask(limits={"b": limit}), ask(limits={"b": 1.2})
    assert near.low < limit < near.high and short < longer < 20
    assert found.high < limit if limit > 2 else found.low >= limit
    assert again == short, "what is clear at once takes no longer"


def test_a_long_comparison_says_how_long_still(monkeypatch, capsys):
    clock = Clock(white, 1)
    entries = {"a": clock.work(1e-3), "b": clock.work(1e-3)}
    bench.compare(entries, max_time=6, resolve=1e-4, max_warmup=0.02, seed=1, timer=clock)
    assert capsys.readouterr().err == "", "nobody watches"
    monkeypatch.setattr("edgekit.formatting.watched", lambda: True)
    bench.compare(entries, max_time=6, resolve=1e-4, max_warmup=0.02, seed=1, timer=clock)
    assert re.search(r"comparing: \d+ s so far, at most [123] s more", capsys.readouterr().err)
    bench.compare(entries, max_time=2, resolve=1e-4, max_warmup=0.02, seed=1, timer=clock)
    assert capsys.readouterr().err == ""


def test_a_long_measurement_says_how_long_still(monkeypatch, capsys):
    """Also one that is long because its calls are."""
    monkeypatch.setattr("edgekit.formatting.watched", lambda: True)
    for work, at_least in ((1e-2, 8), (0.2, 0.5)):
        clock = Clock(white, 1)
        bench.measure(clock.work(work), min_time=at_least, max_warmup=0.02, timer=clock)
        assert re.search(r"measuring: \d+ s so far, at most \d s more", capsys.readouterr().err)
    bench.measure(clock.work(1e-2), min_time=2, max_warmup=0.02, timer=clock)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("error", [None, ValueError])
def test_a_notebook_keeps_the_bar_only_of_what_failed(monkeypatch, error):
    made = []
    monkeypatch.setattr("tqdm.auto.tqdm", lambda **how: made.append(tqdm.notebook.tqdm(display=False, **how)) or made[0])
    monkeypatch.setattr("edgekit.formatting.watched", lambda: True)
    with pytest.raises(error) if error else contextlib.nullcontext(), still_going("comparing", after=0) as show:
        show(3, 1)
        if error:
            raise error
    (bar,) = made
    assert (bar.container.children[-2].bar_style == "danger") == bool(error)
    assert (bar.container.comm is None) != bool(error), "closed, or still to be seen"


def test_what_more_time_would_not_tell_says_how_small_it_is():
    clock = Clock(white, 3)
    result = bench.compare({"a": clock.work(1e-3), "b": clock.work(1e-3)}, max_warmup=0.02, seed=3, timer=clock)
    assert result["b"].verdict == "can't tell" and result.seconds < 5
    said = re.search(r"at most (\d\.\d)% apart|less than 1.0% apart", result["b"].why)
    assert said, result["b"].why
