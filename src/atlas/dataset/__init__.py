"""Labelled pictures in a folder that other tools open too."""
