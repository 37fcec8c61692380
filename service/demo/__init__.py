"""A demonstration: made-up arrivals, decided by people or by made-up ones."""
