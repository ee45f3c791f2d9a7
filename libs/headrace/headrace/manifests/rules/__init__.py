"""What rendered manifests must obey: pure functions from manifests to findings, one module for each subject."""
