"""Haplotypes: alleles of many chromosome copies at known sites, and whose they are.

One line: `VCF | BCF | .hapt | .hap | .trees -> sites filtered -> genotypes resolved -> Haplotypes (N, S) of 0 and 1`.

    values.py           sites and haplotypes
    source.py           the settings of a file of haplotypes; selection.py: which sites and people are taken
    reading.py          haplotypes in, by the ending of the file; writing.py: haplotypes out
    vcf.py              VCF and BCF; trees.py: .trees; text.py: .hapt and .hap; legend.py: the sites of both
    site_filter.py      sites kept or left out; genotype_filter.py: genotypes resolved; both count what they leave out
    people.py           who is of which population, who is related to whom
    genetic_map.py      distances in morgans; gametes.py: what a person hands on
"""
