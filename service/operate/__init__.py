"""What an operator runs: checks, audits, recovery, rounds of tuning."""
