"""Figures of a run for papers, as PDF, SVG or PNG, drawn by matplotlib."""
