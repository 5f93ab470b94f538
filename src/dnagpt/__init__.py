"""DNA language models after DNAGPT."""
