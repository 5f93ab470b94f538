"""The judgement of answers: arrays in; metrics with intervals, plots and one-page reports out."""
