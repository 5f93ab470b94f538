"""What a trained model is asked: answers, new sequences, scores of genomes."""
