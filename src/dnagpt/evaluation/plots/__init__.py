"""Figures as SVG text, the same bytes every time.

scores.py               learning curves, ROC, calibration, bars, attention
numbers.py              predicted against true; matrices.py: confusion and heat maps
haplotype_panels.py     haplotypes, a panel for each set; haplotype_curves.py: their curves
haplotype_layout.py     how the panels are laid out
style.py                colours and type, in light and dark
"""
