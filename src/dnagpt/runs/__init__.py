"""What the verbs carry out, as functions that Python programs can call too; the only place that wires rooms together.

pretraining.py          from genomes to a model
finetuning/             from labelled records, or haplotypes, to a model that answers
prediction.py           answers for a table; generation.py and haplotype_generation.py: new sequences and haplotypes
evaluation.py           a model on a table or, with genome_evaluation.py, on genomes
haplotype_evaluation.py generated haplotypes next to real ones, read by haplotype_sets.py
importing.py            released weights in; exporting.py: other layouts out
demo.py                 the whole path on simulated data
configuration.py        settings from files and options; network.py: the settings of the network
progress.py             how far a run is; outputs.py: what runs write and show
"""
