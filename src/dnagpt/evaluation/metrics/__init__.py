"""Metrics of classes and numbers, with bootstrap intervals.

metrics.py          the metrics of classes and numbers, and their names
classification.py   accuracy, precision, recall, F1, MCC, AUROC, AUPRC, calibration, confusion
regression.py       squared Pearson, 1 - SSE/SST, Spearman, RMSE, MAE
ranking.py          areas, curves and ranks with exact ties
bootstrap.py        estimates with intervals
groups.py           the scores of one species, motif or chromosome at a time
several_runs.py     mean and deviation over several seeds or folds
scores.py           the questions of a task, and how each method answers them
"""
