"""One self-contained page, and the tables in it.

page.py             the page (templates/report.html.j2)
tables.py           scores of groups, runs, subsets and data sets in tables, and as CSV
scores.py           the scores of a task as sections; haplotypes.py: the quality of haplotypes as sections
"""
