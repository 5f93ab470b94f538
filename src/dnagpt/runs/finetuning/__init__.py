"""Fine-tuning: `task file -> settings -> tasks with records -> examples -> run -> scores -> report`.

settings.py             what a task file may say; defaults.py: what holds where it says nothing; checks.py: its mistakes
tasks.py                the tasks with their records, read, divided and scaled
examples.py             records as the rows that a network is trained on; haplotype_examples.py: haplotypes
run.py                  the training; judge.py: the validation; several.py: several seeds and folds
scoring.py              the answers of models and baselines; report.py and haplotype_report.py: the page
"""
