"""Biology as files: sequences, genomes, intervals, haplotypes and tables, read strictly, written whole or not at all.

One line: `FASTA | .2bit | BED | VCF | table -> checked records -> codes of bases | alleles`.

    bases.py               letters <-> codes, the only place that knows the DNA alphabet
    sequences.py           FASTA records, one at a time
    twobit.py              the .2bit format
    index.py               a genome indexed once, then any window of it in microseconds
    indexing.py            how the index is built; manifest.py: what its bytes are
    intervals.py           half-open stretches of contigs, BED files, training and held-out parts
    tables.py              CSV, TSV, Parquet and JSON lines as data frames
    fasta_writer.py        FASTA records out
    haplotypes.py          alleles of many chromosome copies, and whose they are
    haplotype_files.py     haplotypes in, by the ending of the file; haplotype_writer.py: haplotypes out
    haplotype_selection.py which sites and people are taken, and what is done with genotypes that cannot be used
    site_screening.py      sites kept or left out; genotypes.py: genotypes settled; both count what they leave out
    variant_files.py       VCF and BCF; tree_sequences.py: .trees
    haplotype_text.py      .hapt and .hap; legend.py: the sites of both
    populations.py         who is of which population, who is related to whom
    genetic_map.py         distances in morgans
    extras.py              optional packages, asked for where they are used
    files.py               files opened for reading; output that appears whole or not at all
    stored_bytes.py        compressed input recognised by content, damage never read as an end
    recognition.py         what a file of another format is; nearest.py: names that a person may have meant
"""
