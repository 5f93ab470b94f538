"""Sequences and genomes: `FASTA | .2bit | BED -> checked records -> codes of bases`.

bases.py            letters <-> codes, the only place that knows the DNA alphabet
fasta.py            FASTA records, one at a time, in and out
twobit.py           the .2bit format
index.py            a genome indexed once, then any window of it in microseconds
indexing.py         how the index is built; manifest.py: what its bytes are
intervals.py        half-open stretches of contigs, regions, BED files, training and held-out parts
"""
