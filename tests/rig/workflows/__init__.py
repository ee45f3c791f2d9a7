"""Linters of GitHub workflows, run for real: actionlint (built from pinned sources) and zizmor (offline)."""
