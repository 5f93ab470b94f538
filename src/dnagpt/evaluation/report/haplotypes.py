"""Sets of haplotypes beside one another, for people and programs: sections of a page, rows of a table, plain values."""

import math
from collections.abc import Mapping, Sequence

from dnagpt.evaluation.haplotypes.comparison import ComparedSet
from dnagpt.evaluation.haplotypes.populations import PopulationAgreement
from dnagpt.evaluation.haplotypes.privacy import Privacy
from dnagpt.evaluation.plots.haplotype_curves import (
    accuracy_plot,
    decay_plot,
    homozygosity_plot,
    spectrum_plot,
    stretches_plot,
    three_point_plot,
)
from dnagpt.evaluation.plots.haplotype_panels import component_panels, distance_panels, frequency_panels, linkage_panels
from dnagpt.evaluation.plots.matrices import heat_map
from dnagpt.evaluation.report.page import Cell, Figure, Headline, Section, Table
from dnagpt.evaluation.report.tables import ScoreRow

Row = tuple[Cell, ...]
_MOST_COLUMNS = 15  # of a heat map; more are in metrics.json alone
_LOOK = (
    "Generated sets have colours. Baselines are green where they have a panel of their own, and grey and dashed among "
    "other lines. Real haplotypes are grey, or the broad dark line."
)


def quality_sections(sets: Sequence[ComparedSet], notes: Sequence[str] = ()) -> list[Section]:
    """Lay the comparison out as the parts of a page: all numbers first, then each matter with its figures.

    `notes` say what was done to the input before anything was measured.
    """
    return [
        _numbers(sets, notes),
        _frequencies(sets),
        _components(sets),
        _populations(sets),
        *_linkage(sets),
        *_triplets(sets),
        *_homozygosity(sets),
        _distances(sets),
        _privacy(sets),
    ]


def short_sections(sets: Sequence[ComparedSet]) -> list[Section]:
    """Return what a reader looks at first: all numbers, principal components, linkage disequilibrium."""
    return [_numbers(sets, ()), _components(sets), *_linkage(sets)]


def _numbers(sets: Sequence[ComparedSet], notes: Sequence[str]) -> Section:
    first = sets[0].quality
    halves = any(one.kind == "limit" for one in sets)
    text = (
        f"Every set is compared with the same {first.real_count:,} real haplotypes at {first.site_count:,} sites. "
        "Baselines need no model: independent sites keep allele frequencies alone, Markov chains look back at the "
        "sites just before, and Li-Stephens mosaics are pieced together from real haplotypes (each of one population, "
        "where populations are known). "
    )
    if halves:
        text += (
            "The last column compares one half of the real people with the other half: about what as many other real "
            "people would reach, and half as many haplotypes make it a little worse. "
        )
    said = _merged([(one.name, note) for one in sets if one.kind == "generated" for note in one.quality.notes])
    paragraphs = "\n\n".join([text, _LOOK, " ".join(said)])
    return Section("All numbers", paragraphs, tables=(quality_table(sets),), notices=tuple(notes))


def _frequencies(sets: Sequence[ComparedSet]) -> Section:
    text = (
        "How often allele 1 is carried at each site. On the diagonal, generated haplotypes carry it exactly as often "
        "as real ones. Sites that vary among real people and not in a generated set are variation that was lost."
    )
    figures = (
        Figure(frequency_panels(sets), "Frequency of allele 1, a dot a site (at most 1,000, drawn at random)."),
        Figure(
            spectrum_plot(sets),
            "Left: by how much each quantile of the frequencies is off. Right: share of sites by the frequency of "
            "their rarer allele.",
        ),
    )
    return Section("Allele frequencies", text, figures=figures)


def _components(sets: Sequence[ComparedSet]) -> Section:
    text = (
        "Principal components of the real and the generated haplotypes taken together, set by set. Real haplotypes are "
        "grey. A good set covers the same clouds, as densely, and puts nothing between them. The two numbers are the "
        "Wasserstein distances on components 1 and 2, in the unit of the axes."
    )
    figure = Figure(component_panels(sets), "At most 1,000 haplotypes of each set, drawn at random.")
    rows: list[Row] = []
    for one in sets:
        found = one.quality.components
        if found is not None:
            rows.append((one.name, *found.wasserstein.tolist(), found.sinkhorn))
    width = max((len(row) for row in rows), default=2) - 2
    columns = ("Set", *(f"PC{place}" for place in range(1, width + 1)), "Sinkhorn, PC1-2")
    table = Table(columns, tuple(row for row in rows if len(row) == len(columns)), "Distance from the real haplotypes")
    return Section("Principal components", text, tables=(table,), figures=(figure,))


def _populations(sets: Sequence[ComparedSet]) -> Section:
    measured = {one.name: one.quality.populations for one in sets}
    text = (
        "A classifier is taught to tell generated from real haplotypes and is asked about others: 0.5 means that it "
        "cannot, and a little less is common where a set was fitted on the very people asked about. Fst is 0 where two "
        "sets have the same allele frequencies. Where populations are known, haplotypes are also judged by whether "
        "their nearest real neighbours are of their own population. Fst is drawn for up to 15 populations, or pairs of "
        "them; all of it is in metrics.json."
    )
    rows: list[Row] = []
    for name, one in measured.items():
        told = one.discrimination
        rows.append((name, *((told.accuracy, told.auc, told.tested) if told else (None, None, None)), one.fst))
    columns = ("Set", "Accuracy", "AUC", "Haplotypes asked about", "Fst")
    tables = (Table(columns, tuple(rows), "Telling generated from real haplotypes"), *_label_table(sets))
    return Section("Populations", text, tables=tables, figures=tuple(_fst_figures(measured)))


def _label_table(sets: Sequence[ComparedSet]) -> list[Table]:
    """Lay out neighbours by population; halves have other, smaller references and are left out."""
    labelled = {one.name: found for one in sets if one.kind != "limit" and (found := one.quality.populations.labels)}
    if not labelled:
        return []
    columns: dict[str, list[Cell]] = {}
    places = list(dict.fromkeys(place for one in labelled.values() for place in one.real_by_population))
    for name, one in labelled.items():
        columns[name] = [one.generated, *(one.generated_by_population.get(place) for place in places)]
    aside: dict[Row, list[str]] = {}
    for name, one in labelled.items():
        aside.setdefault((one.real, *(one.real_by_population.get(place) for place in places)), []).append(name)
    for cells, names in aside.items():
        heading = "real, set aside" if len(aside) == 1 else f"real, set aside for {', '.join(names)}"
        columns[heading] = list(cells)
    neighbours = next(iter(labelled.values())).neighbours
    caption = f"Share of haplotypes whose {neighbours} nearest real ones are mostly of their own population"
    rows = tuple(zip(("all", *places), *columns.values(), strict=True))
    return [Table(("Population", *columns), rows, caption)]


def _fst_figures(measured: Mapping[str, PopulationAgreement]) -> list[Figure]:
    """Draw Fst by population and between populations, where these are not too many to read."""
    by_population = {name: one.fst_by_population for name, one in measured.items() if one.fst_by_population}
    between = {name: one.generated_fst for name, one in measured.items() if one.generated_fst}
    if between:
        between = {"real": next(one.real_fst for name, one in measured.items() if name in between), **between}
    found = []
    for rows, quantity, caption in (
        (by_population, "Fst, generated against real", "0 is ideal; it may fall a little below by chance."),
        (between, "Fst between populations", "How far populations are apart, within the real and each generated set."),
    ):
        columns = list(dict.fromkeys(place for one in rows.values() for place in one))
        if rows and len(columns) <= _MOST_COLUMNS:
            values = [[one.get(place, math.nan) for place in columns] for one in rows.values()]
            drawn = heat_map(values, list(rows), columns, quantity=quantity, row_label="Set", column_label="Population")
            found.append(Figure(drawn, caption))
    return found


def _linkage(sets: Sequence[ComparedSet]) -> list[Section]:
    if not any(one.quality.linkage for one in sets):
        return []
    text = (
        "r2 says how well the allele at one site foretells that at another. Panels show neighbouring sites: above the "
        "diagonal the real haplotypes, below it the set, so that a good panel is its own mirror image."
    )
    figures = [
        Figure(
            linkage_panels(sets),
            "r2 between neighbouring sites (averaged in blocks where there are more than 120); the darkest shade is "
            "0.9 and above, below 0.02 nothing is drawn. r is the correlation over random pairs of all sites.",
        )
    ]
    decay = decay_plot(sets)
    if decay is not None:
        figures.append(Figure(decay, "Mean r2 of pairs of sites on one contig, in 50 bins of distance."))
    return [Section("Linkage disequilibrium", text, figures=tuple(figures))]


def _triplets(sets: Sequence[ComparedSet]) -> list[Section]:
    drawn = three_point_plot(sets)
    if drawn is None:
        return []
    text = (
        "What three alleles have in common beyond what each two of them explain. The correlation with the same "
        "triplets of the real haplotypes is 1 where a set has it right."
    )
    return [Section("Triplets of sites", text, figures=(Figure(drawn, "A dot a gap between the sites of a triplet."),))]


def _homozygosity(sets: Sequence[ComparedSet]) -> list[Section]:
    measured = [(one.name, found) for one in sets if (found := one.quality.homozygosity)]
    if not measured:
        return []
    window = measured[0][1].window
    text = (
        "Extended haplotype homozygosity (EHH) is the chance that two haplotypes which share a core allele are the "
        f"same all the way to a site. H1 and H12 (Garud) are such chances in windows of {window} sites: above the "
        "real ones, too few different haplotypes were generated; below them, too many."
    )
    first = measured[0][1].real
    rows: list[Row] = [("real", *(float(part.mean()) for part in (first.h1, first.h12, first.h2_h1, first.diversity)))]
    for name, found in measured:
        parts = (found.generated.h1, found.generated.h12, found.generated.h2_h1, found.generated.diversity)
        rows.append((name, *(float(part.mean()) for part in parts)))
    table = Table(("Set", "H1", "H12", "H2/H1", "Haplotype diversity"), tuple(rows), "Mean over the windows")
    drawn = homozygosity_plot(sets)
    figures = (Figure(drawn, "EHH, mean over core sites, their alleles and both sides."),) if drawn else ()
    return [Section("Shared haplotypes", text, tables=(table,), figures=figures)]


def _distances(sets: Sequence[ComparedSet]) -> Section:
    text = (
        "At how many sites two haplotypes differ. A good set has the distances of real haplotypes within it, and the "
        "same distances to them. Copies are generated haplotypes that equal a real one; repeats equal an earlier one "
        "of their own set, and some are to be expected where real people repeat one another too."
    )
    rows: list[Row] = []
    for one in sets:
        found = one.quality.distances
        rows.append(
            (one.name, found.generated.mean, found.generated.deviation, found.between.mean, found.generated.identical,
             found.between.identical, found.repeats, found.real_repeats, found.copies)
        )  # fmt: skip
    columns = (
        "Set", "Mean within", "Deviation", "Mean to real", "Identical pairs within", "Identical pairs with real",
        "Repeats", "Repeats among real", "Copies of real",
    )  # fmt: skip
    figure = Figure(distance_panels(sets), "Distribution of the number of sites that differ, over all pairs.")
    return Section("Distances and copies", text, tables=(Table(columns, tuple(rows)),), figures=(figure,))


def _privacy(sets: Sequence[ComparedSet]) -> Section:
    measured = {one.name: one.quality.privacy for one in sets if one.quality.privacy}
    text = (
        "Nearest-neighbour adversarial accuracy (AATS) asks whether haplotypes lie nearer to their own set than to the "
        "other one. At 0.5 the sets are interwoven as two halves of one would be; above it they lie apart (underfit), "
        "below it generated haplotypes hug real ones (overfit)."
    )
    figures = [Figure(accuracy_plot(sets), "The two parts of AATS, and their mean.")]
    tables = []
    if measured:
        text += (
            "\n\nPrivacy loss is AATS against people held out minus AATS against the training set: above 0, the "
            "training set is hugged more. Membership AUC is that of an attack that takes people for training people "
            "if a generated haplotype is near them: 0.5 is no better than a guess. Runs are the longest stretches of "
            "neighbouring sites that a generated haplotype shares with anybody of the training set; those of people "
            "held out say what is usual. Runs and copies are counted in whole sets."
        )
        rows = tuple(
            (name, found.training.score, found.held_out.score, _with_deviation(found), found.membership_auc,
             found.training_copies, found.held_out_copies, found.training_stretches.mean_sites,
             found.held_out_stretches.mean_sites)
            for name, found in measured.items()
        )  # fmt: skip
        columns = (
            "Set", "AATS, training", "AATS, held out", "Privacy loss", "Membership AUC", "Copies of training",
            "Copies of held out", "Run shared with training", "The same of people held out",
        )  # fmt: skip
        size = next(iter(measured.values())).training.size
        tables.append(
            Table(columns, rows, f"Training people against people held out, {size:,} haplotypes of each at a time")
        )
        drawn = stretches_plot(sets)
        if drawn:
            figures.append(Figure(drawn, "Shared with the training set; dashed: what people held out share with it."))
    else:
        text += (
            "\n\nWhich people a model was trained on was not said, so what it gives away of them could not be measured."
        )
    return Section("Adversarial accuracy and privacy", text, tables=tuple(tables), figures=tuple(figures))


def _with_deviation(found: Privacy) -> str:
    """Write the privacy loss with its deviation, on one line."""
    space = "\N{NO-BREAK SPACE}"
    return f"{found.privacy_loss:.3f}{space}±{space}{found.privacy_loss_deviation:.3f}"


def _merged(notes: Sequence[tuple[str, str]]) -> list[str]:
    """Say once what was said of several sets, naming all of them.

    >>> _merged([("a", "Too few sites."), ("b", "Too few sites.")])
    ['a, b: Too few sites.']
    """
    names: dict[str, list[str]] = {}
    for name, text in notes:
        names.setdefault(text, []).append(name)
    return [f"{', '.join(of)}: {text}" for text, of in names.items()]


NAMES: dict[str, tuple[str, str]] = {
    "frequency_correlation": ("Allele frequency, r", "1"),
    "rare_frequency_correlation": ("Allele frequency up to .2, r", "1"),
    "frequency_difference": ("Allele frequency, mean difference", "0"),
    "sites_lost": ("Sites that no longer vary", "0"),
    "spectrum_difference": ("Sites in another class of the spectrum", "0"),
    "ld_correlation": ("LD (r²), r over random pairs", "1"),
    "ld_full_correlation": ("LD (r²), r over all pairs", "1"),
    "ld_near_correlation": ("LD (r²), r over pairs on a contig", "1"),
    "ld_decay_difference": ("LD decay, mean difference", "0"),
    "three_point_correlation": ("3-point correlations, mean r", "1"),
    "pc1_wasserstein": ("PC1, Wasserstein distance", "0"),
    "pc2_wasserstein": ("PC2, Wasserstein distance", "0"),
    "pc_sinkhorn": ("PC1 and PC2, Sinkhorn divergence", "0"),
    "distance_difference": ("Pairwise distances, Wasserstein", "0"),
    "h1_difference": ("Homozygosity H1, generated minus real", "0"),
    "ehh_difference": ("EHH, mean difference", "0"),
    "aats": ("AATS", "0.5"),
    "aa_truth": ("AATS, real part", "0.5"),
    "aa_synthetic": ("AATS, generated part", "0.5"),
    "copies": ("Copies of real haplotypes", "0"),
    "repeats": ("Repeats within the set", "as real"),
    "privacy_loss": ("Privacy loss", "0"),
    "membership_auc": ("Membership inference, AUC", "0.5"),
    "training_run": ("Longest run shared with training, sites", "as held out"),
    "held_out_training_run": ("The same of people held out", ""),
    "classifier_accuracy": ("Classifier, accuracy", "0.5"),
    "fst": ("Fst against real", "0"),
    "label_accuracy": ("Neighbours of their own population", "as real"),
    "real_label_accuracy": ("The same of real haplotypes set aside", ""),
}
"""Of each number of `HaplotypeQuality.headline`: how it is called in a table, and its ideal value."""
_COUNTS = {"sites_lost", "copies", "repeats"}


def quality_table(sets: Sequence[ComparedSet], *, caption: str = "") -> Table:
    """Set the numbers of all sets side by side: a row a number, a column a set; what none of them has is left out."""
    numbers = [one.quality.headline() for one in sets]
    names = [name for name in numbers[0] if any(not math.isnan(of_set[name]) for of_set in numbers)]
    rows = tuple((*NAMES[name], *(_cell(name, of_set[name]) for of_set in numbers)) for name in names)
    return Table(("Measure", "Ideal", *(one.name for one in sets)), rows, caption)


def short_table(sets: Sequence[ComparedSet]) -> Table:
    """Sum the comparison up for a terminal: a row a set, a few numbers."""
    columns = {
        "AF r": "frequency_correlation", "LD r": "ld_correlation", "PC1": "pc1_wasserstein", "PC2": "pc2_wasserstein",
        "AATS": "aats", "Privacy loss": "privacy_loss", "Copies": "copies",
    }  # fmt: skip
    numbers = [one.quality.headline() for one in sets]
    cells = {shown: [_cell(name, of_set[name]) for of_set in numbers] for shown, name in columns.items()}
    kept = {name: of_sets for name, of_sets in cells.items() if any(cell is not None for cell in of_sets)}
    rows = tuple((one.name, *(of_sets[row] for of_sets in kept.values())) for row, one in enumerate(sets))
    return Table(("Set", *kept), rows)


def quality_headlines(sets: Sequence[ComparedSet]) -> list[Headline]:
    """Sum the first set up in four numbers, each beside what halves of the real people reach."""
    first = sets[0]
    numbers = first.quality.headline()
    limit = next((one.quality.headline() for one in sets if one.kind == "limit"), {})
    wanted = [
        ("allele frequencies, r", "frequency_correlation", ""),
        ("linkage disequilibrium, r", "ld_correlation", ""),
        ("AATS", "aats", "0.5 is ideal"),
        ("privacy loss", "privacy_loss", "0 is ideal"),
    ]
    found = []
    for label, name, ideal in wanted:
        value, beside = numbers[name], limit.get(name, math.nan)
        if not math.isnan(value):
            details = [ideal] * bool(ideal) + ([] if math.isnan(beside) else [f"real halves {beside:.3f}"])
            found.append(Headline(f"{first.name}: {label}", f"{value:.3f}", ", ".join(details)))
    return found


def quality_rows(sets: Sequence[ComparedSet]) -> list[ScoreRow]:
    """List every number of every set, one a row, as they stand in a CSV file."""
    return [
        {"set": one.name, "kind": one.kind, "metric": name, "value": _cell(name, value)}
        for one in sets
        for name, value in one.quality.headline().items()
    ]


def _cell(name: str, value: float) -> Cell:
    if math.isnan(value):
        return None
    return int(value) if name in _COUNTS else value
