"""Labelled records: `files -> columns of the template -> checked -> duplicates found -> divided`.

settings.py         where records come from and how they are divided
files.py            which files; sources.py: their formats
checks.py           every cell read once; labelled.py: the records of one task, divided
duplicates.py       the same sequence twice; near_duplicates.py: nearly the same
splits.py           the parts; split_report.py: what is to be known of them
"""
