"""Trained students are judged, described and only then put in place."""
