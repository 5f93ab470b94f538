"""What is reached without a language model, for comparison.

gc_and_kmers.py     GC content and counts of k-mers; kmers.py: counting them
cnn.py              a small convolutional network
markov.py           Markov models of genomes
haplotypes.py       independent sites, Markov chains along sites, Li-Stephens mosaics
"""
