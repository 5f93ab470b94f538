"""Simulation of the demo's data: related genomes, polyadenylation-like sites, haplotypes. For development only."""
