import logging
from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from tests.data.genomes import genome_of, random_codes, species_of

from dnagpt.data.windows import (
    Window,
    WindowSampler,
    every_second_reversed,
    tiles,
    usable_windows,
    window_bases,
    window_rows,
)
from dnagpt.errors import InputError
from dnagpt.genome.bases import encode_bases, reverse_complement
from dnagpt.genome.intervals import Interval, subtract_intervals
from dnagpt.language.vocabulary import Vocabulary
from dnagpt.tasks import pretraining_task

GENOME = genome_of({"one": random_codes(400, seed=1), "two": random_codes(160, seed=2)})


def everything(codes: npt.NDArray[np.uint8]) -> bool:
    return True


def few_unknown(codes: npt.NDArray[np.uint8]) -> bool:
    return bool(np.count_nonzero(codes == 0) <= 0.05 * len(codes))


def sampler(length: int = 30, seed: int = 5, *, both_strands: bool = True) -> WindowSampler:
    return WindowSampler([species_of(GENOME)], length, seed, usable=everything, both_strands=both_strands)


def same(one: Window, other: Window) -> bool:
    return (one.species, one.interval, one.is_reversed) == (other.species, other.interval, other.is_reversed) and (
        one.codes.tobytes() == other.codes.tobytes()
    )


def test_a_window_depends_on_seed_and_number_alone() -> None:
    first, other = sampler(), sampler(seed=6)
    forwards = [first.window(sample) for sample in range(50)]
    backwards = [sampler().window(sample) for sample in reversed(range(50))][::-1]
    assert all(map(same, forwards, backwards))
    assert sum(same(one, other.window(sample)) for sample, one in enumerate(forwards)) < 5
    assert len({window.interval for window in forwards}) > 40


def test_places_are_drawn_uniformly_over_bases() -> None:
    one = sampler(length=10)
    drawn = Counter(one.window(sample).interval for sample in range(8000))
    starts = [Interval("one", start, start + 10) for start in range(360 - 9)]
    starts += [Interval("two", start, start + 10) for start in range(144 - 9)]
    assert set(drawn) <= set(starts)
    assert chisquare([drawn[start] for start in starts]).pvalue > 1e-3


def test_species_are_drawn_by_their_weights_and_their_windows_say_which() -> None:
    other = genome_of({"three": random_codes(300, seed=3)})
    both = [species_of(GENOME, letter="R", weight=1.0), species_of(other, letter="S", weight=3.0)]
    one = WindowSampler(both, 20, 0, usable=few_unknown, both_strands=True)
    windows = [one.window(sample) for sample in range(2000)]
    assert all((window.interval.contig == "three") == (window.species == "S") for window in windows)
    mice = sum(window.species == "S" for window in windows)
    assert chisquare([mice, 2000 - mice], [1500, 500]).pvalue > 1e-3


def test_windows_are_read_as_they_say() -> None:
    one = sampler(length=31)
    ways: Counter[tuple[bool, bool]] = Counter()
    for sample in range(1200):
        window = one.window(sample)
        stretch = GENOME.slice(window.interval)
        as_laid = window.codes[::-1] if window.is_reversed else window.codes
        forward, backward = (as_laid == stretch).all(), (as_laid == reverse_complement(stretch)).all()
        assert forward != backward
        ways[bool(forward), window.is_reversed] += 1
    assert chisquare([ways[strand, order] for strand in (True, False) for order in (True, False)]).pvalue > 1e-3


def test_one_strand_alone_when_asked() -> None:
    one = sampler(length=31, both_strands=False)
    for sample in range(100):
        window = one.window(sample)
        as_laid = window.codes[::-1] if window.is_reversed else window.codes
        assert (as_laid == GENOME.slice(window.interval)).all()


def test_windows_with_many_unknown_bases_are_drawn_again() -> None:
    codes = random_codes(1000)
    codes[300:700] = 0
    species = species_of(genome_of({"gap": codes}))
    one = WindowSampler([species], 40, 1, usable=few_unknown, both_strands=True)
    unknown = [np.count_nonzero(one.window(sample).codes == 0) for sample in range(600)]
    assert max(unknown) == 2  # 5 % of 40
    any_window = WindowSampler([species], 40, 1, usable=everything, both_strands=True)
    assert max(np.count_nonzero(any_window.window(sample).codes == 0) for sample in range(100)) == 40


def test_a_genome_of_unknown_bases_is_refused() -> None:
    species = species_of(genome_of({"gap": np.zeros(200, dtype=np.uint8)}))
    one = WindowSampler([species], 40, 1, usable=few_unknown, both_strands=True)
    with pytest.raises(InputError, match="too many N"):
        one.window(0)


def test_soft_masked_bases_are_read_as_bases() -> None:
    codes = random_codes(200) | np.uint8(0x80)
    one = WindowSampler([species_of(genome_of({"low": codes}))], 20, 1, usable=few_unknown, both_strands=True)
    assert set(np.unique([one.window(sample).codes for sample in range(50)])) == {1, 2, 3, 4}


@settings(max_examples=40)
@given(
    holes=st.lists(
        st.tuples(st.sampled_from(["one", "two"]), st.integers(0, 159), st.integers(1, 60)), min_size=1, max_size=6
    ),
    length=st.integers(1, 25),
    seed=st.integers(0, 2**63),
)
def test_held_out_stretches_are_never_touched(holes: list[tuple[str, int, int]], length: int, seed: int) -> None:
    lengths = {contig.name: contig.length for contig in GENOME.contigs}
    held_out = [Interval(name, start, min(start + size, lengths[name])) for name, start, size in holes]
    whole = [Interval(contig.name, 0, contig.length) for contig in GENOME.contigs]
    species = species_of(GENOME, training=subtract_intervals(whole, held_out))
    one = WindowSampler([species], length, seed, usable=everything, both_strands=True)
    for sample in range(60):
        window = one.window(sample).interval
        assert window.length == length
        for hole in held_out:
            assert window.contig != hole.contig or window.end <= hole.start or hole.end <= window.start


def test_stretches_too_short_for_a_window_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    parts = (Interval("one", 0, 200), Interval("two", 0, 20), Interval("two", 50, 60))
    with caplog.at_level(logging.WARNING, logger="dnagpt"):
        WindowSampler([species_of(GENOME, training=parts)], 40, 1, usable=everything, both_strands=True)
    assert "2 stretches (30 bases) are shorter than a window of 40 bases" in caplog.text
    with pytest.raises(InputError, match="longest training stretch has 360 bases, fewer than a window of 361"):
        sampler(length=361)


def test_tiles_cover_the_held_out_part_once() -> None:
    windows = list(tiles(species_of(GENOME), 7, usable=everything))
    assert [(window.interval.contig, window.interval.start) for window in windows] == [
        *(("one", start) for start in range(360, 394, 7)),
        *(("two", start) for start in (144, 151)),
    ]
    assert not any(window.is_reversed for window in windows)
    for number, window in enumerate(every_second_reversed(windows)):
        assert window.is_reversed == (number % 2 == 1)
        assert ((window.codes[::-1] if window.is_reversed else window.codes) == GENOME.slice(window.interval)).all()


def test_tiles_overlap_by_what_the_stride_leaves_and_skip_unknown_bases() -> None:
    codes = random_codes(100)
    codes[90:95] = 0
    species = species_of(genome_of({"gap": codes}), held_out_fraction=0.2)
    assert [window.interval.start for window in tiles(species, 8, stride=4, usable=everything)] == [80, 84, 88, 92]
    assert [window.interval.start for window in tiles(species, 8, stride=4, usable=few_unknown)] == [80]


@pytest.mark.parametrize(
    ("vocabulary", "bases", "good"),
    [
        ("dna-3mers", "ACGTACGTACGT", True),
        ("dna-3mers", "ACGNNNACGTAC", True),  # one run is one token
        ("dna-3mers", "ACNNNGTACGTA", False),  # the run is cut, and cuts its neighbours
        ("released-6mers", "ACNNNGTACGTA", True),  # N is a letter
        ("released-6mers", "NNNNNNACGTAC", False),  # too many
        ("dna-1mers", "ACGTNACGTACG", True),
    ],
)
def test_windows_whose_unknown_bases_do_not_fit_are_not_usable(vocabulary: str, bases: str, good: bool) -> None:
    codes = encode_bases(bases.encode(), "example")[0]
    usable = usable_windows(Vocabulary.preset(vocabulary), len(codes), 0.25)
    assert usable(codes) == good
    assert usable(codes[::-1]) == good


@pytest.mark.parametrize("vocabulary", ["dna-1mers", "dna-3mers", "dna-6mers", "released-6mers"])
@pytest.mark.parametrize("template", [None, "<{species}>{window?:sequence}"])
def test_windows_fill_the_context_exactly(vocabulary: str, template: str | None) -> None:
    words = Vocabulary.preset(vocabulary)
    task = pretraining_task(*([template] if template else []))
    length = window_bases(task, words, 40)
    window = Window("R", Interval("one", 0, length), random_codes(length), is_reversed=False)
    assert len(window_rows(task, words, window).ids) == 40


def test_a_context_without_room_for_a_window_is_refused() -> None:
    with pytest.raises(InputError, match="leaves no room for a window"):
        window_bases(pretraining_task(), Vocabulary.preset("dna-3mers"), 7)
