from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.files.messages import check_message

from dnagpt.errors import InputError
from dnagpt.haplotypes.people import families, read_populations, read_relatives


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def refused(path: Path, *parts: str, **options: str) -> None:
    with pytest.raises(InputError) as caught:
        read_populations(path, **options)
    check_message(caught.value, path.name, *parts)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("people.csv", "sample,population\nHG1,EUR\nHG2,EAS\n"),
        ("people.tsv", "Sample name\tPop\tSuper pop\nHG1\tEUR\tx\nHG2\tEAS\ty\n"),
        ("people.panel", "sample\tpop\tsuper_pop\tgender\t\t\nHG1\tEUR\tx\tmale\nHG2\tEAS\ty\tfemale\n"),
        ("people.txt", "#IID  population\nHG1   EUR\n\nHG2   EAS\n"),
        (
            "people.jsonl",
            '{"individual_id": "HG1", "population": "EUR"}\n{"individual_id": "HG2", "population": "EAS"}\n',
        ),
    ],
)
def test_known_columns_are_found_in_every_format(tmp_path: Path, name: str, text: str) -> None:
    assert read_populations(written(tmp_path, name, text)) == {"HG1": "EUR", "HG2": "EAS"}


def test_named_columns_are_used(tmp_path: Path) -> None:
    path = written(tmp_path, "people.csv", "who,sample,code,population\nHG1,a,GBR,EUR\nHG2,b,JPT,EAS\n")
    assert read_populations(path, column="code", sample_column="who") == {"HG1": "GBR", "HG2": "JPT"}
    assert read_populations(path) == {"a": "EUR", "b": "EAS"}
    refused(path, "no column 'codes'", "Did you mean 'code'", column="codes")


def test_nothing_is_guessed(tmp_path: Path) -> None:
    refused(
        written(tmp_path, "a.csv", "sample,id,population\n1,2,3\n"), "more than one column may hold people",
        "'sample', 'id', 'population'", "`sample_column`",
    )  # fmt: skip
    refused(
        written(tmp_path, "b.csv", "sample,Superpopulation code\n1,2\n"),
        "no column is known to hold populations",
        "`population_column`",
    )
    refused(written(tmp_path, "c.csv", "sample,pop,population\n1,2,3\n"), "more than one column may hold populations")


def test_people_without_or_with_two_populations(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, "a.csv", "sample,population\nHG1,EUR\nHG2,\nHG1,EUR\n")
    assert read_populations(path) == {"HG1": "EUR"}
    assert "1 records have no population" in caplog.text
    refused(written(tmp_path, "b.csv", "sample,population\nHG1,EUR\nHG1,AFR\n"), "record 2", "'HG1'", "'EUR'", "'AFR'")
    refused(written(tmp_path, "c.csv", "sample,population\nHG1,EUR\n,AFR\n"), "record 2", "'sample' is empty")
    refused(written(tmp_path, "d.csv", "sample,population\nHG1,\n"), "'population' is empty")
    refused(written(tmp_path, "e.txt", "sample population\nHG1\n"), "line 2", "1 words", "2 columns")
    refused(written(tmp_path, "f.txt", ""), "holds no people")
    (tmp_path / "g.txt").write_bytes(b"\xff\xfe\n")
    refused(tmp_path / "g.txt", "not text")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pairs.csv", "sample1,sample2,kinship\nkid,mum,0.25\nkid,dad,0.25\n"),
        ("king.kin0", "#IID1\tIID2\tKINSHIP\nkid\tmum\t0.25\nkid\tdad\t0.25\n"),
        ("old.kin0", "FID1 ID1 FID2 ID2 Kinship\nf kid f mum 0.25\nf kid f dad 0.25\n"),
        ("family.fam", "f kid dad mum 0 -9\nf mum 0 0 2 -9\n"),
        ("a.ped", "Family ID\tIndividual ID\tPaternal ID\tMaternal ID\nf\tkid\tdad\tmum\nf\tmum\t0\t0\n"),
        ("trios.txt", "FamilyID SampleID FatherID MotherID Sex\nf kid dad mum 1\nf mum 0 0 2\n"),
    ],
)  # fmt: skip
def test_relatives_of_pairs_and_pedigrees(tmp_path: Path, name: str, text: str) -> None:
    assert set(read_relatives(written(tmp_path, name, text))) == {("kid", "mum"), ("kid", "dad")}


def test_a_table_without_relatives_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_relatives(written(tmp_path, "a.csv", "sample,population\nHG1,EUR\n"))
    check_message(caught.value, "a.csv", "'sample', 'population'", "'sample1'")
    with pytest.raises(InputError) as caught:
        read_relatives(written(tmp_path, "a.fam", "f kid\n"))
    check_message(caught.value, "a.fam", "line 1")


names = st.sampled_from("abcdefgh")


@given(st.lists(names, max_size=12), st.lists(st.tuples(names, names), max_size=8))
def test_families_are_the_connected_components(individuals: list[str], relatives: list[tuple[str, str]]) -> None:
    groups = families(individuals, relatives)

    def connected(person: str) -> set[str]:
        reached, before = {person}, set[str]()
        while reached != before:
            before = set(reached)
            reached |= {two for pair in relatives if reached & set(pair) for two in pair}
        return reached

    assert len(groups) == len(individuals)
    for one, group in zip(individuals, groups, strict=True):
        assert group == next(person for person in individuals if person in connected(one))


def test_the_published_table_is_read(data_dir: Path) -> None:
    path = data_dir / "haplotypes" / "sample_populations.tsv"
    of = read_populations(path, column="Superpopulation code")
    assert (of["HG00096"], of["NA18939"], of["NA19240"]) == ("EUR", "EAS", "AFR")


KING = (
    "#IID1\tIID2\tNSNP\tHETHET\tIBS0\tKINSHIP\na\tb\t9\t.1\t.1\t-0.01\na\tc\t9\t.1\t.1\t0.0442\nb\tc\t9\t.1\t.1\t0.25\n"
)
PLINK = "FID1 IID1 FID2 IID2 PI_HAT\nf a f b 0.02\nf a f c 0.09\nf b f c 0.5\n"


@pytest.mark.parametrize(("name", "text"), [("all.kin0", KING), ("all.genome", PLINK)])
def test_pairs_below_the_kinship_are_not_related(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    assert read_relatives(tmp_path / name) == [("a", "c"), ("b", "c")]
    assert "1 of 3 pairs have a kinship below 0.0442 (data.haplotypes.kinship)" in caplog.text
    assert read_relatives(tmp_path / name, kinship=0.177) == [("b", "c")]
    assert len(read_relatives(tmp_path / name, kinship=-1)) == 3


def test_a_kinship_that_is_no_number_is_named(tmp_path: Path) -> None:
    (tmp_path / "all.kin0").write_text(KING.replace("-0.01", "close"))
    with pytest.raises(InputError, match="record 1: 'close' in 'KINSHIP' is not a number"):
        read_relatives(tmp_path / "all.kin0")


def test_a_pedigree_may_mix_tabs_and_blanks(tmp_path: Path) -> None:
    (tmp_path / "trio.fam").write_text("F1\tmum\t0\t0\t2\t0\nF1 kid dad mum 1 0\n")
    assert read_relatives(tmp_path / "trio.fam") == [("kid", "dad"), ("kid", "mum")]


def test_a_pedigree_without_parents_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trio.fam").write_text("F1 mum 0 0 2 0\nF1 kid 0 0 1 0\n")
    with pytest.raises(InputError, match=r"trio.fam gives nobody a father or a mother"):
        read_relatives(tmp_path / "trio.fam")
