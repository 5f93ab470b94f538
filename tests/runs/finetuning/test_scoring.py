"""What the yardsticks read, and what a report draws of the answers."""

import numpy as np
import pytest
from tests.commands.examples import gc_rows, random_bases

from dnagpt.baselines.cnn import convolutional_baseline
from dnagpt.baselines.gc_and_kmers import gc_baseline, kmer_baseline
from dnagpt.evaluation.metrics.scores import Question, TestSet, score_answers
from dnagpt.evaluation.report.scores import score_sections
from dnagpt.language.template import Template
from dnagpt.runs.finetuning.scoring import yardstick_answers
from dnagpt.tasks import Task

PAIR = Task("pair", Template.parse("<K>{right:sequence}<=><K>{left:sequence}<=><B>{rich?:boolean}"))
PAIRS = [
    {"left": random_bases(30, seed=number), "right": row["sequence"], "rich": row["rich"]}
    for number, row in enumerate(gc_rows(60))
]


def test_several_sequences_are_read_in_the_order_of_the_template() -> None:
    known, judged, asked = PAIRS[:40], PAIRS[40:50], PAIRS[50:]
    (found,) = yardstick_answers(PAIR, known, judged, asked, ("gc", "kmers", "cnn"), seed=3).values()
    joined = [[f"{row['right']}N{row['left']}" for row in part] for part in (known, judged, asked)]
    labels = [[row["rich"] == "yes" for row in part] for part in (known, judged)]
    truth, judged_truth = (np.array(part, dtype=int) for part in labels)
    expected = {
        "small CNN": convolutional_baseline(joined[0], truth, joined[1], judged_truth, joined[2], classes=2, seed=3),
        "4-mer logistic regression": kmer_baseline(joined[0], truth, joined[2], classes=2),
        "GC content only": gc_baseline(joined[0], truth, joined[2], classes=2),
    }
    assert list(found) == list(expected)
    for name, chances in expected.items():
        np.testing.assert_array_equal(found[name], chances)


@pytest.mark.parametrize(("kinds", "curves"), [("abc", 3), ("ab", 1)])
def test_ranking_curves_of_several_classes_are_those_of_each_against_the_rest(kinds: str, curves: int) -> None:
    task = Task("sites", Template.parse(f"<K>{{sequence}}<=>{{kind?:choice({','.join(kinds)})}}"))
    records = [{"sequence": "ACG", "kind": "abb"[n % 3]} for n in range(24)]  # of c there is none
    chances = np.random.default_rng(1).dirichlet(np.ones(len(kinds)), size=24)
    answers = {Question(task.template.answered[0]): {"model": chances}}
    sets = [TestSet("test", slice(0, 24))]
    (section,) = score_sections(score_answers(records, answers, sets), records, answers, sets)
    (figure,) = [figure for figure in section.figures if "ROC" in figure.caption]
    assert ("each class against the rest" in figure.caption) == (curves == 3)
    names = list(kinds) if curves == 3 else ["model"]
    assert f"curves: {', '.join(names)}" in figure.svg
    assert ("undefined" in figure.svg) == (curves == 3)


def test_of_many_groups_a_report_shows_the_largest() -> None:
    task = Task("sites", Template.parse("<K>{sequence}<=>{kind?:choice(a,b)}"))
    groups = [f"gene{max(0, n - 20)}" for n in range(80)]  # 21 records of gene0, one each of 59 others
    records = [{"sequence": "ACG", "kind": "ab"[n % 2]} for n in range(80)]
    answers = {Question(task.template.answered[0]): {"model": np.random.default_rng(1).dirichlet([1, 1], size=80)}}
    sets = [TestSet("test", slice(0, 80), groups)]
    (section,) = score_sections(score_answers(records, answers, sets), records, answers, sets)
    (table,) = [table for table in section.tables if "groups" in table.caption]
    assert table.caption == "The model on the 40 largest of 60 groups; metrics.json has all"
    assert len(table.rows) == 40
    assert table.rows[0][:2] == ("gene0", 21)
