"""Generated haplotypes next to real ones: each statistic in a file of its own.

quality.py              all of the following, in one value
comparison.py           generated sets, baselines and real halves, measured against the same real haplotypes
frequencies.py          allele frequencies, site-frequency spectrum
principal_components.py coupled components, Wasserstein and Sinkhorn distances
linkage.py              r2 of pairs, its decay with distance
three_point.py          3-point correlations
homozygosity.py         Garud's H, EHH
distances.py            distances within and between sets, copies
privacy.py              AATS, privacy loss, membership inference
shared_stretches.py     longest runs shared with a panel
populations.py          Fst, a classifier two-sample test, populations of neighbours
similarity.py           Pearson correlation, 1-D Wasserstein distance
"""
