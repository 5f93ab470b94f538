"""Judge answers: metrics with intervals, baselines, exact floors, plots, one-page reports; arrays in, numbers out.

One line: `truth + answers -> metrics with intervals, beside baselines -> plots -> one HTML page`.

    metrics.py          the metrics of classes and numbers, and their bootstrap intervals
    classification.py   accuracy, precision, recall, F1, MCC, AUROC, AUPRC, calibration, confusion
    regression.py       squared Pearson, 1 - SSE/SST, Spearman, RMSE, MAE
    resampling.py       bootstrap estimates
    groups.py           the scores of one species, motif or chromosome at a time
    runs.py             mean and deviation over several seeds or folds
    ranking.py          areas, curves and ranks with exact ties
    baselines.py        what GC content and k-mer counts alone achieve
    kmers.py            counting k-mers
    markov.py           bits a base of Markov models; Markov genomes of known entropy
    haplotype_quality.py        generated beside real haplotypes: all of the following, in one value
    allele_frequencies.py       frequencies, site-frequency spectrum
    principal_components.py     coupled components, Wasserstein and Sinkhorn distances
    linkage.py                  r2 of pairs, its decay with distance
    three_point.py              3-point correlations
    homozygosity.py             Garud's H, EHH
    haplotype_distances.py      distances within and between sets, copies
    privacy.py                  AATS, privacy loss, membership inference
    shared_stretches.py         longest runs shared with a panel
    population_structure.py     Fst, a classifier two-sample test, populations of neighbours
    agreement.py                Pearson correlation, 1-D Wasserstein distance
    haplotype_baselines.py      independent sites, Markov chains along sites, Li-Stephens mosaics
    haplotype_comparison.py     generated sets, baselines and real halves, measured against the same real haplotypes
    haplotype_numbers.py        their numbers as tables and rows; haplotype_page.py: as the sections of a page
    plot_haplotypes.py          their figures, a panel a set (with plot_haplotype_curves.py, plot_panels.py)
    plots.py            figures as SVG text, the same bytes every time (with plot_numbers.py and plot_matrices.py)
    plot_style.py       their colours and type, in light and dark
    tables.py           scores of groups, runs, subsets and data sets side by side, and as CSV
    report.py           one self-contained page (templates/report.html.j2)
"""
