"""The token language: vocabularies, templates, and text to ids and back."""
