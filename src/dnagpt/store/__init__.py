"""A model folder in and out, written whole and loaded strictly.

model.py                    a network with its vocabulary and its tasks
folder.py                   the folder of a model
weights.py                  weights from files, checked, into a network; adapters.py: adapters merged
transformers_settings.py    what config.json says to transformers
"""
