from pathlib import Path

import msprime
import numpy as np
import pytest
import tskit
from tests.files.messages import check_message

from dnagpt.errors import InputError
from dnagpt.haplotypes.reading import read_haplotypes
from dnagpt.haplotypes.selection import HaplotypeSelection


def simulated(
    folder: Path, *, model: str = "jc69", discrete: bool = True, people: int = 4
) -> tuple[Path, tskit.TreeSequence]:
    trees = msprime.sim_ancestry(
        people, sequence_length=5_000, recombination_rate=1e-6, population_size=1_000, random_seed=1
    )
    trees = msprime.sim_mutations(trees, rate=5e-6, random_seed=1, model=model, discrete_genome=discrete)
    trees.dump(folder / "simulated.trees")
    return folder / "simulated.trees", trees


def refused(path: Path, *parts: str, **settings: object) -> None:
    with pytest.raises(InputError) as caught:
        read_haplotypes(path, HaplotypeSelection.model_validate(settings))
    check_message(caught.value, path.name, *parts)


def test_haplotypes_are_those_of_the_vcf_that_tskit_writes(tmp_path: Path) -> None:
    path, trees = simulated(tmp_path)
    with (tmp_path / "simulated.vcf").open("w") as file:
        trees.write_vcf(file, position_transform=lambda positions: np.asarray(positions) + 1)
    panel = read_haplotypes(path)
    vcf = read_haplotypes(tmp_path / "simulated.vcf")
    assert panel.sites.same_alleles(vcf.sites)
    assert np.array_equal(panel.alleles, vcf.alleles)
    assert panel.individuals == vcf.individuals
    assert panel.left_out == vcf.left_out
    assert len(panel.sites) > 20


def test_alleles_without_letters_are_a_and_t(tmp_path: Path) -> None:
    path, trees = simulated(tmp_path, model="binary")
    panel = read_haplotypes(path)
    assert set(panel.sites.reference) == {"A"}
    assert set(panel.sites.alternate) == {"T"}
    assert np.array_equal(panel.alleles.T, trees.genotype_matrix())


def test_the_selection_applies_to_trees(tmp_path: Path) -> None:
    path, _ = simulated(tmp_path, model="binary")
    whole = read_haplotypes(path)
    part = read_haplotypes(
        path, HaplotypeSelection(region="1:1,001-3,000", samples=("tsk_1", "tsk_3"), minimum_frequency=0.25)
    )
    inside = [place for place, at in enumerate(whole.sites.positions) if 1_000 <= at < 3_000]
    expected = whole.take([2, 3, 6, 7]).at(inside)
    common = np.flatnonzero((expected.frequencies >= 0.25) & (expected.frequencies <= 0.75))
    assert part.individuals == ["tsk_1", "tsk_1", "tsk_3", "tsk_3"]
    assert part.sites.positions.tolist() == expected.sites.positions[common].tolist()
    assert np.array_equal(part.alleles, expected.alleles[:, common])
    refused(path, "no sample 'HG1'", samples=("HG1",))


def test_samples_without_individuals_have_one_haplotype(tmp_path: Path) -> None:
    tables = tskit.TableCollection(sequence_length=10)
    root = tables.nodes.add_row(time=1)
    leaves = [tables.nodes.add_row(flags=tskit.NODE_IS_SAMPLE, time=0) for _ in range(3)]
    for leaf in leaves[:2]:
        tables.edges.add_row(0, 10, root, leaf)
    for position in (2, 5):
        tables.sites.add_row(position, "C")
    tables.mutations.add_row(site=0, node=leaves[0], derived_state="G")
    tables.mutations.add_row(site=1, node=leaves[1], derived_state="T")
    tables.sort()
    tables.tree_sequence().dump(tmp_path / "hand.trees")
    refused(tmp_path / "hand.trees", "site 1:3", "node_3", "is not known", "missing")
    panel = read_haplotypes(tmp_path / "hand.trees", HaplotypeSelection(missing="drop-samples"))
    assert panel.individuals == ["node_1", "node_2"]
    assert panel.alleles.tolist() == [[1, 0], [0, 1]]
    assert (panel.sites.reference, panel.sites.alternate) == (["C", "C"], ["G", "T"])
    assert panel.left_out == {"people with missing genotypes": 1}


def test_positions_between_bases_are_refused(tmp_path: Path) -> None:
    path, _ = simulated(tmp_path, discrete=False)
    refused(path, "lies between two bases", "discrete_genome=True")


def test_a_person_of_more_than_two_copies_is_refused(tmp_path: Path) -> None:
    trees = msprime.sim_ancestry(2, ploidy=3, sequence_length=100, random_seed=1)
    msprime.sim_mutations(trees, rate=1e-2, random_seed=1).dump(tmp_path / "three.trees")
    refused(tmp_path / "three.trees", "tsk_0", "3 chromosome copies")


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path, _ = simulated(tmp_path)
    stored = path.read_bytes()
    for name, content in {"empty": b"", "half": stored[: len(stored) // 2], "text": b"hello world" * 50}.items():
        (tmp_path / f"{name}.trees").write_bytes(content)
        refused(tmp_path / f"{name}.trees", "empty" if name == "empty" else "no tree sequence")
    refused(tmp_path / "none.trees", "does not exist")
    msprime.sim_ancestry(2, sequence_length=100, random_seed=1).dump(tmp_path / "bare.trees")
    refused(tmp_path / "bare.trees", "holds no sites")
