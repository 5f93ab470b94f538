"""The genome and the models of the tests of the command line, for the tests of what its verbs carry out."""

from tests.commands.conftest import _index_folder, complaint, finetuned, genome, here, pretrained

__all__ = ["_index_folder", "complaint", "finetuned", "genome", "here", "pretrained"]
