"""Emergency triage: an arrival becomes an acuity suggestion."""
