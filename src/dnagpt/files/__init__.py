"""Files of any kind, read strictly, written whole or not at all; no biology.

atomic.py           files opened for reading; output that appears whole or not at all
compressed.py       compressed input recognised by content, damage never read as an end
recognition.py      what a file of another format is
tables.py           CSV, TSV, Parquet and JSON lines as data frames; hdf5.py: HDF5
optional.py         optional packages, asked for where they are used
suggestions.py      names that a person may have meant
"""
