"""`python -m headrace_feature_engineering`."""

from headrace_feature_engineering.app import main

main()
